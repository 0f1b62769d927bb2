/**
 * `balancer top`: the statistics with rates. On a terminal it is redrawn in place and follows keys;
 * elsewhere it is printed once.
 *
 * @module
 */
import { emitKeypressEvents } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { StatisticsHistory } from '@balancer/console';
import { createStyler, EXIT, type ExitCode, messageOf } from '@balancer/kit';
import type { Statistics } from '@balancer/lb';
import { AdminClient, type AdminTarget } from '../admin-client.ts';
import { EXIT_INTERRUPTED } from '../exit.ts';
import type { Io } from '../io.ts';
import { renderTop, SORT_KEYS, type SortKey, type TopView } from '../top-screen.ts';

export interface TopOptions extends AdminTarget {
  readonly intervalMs: number;
  /** Documents to show before it ends; default: on a terminal no end, elsewhere 1. */
  readonly count?: number;
}

/** Goes to the top left; the rest of each line, and of the screen, is cleared as it is written. */
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
/** The screen that is given back as it was. */
const ENTER_SCREEN = '\u001b[?1049h\u001b[?25l';
const LEAVE_SCREEN = '\u001b[?25h\u001b[?1049l';

/** What terminals had before they had windows. */
const USUAL_SIZE = { columns: 80, rows: 24 } as const;

/** @returns The exit code. @throws {AdminRequestError} Nothing answers at the start. */
export async function top(options: TopOptions, io: Io): Promise<number> {
  const client = await AdminClient.find(options, io.environment);
  const watch = new Watch(client, io, options.intervalMs);
  await watch.ask();
  return io.stdout.isTTY === true ? onTerminal(watch, options, io) : printed(watch, options);
}

/** Rates need two documents, so the first one is not shown. */
async function printed(watch: Watch, { count = 1 }: TopOptions): Promise<number> {
  const never = new AbortController().signal;
  for (let shown = 0; shown < count; shown++) {
    await watch.pause(never);
    await watch.ask();
    watch.print();
  }
  return EXIT.ok;
}

async function onTerminal(watch: Watch, { count }: TopOptions, io: Io): Promise<number> {
  const ended = new AbortController();
  const end = (code: number): void => ended.abort(code);
  const onSignal = (): void => end(EXIT_INTERRUPTED);
  io.signals.on('SIGINT', onSignal);
  io.signals.on('SIGTERM', onSignal);
  const releaseKeyboard = watchKeyboard(io, (key) => press(key, watch, end));
  io.stdout.write(ENTER_SCREEN);
  try {
    for (let shown = 1; !ended.signal.aborted; shown++) {
      watch.draw();
      if (shown === count) return EXIT.ok;
      await watch.pause(ended.signal);
      if (!ended.signal.aborted) await watch.ask();
    }
    return ended.signal.reason as ExitCode;
  } finally {
    io.stdout.write(LEAVE_SCREEN);
    releaseKeyboard();
    io.signals.off('SIGINT', onSignal);
    io.signals.off('SIGTERM', onSignal);
  }
}

/** The figures, what the operator chose of them, and where they are drawn. */
class Watch {
  private readonly client: AdminClient;
  private readonly io: Io;
  private readonly intervalMs: number;
  private readonly history: StatisticsHistory;
  private statistics: Statistics | undefined;
  private notice: string | null = null;
  private view: TopView = { sort: 'name', isReversed: false, firstServer: 0 };

  constructor(client: AdminClient, io: Io, intervalMs: number) {
    this.client = client;
    this.io = io;
    this.intervalMs = intervalMs;
    this.history = new StatisticsHistory({ gapMs: intervalMs * 3 + 1000, stepMinMs: 1 });
  }

  /** The first answer decides whether there is anything to watch; later ones may be missing. */
  async ask(): Promise<void> {
    try {
      this.statistics = await this.client.statistics();
      this.history.record(this.statistics, performance.now());
      this.notice = null;
    } catch (error) {
      if (!this.statistics) throw error;
      this.notice = `${messageOf(error)} (these are the last figures)`;
    }
  }

  /** Resolves early, and never rejects, when `signal` says so. */
  async pause(signal: AbortSignal): Promise<void> {
    await setTimeout(this.intervalMs, undefined, { signal }).catch(() => {});
  }

  print(): void {
    const { columns = 120 } = this.io.stdout;
    this.io.stdout.write(`${this.lines({ columns, rows: Infinity }).join('\n')}\n`);
  }

  draw(): void {
    const { columns = USUAL_SIZE.columns, rows = USUAL_SIZE.rows } = this.io.stdout;
    const lines = this.lines({ columns, rows });
    this.io.stdout.write(`${HOME}${lines.join(`${CLEAR_LINE}\r\n`)}${CLEAR_LINE}${CLEAR_BELOW}`);
  }

  /** Chosen again, the order is turned round. */
  sortBy(sort: SortKey): void {
    const isReversed = sort === this.view.sort && !this.view.isReversed;
    this.view = { sort, isReversed, firstServer: 0 };
    this.draw();
  }

  scroll(servers: number): void {
    const firstServer = Math.max(0, this.view.firstServer + servers);
    const backends = Object.values(this.statistics?.backends ?? {});
    const count = backends.reduce((sum, each) => sum + Object.keys(each.server_stats).length, 0);
    this.view = { ...this.view, firstServer: Math.min(firstServer, Math.max(0, count - 1)) };
    this.draw();
  }

  private lines(size: { readonly columns: number; readonly rows: number }): string[] {
    return renderTop({
      statistics: this.statistics!,
      history: this.history,
      view: this.view,
      notice: this.notice,
      hasKeyboard: size.rows !== Infinity && this.io.stdin.isTTY,
      style: createStyler(this.io.stdout, this.io.environment),
      ...size,
    });
  }
}

interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
}

const SCROLLS: Readonly<Record<string, number>> = {
  up: -1,
  k: -1,
  down: 1,
  j: 1,
  pageup: -10,
  pagedown: 10,
};

function press({ name = '', ctrl = false }: Key, watch: Watch, end: (code: number) => void): void {
  if (ctrl) {
    if (name === 'c') end(EXIT_INTERRUPTED);
  } else if (name === 'q') {
    end(EXIT.ok);
  } else if (name in SORT_KEYS) {
    watch.sortBy(SORT_KEYS[name as keyof typeof SORT_KEYS]);
  } else if (name in SCROLLS) {
    watch.scroll(SCROLLS[name]!);
  }
}

/** @returns A function that gives the terminal back. */
function watchKeyboard({ stdin }: Io, onKey: (key: Key) => void): () => void {
  if (!stdin.isTTY) return () => {};
  const onKeypress = (_text: string | undefined, key: Key): void => onKey(key);
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  stdin.on('keypress', onKeypress);
  stdin.resume();
  return () => {
    stdin.off('keypress', onKeypress);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

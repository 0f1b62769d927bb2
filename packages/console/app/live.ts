/**
 * What a daemon says of itself, as it comes: asked for every two seconds while somebody looks.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
import type { CancelTimer, Clock } from '@balancer/kit';
import { StatisticsHistory } from '../src/history.ts';
import type { StatisticsReading } from './admin-client.ts';
import { NoTokenError } from './access.ts';

/** How things stand with the daemon. */
export type Link =
  | { readonly state: 'connecting' | 'live' | 'locked' }
  | {
      readonly state: 'lost';
      readonly reason: string;
      /** On the clock of the page. */
      readonly sinceMs: number;
    };

/** Whether anybody can see the page. */
export interface Visibility {
  readonly isHidden: () => boolean;
  readonly onChange: (listener: () => void) => void;
}

export interface LiveOptions<Reading> {
  readonly read: () => Promise<Reading>;
  readonly clock: Clock;
  readonly visibility: Visibility;
}

/** Between an answer and the next question. */
const REFRESH_MS = 2000;

/** The latest reading of one kind, and how things stand with the daemon. */
export class Live<Reading> {
  readonly reading: Signal<Reading | null> = signal(null);
  readonly link: Signal<Link> = signal({ state: 'connecting' });
  protected readonly options: LiveOptions<Reading>;
  private cancelTimer: CancelTimer = () => {};
  private isReading = false;

  constructor(options: LiveOptions<Reading>) {
    this.options = options;
  }

  /** Asks now, and from now on. While the page is hidden nothing is asked. */
  start(): void {
    const { visibility } = this.options;
    visibility.onChange(() => {
      if (visibility.isHidden()) this.cancelTimer();
      else void this.refresh();
    });
    if (!visibility.isHidden()) void this.refresh();
  }

  /** Asks at once, instead of at the next turn. Never rejects. */
  async refresh(): Promise<void> {
    if (this.isReading) return;
    this.isReading = true;
    this.cancelTimer();
    try {
      this.accept(await this.options.read());
    } catch (error) {
      this.fail(error);
    } finally {
      this.isReading = false;
    }
    const { clock, visibility } = this.options;
    // Without a token the answer stays the same: the operator asks again with a button.
    if (visibility.isHidden() || this.link.value.state === 'locked') return;
    this.cancelTimer = clock.after(REFRESH_MS, () => void this.refresh());
  }

  protected accept(reading: Reading): void {
    this.link.value = { state: 'live' };
    this.reading.value = reading;
  }

  private fail(error: unknown): void {
    if (error instanceof NoTokenError) {
      this.link.value = { state: 'locked' };
      return;
    }
    const { value: link } = this.link;
    const sinceMs = link.state === 'lost' ? link.sinceMs : this.options.clock.nowMs();
    this.link.value = { state: 'lost', reason: reasonOf(error), sinceMs };
  }
}

/** The statistics with the history that the charts draw. */
export class LiveStatistics extends Live<StatisticsReading> {
  readonly history: StatisticsHistory = new StatisticsHistory();

  protected override accept(reading: StatisticsReading): void {
    this.history.record(reading.statistics, this.options.clock.nowMs());
    super.accept(reading);
  }
}

/** Browsers word a failed connection each in their own way, and none of them helpfully. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'nothing answers at this address';
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no answer in time';
  return error instanceof Error ? error.message : String(error);
}

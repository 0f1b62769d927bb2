/**
 * The statistics as they come: asked for every two seconds while somebody looks, with the history
 * that the charts draw.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
import type { CancelTimer, Clock } from '@balancer/kit';
import type { StatisticsReading } from './admin-client.ts';
import { StatisticsHistory } from '../src/history.ts';
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

export interface LiveOptions {
  readonly read: () => Promise<StatisticsReading>;
  readonly clock: Clock;
  readonly visibility: Visibility;
}

/** Between an answer and the next question. */
const REFRESH_MS = 2000;

export class LiveStatistics {
  readonly reading: Signal<StatisticsReading | null> = signal(null);
  readonly link: Signal<Link> = signal({ state: 'connecting' });
  readonly history: StatisticsHistory = new StatisticsHistory();
  private readonly options: LiveOptions;
  private cancelTimer: CancelTimer = () => {};
  private isReading = false;

  constructor(options: LiveOptions) {
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

  private accept(reading: StatisticsReading): void {
    this.history.record(reading.statistics, this.options.clock.nowMs());
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

/** Browsers word a failed connection each in their own way, and none of them helpfully. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'nothing answers at this address';
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no answer in time';
  return error instanceof Error ? error.message : String(error);
}

/**
 * The plane's counters over time: as of the last look, as rates, and since they were last set to 0.
 *
 * @module
 */
import { Rates } from './rates.ts';
import type { PlaneSnapshot } from './statistics.ts';
import { ZeroBase } from './zero-base.ts';

/** Time between two looks at the counters, for rates. */
const SAMPLE_MS = 1000;

export class Sampler {
  /** Packets and bytes per second. */
  readonly rates: Rates = new Rates();
  readonly #read: () => Promise<PlaneSnapshot>;
  readonly #zero = new ZeroBase();
  #latest: PlaneSnapshot | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param read - Reads the counters as they are now. */
  constructor(read: () => Promise<PlaneSnapshot>) {
    this.#read = read;
  }

  /** The counters as of the last look. */
  get latest(): PlaneSnapshot | undefined {
    return this.#latest;
  }

  /** Whether it looks by itself. */
  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /** Looks at the counters. */
  async look(): Promise<PlaneSnapshot> {
    return (this.#latest = await this.#read());
  }

  /** Looks once a second from now on, for rates. */
  start(onLook: (snapshot: PlaneSnapshot) => void, onFailure: (error: unknown) => void): void {
    const sample = async (): Promise<void> => {
      try {
        const snapshot = await this.look();
        this.rates.add(snapshot);
        onLook(snapshot);
      } catch (error) {
        onFailure(error);
      }
    };
    this.#timer = setInterval(() => void sample(), SAMPLE_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks, and returns the packets that came for services so far. */
  async packetsIn(): Promise<number> {
    const { services } = await this.look();
    return [...services.values()].reduce((sum, { inPackets }) => sum + inPackets, 0);
  }

  /** Lets `sinceZero` count from now on. @param key - One service; all by default. */
  async setToZero(key?: string): Promise<void> {
    this.#zero.set(await this.look(), key);
  }

  /** The counters since they were last set to 0. */
  sinceZero(snapshot: PlaneSnapshot): PlaneSnapshot {
    return this.#zero.subtract(snapshot);
  }
}

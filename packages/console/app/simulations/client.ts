/**
 * What the page of simulations reads and orders, as its listener answers it.
 *
 * @module
 */
import { AdminTransport } from '../admin-transport.ts';

/** An experiment: its results, or its run. */
export interface Experiment {
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'done' | 'stopped' | 'failed';
  readonly hash: string;
  readonly seed: string;
  readonly mode: string;
  readonly points: number;
  readonly done: number;
  readonly total: number;
  /** Runs a second. */
  readonly rate: number | null;
  /** Mean end value against the runs done. */
  readonly curve: readonly (readonly [done: number, mean: number])[];
  readonly error: string | null;
  /** Files of results that may be fetched. */
  readonly files: readonly string[];
}

export interface PointName {
  readonly index: number;
  readonly label: string;
}

/** Two points side by side; the interval is that of the difference, 95 %. */
export interface Comparison {
  readonly a: string;
  readonly b: string;
  readonly isPaired: boolean;
  readonly metrics: readonly {
    readonly metric: string;
    readonly a: number;
    readonly b: number;
    readonly difference: number;
    readonly low: number;
    readonly high: number;
  }[];
}

/** One side of a comparison. */
export interface Side {
  readonly name: string;
  readonly point: number;
}

/** Large experiments take a while to read and compare. */
const TIMEOUT_MS = 60_000;

/** Every method rejects with `AdminRequestError` when refused, and as `fetch` does otherwise. */
export class SimulationClient {
  private readonly transport: AdminTransport;

  constructor(token: () => string | null) {
    this.transport = new AdminTransport({ token, timeoutMs: TIMEOUT_MS });
  }

  /** The text of the example experiment. */
  async example(): Promise<string> {
    const { example } = await this.read<{ readonly example: string }>('/simulations.json');
    return example;
  }

  async points(name: string): Promise<readonly PointName[]> {
    return this.read(`/simulations/${encodeURIComponent(name)}/points`);
  }

  async compare(a: Side, b: Side): Promise<Comparison> {
    const query = new URLSearchParams({
      a: a.name,
      b: b.name,
      pointA: String(a.point),
      pointB: String(b.point),
    });
    return this.read(`/compare.json?${query}`);
  }

  async start(experiment: string): Promise<Experiment> {
    return this.write('/simulations', { experiment });
  }

  async cancel(name: string): Promise<Experiment> {
    return this.write(`/simulations/${encodeURIComponent(name)}/cancel`, {});
  }

  private async read<T>(path: string): Promise<T> {
    return (await (await this.transport.request('GET', path)).json()) as T;
  }

  private async write<T>(path: string, body: unknown): Promise<T> {
    return (await (await this.transport.request('POST', path, body)).json()) as T;
  }
}

/** Address of a file of an experiment. */
export function fileAddress(name: string, file: string): string {
  return `/simulations/${encodeURIComponent(name)}/files/${file}`;
}

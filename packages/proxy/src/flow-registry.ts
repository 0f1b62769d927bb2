/**
 * What is open in this process: connections and sessions, and the servers that they go to.
 *
 * @module
 */
import type { EndReason, Server } from '@balancer/lb';
import { Slots } from './slots.ts';

/** A connection or a UDP session. */
export interface Flow {
  /** `undefined` until a server has accepted it. */
  readonly server: Server | undefined;
  /** Ends it from our side. */
  abort(reason: EndReason): void;
}

export class FlowRegistry {
  private readonly flows = new Slots<Flow>();
  /** Those who wait until nothing is open. */
  private readonly waiting = new Set<() => void>();

  get open(): number {
    return this.flows.size;
  }

  /** Servers that something is open to, those that were removed included. Looks at every flow. */
  get servers(): ReadonlySet<Server> {
    return new Set(this.flows.list().flatMap(({ server }) => server ?? []));
  }

  /** @returns What {@link closed} wants to be told. */
  opened(flow: Flow): number {
    return this.flows.add(flow);
  }

  closed(slot: number): void {
    this.flows.remove(slot);
    if (this.flows.size > 0) return;
    for (const end of this.waiting) end();
  }

  /** Looks at every flow. */
  flowsTo(server: Server): Flow[] {
    return this.flows.list().filter((flow) => flow.server === server);
  }

  /** Resolves when nothing is open any more, or when the signal aborts. */
  async idleOr(signal: AbortSignal): Promise<void> {
    if (this.open === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.waiting.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      signal.addEventListener('abort', end);
      this.waiting.add(end);
    });
  }
}

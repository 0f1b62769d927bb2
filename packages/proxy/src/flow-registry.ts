/**
 * What is open in this process: how many connections and sessions, and which go to which server.
 *
 * @module
 */
import type { EndReason, Server } from '@balancer/lb';

/** A connection or a UDP session. */
export interface Flow {
  /** Ends it from our side. */
  abort(reason: EndReason): void;
}

export class FlowRegistry {
  private readonly byServer = new Map<Server, Set<Flow>>();
  private openCount = 0;
  private onIdle: (() => void) | undefined;

  get open(): number {
    return this.openCount;
  }

  /** Servers that something is open to, those that were removed included. */
  get servers(): Iterable<Server> {
    return this.byServer.keys();
  }

  opened(): void {
    this.openCount++;
  }

  /** A server took the flow. */
  served(flow: Flow, server: Server): void {
    const flows = this.byServer.get(server);
    if (flows) flows.add(flow);
    else this.byServer.set(server, new Set([flow]));
  }

  /** @param server - Absent when none had taken it. */
  closed(flow: Flow, server: Server | undefined): void {
    this.openCount--;
    const flows = server && this.byServer.get(server);
    flows?.delete(flow);
    if (server && flows?.size === 0) this.byServer.delete(server);
    if (this.openCount === 0) this.onIdle?.();
  }

  flowsTo(server: Server): Flow[] {
    return [...(this.byServer.get(server) ?? [])];
  }

  /** Resolves when nothing is open any more, or when the signal aborts. */
  async idleOr(signal: AbortSignal): Promise<void> {
    if (this.openCount === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.onIdle = resolve;
    });
    this.onIdle = undefined;
  }
}

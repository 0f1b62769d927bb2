/**
 * What happened on the plane, for those who watch: the last events, and each new one as it comes.
 *
 * @module
 */
import type { DataPlaneEvent } from './events.ts';

/** An event as the admin API tells it. */
export type PlaneEvent =
  | {
      readonly type: 'drop';
      readonly reason: string;
      /** The service, when the packet had got that far. */
      readonly service: string | null;
      readonly protocol: string | null;
      readonly source: string;
      readonly source_port: number;
      readonly destination: string;
      readonly destination_port: number;
      /** Drops of this kind on this CPU since the event before, which have none of their own. */
      readonly suppressed: number;
    }
  | {
      readonly type: 'neighbour';
      readonly ifindex: number;
      readonly next_hop: string;
      readonly suppressed: number;
    }
  | { readonly type: 'mended'; readonly finding: string }
  | { readonly type: 'flows-filling'; readonly entries: number; readonly max: number }
  | { readonly type: 'changed'; readonly writes: number };

export interface NumberedEvent {
  /** Grows by one from event to event. */
  readonly id: number;
  readonly at: string;
  readonly event: PlaneEvent;
}

/** Events that are kept for those who come later. */
const KEPT_MAX = 256;

export class EventFeed {
  readonly #kept: NumberedEvent[] = [];
  readonly #listeners = new Set<(event: NumberedEvent) => void>();
  #lastId = 0;

  /** Events since one that was seen, as far as they are kept. */
  since(id: number): readonly NumberedEvent[] {
    return this.#kept.filter((each) => each.id > id);
  }

  add(event: PlaneEvent): void {
    const numbered = { id: ++this.#lastId, at: new Date().toISOString(), event };
    this.#kept.push(numbered);
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    for (const listener of this.#listeners) listener(numbered);
  }

  /** @returns What ends the subscription. */
  subscribe(listener: (event: NumberedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** A record of the programs as an event. @param serviceName - Text of a service's key, by its id. */
export function eventOf(
  record: DataPlaneEvent,
  serviceName: (id: number) => string | undefined,
): PlaneEvent {
  const { suppressed } = record;
  if (record.type === 'neighbour') {
    const { ifindex, nextHop } = record;
    return { type: 'neighbour', ifindex, next_hop: nextHop, suppressed };
  }
  return {
    type: 'drop',
    reason: record.reason,
    service: (record.service !== undefined && serviceName(record.service)) || null,
    protocol: record.protocol ?? null,
    source: record.source,
    source_port: record.sourcePort,
    destination: record.destination,
    destination_port: record.destinationPort,
    suppressed,
  };
}

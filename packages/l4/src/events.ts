/**
 * Reads records of `l4_events`: what the data plane reports by itself, at most once per second, CPU and kind.
 *
 * @module
 */
import { fromMapAddress } from './address.ts';
import { DROP_REASONS, EVENT_TYPES, PROTOCOLS } from './constants.ts';

interface EventBase {
  /** CLOCK_MONOTONIC. */
  readonly ns: bigint;
  readonly cpu: number;
  /** Events of this kind on this CPU since the one before, which were not reported. */
  readonly suppressed: number;
}

/** Packets are dropped for a reason that the operator can mend; the tuple is that of one of them. */
export interface DropEvent extends EventBase {
  readonly type: 'drop';
  readonly reason: keyof typeof DROP_REASONS;
  /** Service id, when the packet had got that far. */
  readonly service: number | undefined;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly protocol: keyof typeof PROTOCOLS | undefined;
}

/** A packet was sent to a next hop whose MAC the kernel had to find out first. */
export interface NeighbourEvent extends EventBase {
  readonly type: 'neighbour';
  readonly ifindex: number;
  readonly nextHop: string;
}

export type DataPlaneEvent = DropEvent | NeighbourEvent;

/** Bytes of `struct l4_event`. */
const EVENT_BYTES = 72;
const NO_SERVICE = 0xffff_ffff;

/**
 * @param record - As `RingBuffer` hands it out.
 * @returns `undefined` for a kind that this release does not know.
 */
export function readEvent(record: Uint8Array): DataPlaneEvent | undefined {
  if (record.length < EVENT_BYTES) return undefined;
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const address = (offset: number): string =>
    fromMapAddress({ bytes: record.slice(offset, offset + 16) });
  const base: EventBase = {
    ns: view.getBigUint64(8, true),
    cpu: view.getUint16(70, true),
    suppressed: view.getUint32(28, true),
  };
  const type = view.getUint32(0, true);
  if (type === EVENT_TYPES.neighbour) {
    const ifindex = view.getUint32(24, true);
    return { type: 'neighbour', ...base, ifindex, nextHop: address(48) };
  }
  const reason = nameOf(DROP_REASONS, view.getUint32(16, true));
  if (type !== EVENT_TYPES.drop || reason === undefined) return undefined;
  const service = view.getUint32(20, true);
  return {
    type: 'drop',
    ...base,
    reason,
    service: service === NO_SERVICE ? undefined : service,
    source: address(32),
    sourcePort: view.getUint16(64),
    destination: address(48),
    destinationPort: view.getUint16(66),
    protocol: nameOf(PROTOCOLS, view.getUint8(68)),
  };
}

function nameOf<T extends Readonly<Record<string, number>>>(
  names: T,
  value: number,
): keyof T | undefined {
  return Object.keys(names).find((name) => names[name] === value);
}

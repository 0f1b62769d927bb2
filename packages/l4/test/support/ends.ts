/**
 * Addresses at both ends of the flows that tests of packets open, and frames between them.
 *
 * @module
 */
import { buildFrame, type FrameSpec, type TcpSpec } from '@balancer/ebpf';
import { NAMES } from '../../tools/packets/packet-case.ts';

/** Addresses that a flow has on both sides of the balancer. */
export interface Ends {
  readonly family: 4 | 6;
  readonly client: string;
  readonly vip: string;
  readonly backend: string;
  /** What full NAT puts in the place of the client. */
  readonly local: string;
}

export const ENDS4: Ends = {
  family: 4,
  client: NAMES['C']!,
  vip: NAMES['V']!,
  backend: NAMES['B1']!,
  local: NAMES['LIP']!,
};

export const ENDS: readonly Ends[] = [
  ENDS4,
  {
    family: 6,
    client: NAMES['C6']!,
    vip: NAMES['V6']!,
    backend: NAMES['B6']!,
    local: NAMES['L6']!,
  },
];

/** Ethernet addresses of frames that come in, and of those that leave. */
export const MACS = {
  fromClient: { to: NAMES['L1']!, from: NAMES['R']! },
  toClient: { to: NAMES['R']!, from: NAMES['L1']! },
  fromBackend: { to: NAMES['L2']!, from: NAMES['M1']! },
  toBackend: { to: NAMES['M1']!, from: NAMES['L2']! },
} as const satisfies Record<string, FrameSpec>;

/** Fields of an IP header of either family. */
interface Ip {
  readonly src: string;
  readonly dst: string;
  readonly ttl?: number;
}

export function tcpFrame(macs: FrameSpec, { src, dst, ttl = 64 }: Ip, tcp: TcpSpec): Uint8Array {
  return buildFrame(
    src.includes(':')
      ? { ...macs, ipv6: { src, dst, hopLimit: ttl, tcp } }
      : { ...macs, ipv4: { src, dst, ttl, id: 0, tcp } },
  );
}

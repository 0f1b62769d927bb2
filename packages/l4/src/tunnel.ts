/**
 * Tunnels to servers: what each kind adds to a packet, and what the maps hold of it.
 *
 * Sources: RFC 2784 (GRE), RFC 7348 (VXLAN), draft-ietf-intarea-gue (GUE).
 *
 * @module
 */
import { parseMac } from '@balancer/ebpf';
import { BACKEND_FLAGS, TUNNELS } from './constants.ts';
import type { L4Backend } from './records.ts';

export type TunnelKind = keyof typeof TUNNELS;

/** How packets are wrapped for a server of mode `tunnel`. */
export interface TunnelSpec {
  readonly kind: TunnelKind;
  /** UDP port of the server; 0 is the usual one. */
  readonly port: number;
  /** Outer UDP headers have a checksum. */
  readonly checksum: boolean;
  /** VXLAN: number of the network, and the MAC address that the server's end has. */
  readonly vni: number;
  readonly innerMac: string;
}

/** The address of VXLAN devices as `balancer l4 backend-setup` makes them. */
export const INNER_MAC = '02:00:00:00:00:01';

/** IP in IP, which needs nothing else. */
export const IPIP: TunnelSpec = {
  kind: 'ipip',
  port: 0,
  checksum: false,
  vni: 0,
  innerMac: INNER_MAC,
};

/** Ports that tunnels over UDP have when nothing else is said. */
export const TUNNEL_PORTS = { gue: 6080, gue1: 6080, vxlan: 4789 } as const;

/** Bytes between the outer IP header and the packet. */
const HEAD_BYTES: Readonly<Record<TunnelKind, number>> = {
  ipip: 0,
  gue: 12,
  gue1: 8,
  gre: 4,
  vxlan: 30,
};

const OUTER_BYTES = { 4: 20, 6: 40 } as const;

/** By how many bytes packets grow on the way to a server of this family. */
export function tunnelOverhead(kind: TunnelKind, family: 4 | 6): number {
  return OUTER_BYTES[family] + HEAD_BYTES[kind];
}

/** Whether the kind is one over UDP, which has ports and checksums. */
export function isOverUdp(kind: TunnelKind): kind is keyof typeof TUNNEL_PORTS {
  return kind in TUNNEL_PORTS;
}

/** The tunnel's part of a backend's value, and its bits of the flags. */
export function compileTunnel({ kind, port, checksum, vni, innerMac }: TunnelSpec): {
  readonly fields: Pick<L4Backend, 'tunnel' | 'tunnel_port' | 'vni' | 'inner_dmac'>;
  readonly flags: number;
} {
  return {
    fields: {
      tunnel: TUNNELS[kind],
      tunnel_port: isOverUdp(kind) ? port : 0,
      vni: kind === 'vxlan' ? vni : 0,
      inner_dmac: kind === 'vxlan' ? parseMac(innerMac) : new Uint8Array(6),
    },
    flags: checksum && isOverUdp(kind) ? BACKEND_FLAGS.tunnelChecksum : 0,
  };
}

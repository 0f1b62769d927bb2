/**
 * Packet cases: what a file of `cases/` says. A case is a set-up and a sequence of steps; each step is a
 * packet in, a verdict, the packet out, and the state after it.
 *
 * Frames are described field by field, as `buildFrame` takes them. Any string that is a name of `NAMES`
 * stands for its address, and `{ "hex": "…" }` for raw bytes.
 *
 * @module
 */
import { buildFrame, type FrameSpec } from '@balancer/ebpf';
import type {
  DROP_REASONS,
  HASH_MODES,
  MODES,
  OWNED,
  PROTOCOLS,
  REPLY_PATHS,
  SCHEDULERS,
  SERVICE_FLAGS,
  STATES,
  SYN_PROXIES,
} from '../../src/index.ts';
import type { Admission } from '../../src/desired.ts';
import type { TunnelSpec } from '../../src/tunnel.ts';

/** Addresses that every case may use by name. */
export const NAMES: Readonly<Record<string, string>> = {
  R: '02:00:00:00:00:c1',
  L1: '02:00:00:00:00:01',
  L2: '02:00:00:00:00:02',
  M1: '02:00:00:00:00:b1',
  M2: '02:00:00:00:00:b2',
  C: '192.0.2.10',
  V: '203.0.113.1',
  LIP: '198.51.100.5',
  B1: '10.0.0.11',
  B2: '10.0.0.12',
  B3: '10.0.0.13',
  T: '198.51.100.1',
  C6: '2001:db8:c::10',
  V6: '2001:db8:f::1',
  L6: '2001:db8:a::5',
  T6: '2001:db8:a::1',
  B6: '2001:db8:b::11',
};

interface BackendSetup {
  readonly address: string;
  /** 8080 by default; 0 keeps the packet's. */
  readonly port?: number;
  /** 1 by default. */
  readonly weight?: number;
  readonly available?: boolean;
  /** Connections it has already. */
  readonly active?: number;
  readonly inactive?: number;
  /** Thresholds of its flows. */
  readonly upper?: number;
  readonly lower?: number;
  /** Of the way to it, in bytes; static L2 only. */
  readonly mtu?: number;
  /** Tag of frames to it and from it. */
  readonly vlan?: number;
}

/** A rule; interfaces by the names of their MAC addresses. */
export interface RuleSetup {
  readonly protocol?: keyof typeof PROTOCOLS;
  readonly src?: string;
  readonly dst?: string;
  readonly iif?: 'L1' | 'L2';
  readonly oif?: 'L1' | 'L2';
  readonly isLeaving?: boolean;
}

/** The host's own network, for backends that are found by route instead of static L2. */
export interface NetworkSetup {
  /** On by default. */
  readonly forwarding?: boolean;
  /** Addresses of the interface towards the backends (L2), as `address/length`. */
  readonly addresses: readonly string[];
  readonly routes?: readonly { readonly destination: string; readonly gateway: string }[];
  /** Neighbours whose MAC is known; others are not resolved. */
  readonly neighbours?: readonly { readonly address: string; readonly mac: string }[];
}

export interface Setup {
  readonly mode: keyof typeof MODES;
  readonly protocol?: keyof typeof PROTOCOLS;
  readonly vip?: string;
  /** 80 by default; 0 serves any port. */
  readonly port?: number;
  readonly scheduler?: keyof typeof SCHEDULERS;
  readonly hash?: keyof typeof HASH_MODES;
  readonly flags?: readonly Exclude<keyof typeof SERVICE_FLAGS, 'enabled'>[];
  /** B1 by default. */
  readonly backends?: readonly BackendSetup[];
  /** Selection table as indexes into `backends`, -1 for none; each backend once by default. */
  readonly table?: readonly number[];
  readonly localAddresses?: readonly string[];
  /** Maglev table of this size over the backends' `address:port`, in place of `table`. */
  readonly maglev?: number;
  readonly persistence?: {
    readonly seconds: number;
    /** Prefix of client addresses that share a template; one address by default. */
    readonly prefix4?: number;
    readonly prefix6?: number;
  };
  /** How replies find the client; back to where its packets come from by default. */
  readonly replyPath?: keyof typeof REPLY_PATHS;
  /** Rules of mode `snat`, all for the one service, of its protocol unless they say another. */
  readonly rules?: readonly RuleSetup[];
  /** New flows per second on a CPU; the case runs on one. No limit by default. */
  readonly newFlowCap?: number;
  /** SYNs are answered by us. The keys of cookies are those of `COOKIE_KEYS`. */
  readonly synproxy?: keyof typeof SYN_PROXIES;
  /** Flows of the service at a time. No limit by default. */
  readonly maxConnections?: number;
  /** Who may open flows, and how much may pass; everything by default. */
  readonly admission?: Partial<Admission>;
  /** Outer sources of tunnels are made from the flow's hash. */
  readonly tunnelRss?: boolean;
  /** How packets are wrapped; IP in IP by default. */
  readonly tunnel?: Partial<TunnelSpec>;
  /** The VLAN whose packets the service takes; those of all by default. */
  readonly vlan?: number;
  /** Outer destinations that the program `decap` takes off. */
  readonly decapAddresses?: readonly string[];
  /** `l4_filter` is filled from the addresses of the set-up and switched on. */
  readonly filter?: boolean;
  /** 50000 to 50000 by default. */
  readonly portRange?: readonly [number, number];
  /** What happens to other packets to addresses of ours. */
  readonly owned?: Readonly<Record<string, keyof typeof OWNED>>;
  /**
   * Left out: backends have static L2, out of the interface the packet came from, L2 to M1. `existing`:
   * they are found by route in the network that the host has already.
   */
  readonly network?: NetworkSetup | 'existing';
}

/** A flow that must exist after a step, found by the tuple of its packets. */
export interface ExpectedFlow {
  /** `address:port`, IPv6 addresses in brackets. */
  readonly from: string;
  readonly to: string;
  /** Of its packets' tag. */
  readonly vlan?: number;
  readonly state?: keyof typeof STATES;
  /** Index of its backend. */
  readonly backend?: number;
  readonly absent?: boolean;
}

export interface Expectation {
  readonly flows?: readonly ExpectedFlow[];
  /** Number of entries in the connection table. */
  readonly entries?: number;
  /** Counters of the first backend. */
  readonly active?: number;
  readonly inactive?: number;
  /** Flows that it answered first, and those that it refused or left unanswered. */
  readonly upEvents?: number;
  readonly downEvents?: number;
  /** Connections the service has been given in all. */
  readonly conns?: number;
  /** Times no port was free at the first local address. */
  readonly misses?: number;
  /** Ports of the first local address that were tried and taken. */
  readonly conflicts?: number;
  /** Flows with a port of the first local address. */
  readonly lipConns?: number;
  /** Flows of the service, and those of them whose handshake is not complete. */
  readonly serviceConns?: number;
  readonly halfOpen?: number;
  /** Clients found on lists. */
  readonly listHits?: number;
  /** Flows that are counted by client. */
  readonly clientConns?: number;
  /** Persistence templates, and those of them that name the first backend. */
  readonly templates?: number;
  readonly persist?: number;
}

/** What a run of the garbage collection must report. */
export interface ExpectedCollection {
  /** Looked at. */
  readonly entries?: number;
  readonly removed?: number;
  readonly orphans?: number;
  readonly expired?: number;
  readonly corrected?: number;
}

/** A change of the set-up in the course of a case. */
export interface Change {
  readonly backend: number;
  readonly weight?: number;
  readonly available?: boolean;
  readonly retired?: boolean;
}

export type FrameText = { readonly hex: string } | FrameSpec;

/** What happens first: time passes, the set-up changes, flows are collected, a packet comes in. */
export interface Step {
  /** Seconds that pass. */
  readonly wait?: number;
  readonly change?: readonly Change[];
  readonly collect?: ExpectedCollection;
  /** Flows of the backend with this index are ended. */
  readonly close?: number;
  readonly in?: FrameText;
  /** Of the packet. */
  readonly verdict?: 'pass' | 'drop' | 'tx';
  readonly reason?: keyof typeof DROP_REASONS;
  /** Left out: not looked at for drops, unchanged for passes. */
  readonly out?: FrameText;
  /** Bytes of metadata in front of the frame; XDP only. 0 by default. */
  readonly metadataBytes?: number;
  readonly after?: Expectation;
}

export interface PacketCase {
  readonly title: string;
  /** Builds to run on when not on both, as for a frame that the kernel's tc test run refuses. */
  readonly hooks?: readonly ('xdp' | 'tc')[];
  /** Program under test; `lb_ingress` by default. */
  readonly program?: 'lb_ingress' | 'decap';
  readonly setup: Setup;
  readonly steps: readonly Step[];
}

/** Bytes of a frame. */
export function frameBytes(frame: FrameText): Uint8Array {
  if ('hex' in frame) return new Uint8Array(Buffer.from(frame.hex, 'hex'));
  return buildFrame(frame);
}

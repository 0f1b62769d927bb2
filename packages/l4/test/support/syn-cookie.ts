/**
 * SYN cookies as the data plane makes them (`bpf/cookie.h`).
 *
 * @module
 */
import { parseIp } from '@balancer/ebpf';
import { sipHash24 } from './siphash.ts';

/** MSS that a cookie can say. */
export const COOKIE_MSS = [536, 1220, 1300, 1360, 1400, 1440, 1452, 1460] as const;

/** Bits that only who has the key can tell. */
const CODE_BITS = 19;

interface CookieKey {
  readonly slot: number;
  readonly k0: bigint;
  readonly k1: bigint;
}

/** A client's SYN. */
export interface Syn {
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly mss: number;
  /** Scale of its windows; `undefined` for a client that does not scale. */
  readonly scale: number | undefined;
  readonly sack: boolean;
}

/** The number of the SYN-ACK. */
export function synCookie(key: CookieKey, syn: Syn): number {
  const index = Math.max(
    0,
    COOKIE_MSS.findLastIndex((mss) => mss <= syn.mss),
  );
  const said = ((key.slot & 31) << 8) | (index << 5) | ((syn.scale ?? 15) << 1) | Number(syn.sack);
  return ((said << CODE_BITS) | codeOf(key, syn, said)) >>> 0;
}

/** Whether a number is a cookie for the client of a SYN, whatever it says of options. */
export function isCookie(keys: readonly CookieKey[], syn: Syn, number: number): boolean {
  const said = number >>> CODE_BITS;
  const key = keys.find(({ slot }) => (slot & 31) === said >> 8);
  const code = number & (2 ** CODE_BITS - 1);
  return key !== undefined && codeOf(key, syn, said) === code;
}

function codeOf(key: CookieKey, syn: Syn, said: number): number {
  const message = new Uint8Array(42);
  const view = new DataView(message.buffer);
  message.set(mapped(syn.src), 0);
  message.set(mapped(syn.dst), 16);
  view.setUint16(32, syn.sport);
  view.setUint16(34, syn.dport);
  view.setUint32(36, syn.seq);
  view.setUint16(40, said);
  return Number(BigInt.asUintN(CODE_BITS, sipHash24(key.k0, key.k1, message)));
}

/** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
function mapped(address: string): Uint8Array {
  const bytes = parseIp(address);
  return bytes.length === 16 ? bytes : Uint8Array.of(...Array(10).fill(0), 255, 255, ...bytes);
}

/**
 * MurmurHash3 (x86, 32 bits), the function by which the data plane places flows. Every node computes the
 * same value; the control plane uses it to say where a flow would go.
 *
 * Source: A. Appleby, MurmurHash3, public domain, 2011. Lengths that are no multiple of 4 do not occur.
 *
 * @module
 */
import { parseIp } from '@balancer/ebpf';
import type { HASH_MODES } from './constants.ts';

/** @param bytes - A multiple of 4 bytes. */
export function murmur3(bytes: Uint8Array, seed: number = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = seed;
  for (let i = 0; i + 4 <= bytes.length; i += 4) {
    let word = Math.imul(view.getUint32(i, true), 0xcc9e2d51);
    word = (word << 15) | (word >>> 17);
    hash ^= Math.imul(word, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** What a flow's hash is computed from. */
export interface FlowTuple {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  /** 0 for services on any port. */
  readonly servicePort: number;
}

/** The hash of a flow from a client, by the service's mode. */
export function hashFlow(flow: FlowTuple, mode: keyof typeof HASH_MODES, seed: number = 0): number {
  if (mode === 'dst-ip') return murmur3(parseIp(flow.destination), seed);
  const source = parseIp(flow.source);
  if (mode === 'network' && source.length === 16) return murmur3(source.subarray(0, 8), seed);
  if (mode === 'ip' || mode === 'network') return murmur3(source, seed);
  const { sourcePort: sp, servicePort: vp } = flow;
  return murmur3(Uint8Array.of(...source, sp >> 8, sp & 255, vp >> 8, vp & 255), seed);
}

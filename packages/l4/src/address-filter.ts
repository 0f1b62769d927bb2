/**
 * The filter by which the data plane lets foreign packets pass at once: one bit per hash of an address. A
 * bit that is set for another address only costs a look-up, so bits may stay set too long, never too short.
 *
 * @module
 */
import { toMapAddress } from './address.ts';

/** Bits of the filter. With 10,000 addresses one foreign packet in seven takes the long way. */
const FILTER_BITS = 65_536;

/**
 * The value of `l4_filter`; valid once the configuration has `CONFIG_FLAGS.filter`.
 *
 * @param addresses - VIPs, local addresses, and the addresses of nat backends.
 */
export function addressFilter(addresses: Iterable<string>): { words: bigint[] } {
  const bytes = new Uint8Array(FILTER_BITS / 8);
  for (const address of addresses) {
    const bit = filterBit(toMapAddress(address).bytes!);
    bytes[bit >> 3]! |= 1 << (bit & 7);
  }
  return { words: [...new BigUint64Array(bytes.buffer)] };
}

/** Fibonacci hashing of the four words together, as `bpf/parse.h` does it. */
function filterBit(address: Uint8Array): number {
  const view = new DataView(address.buffer, address.byteOffset, 16);
  const word = (offset: number): number => view.getUint32(offset, true);
  return Math.imul(word(0) ^ word(4) ^ word(8) ^ word(12), 0x9e37_79b1) >>> 16;
}

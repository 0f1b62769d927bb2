/**
 * CRC-32C, the checksum of PROXY protocol version 2 headers.
 *
 * Source: G. Castagnoli, S. Brauer, M. Herrmann, "Optimization of Cyclic Redundancy-Check Codes with
 * 24 and 32 Parity Bits", IEEE Transactions on Communications 41(6), 1993.
 *
 * @module
 */

/** The polynomial 0x1EDC6F41 with its bits reversed. */
const POLYNOMIAL = 0x82f6_3b78;

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, index) => {
  let remainder = index;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  }
  return remainder;
});

/** Checksum as an unsigned 32-bit number: `crc32c("123456789")` is 0xe3069283. */
export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffff_ffff;
  for (const byte of bytes) remainder = (remainder >>> 8) ^ TABLE[(remainder ^ byte) & 0xff]!;
  return ~remainder >>> 0;
}

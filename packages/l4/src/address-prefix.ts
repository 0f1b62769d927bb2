/**
 * Networks such as `192.0.2.0/24`, to find addresses by.
 *
 * @module
 */
import { tryParseIp } from '@balancer/ebpf';
import { type MapAddress, toMapAddress } from './address.ts';
import { PlaneError } from './errors.ts';

/** Bits in front of an IPv4 address where maps have it. */
const IPV4_OFFSET = 96;

/**
 * What tells whether an address is in a network.
 *
 * @param text - An address, or one with a length.
 * @throws {PlaneError} when it is neither.
 */
export function matcherOf(text: string): (address: MapAddress) => boolean {
  const [address = '', lengthText] = text.split('/');
  const own = tryParseIp(address);
  const bits = own && own.length * 8;
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (
    bits === undefined ||
    length === undefined ||
    !/^\d+$/.test(lengthText ?? '0') ||
    length > bits
  ) {
    throw new PlaneError(`${text} is no address or network; needs one such as 192.0.2.0/24`);
  }
  const wanted = toMapAddress(address).bytes!;
  const prefix = bits === 32 ? IPV4_OFFSET + length : length;
  return ({ bytes }) => bytes !== undefined && sharePrefix(wanted, bytes, prefix);
}

function sharePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let index = 0; index < whole; index++) if (a[index] !== b[index]) return false;
  const rest = 8 - (bits & 7);
  return rest === 8 || a[whole]! >> rest === b[whole]! >> rest;
}

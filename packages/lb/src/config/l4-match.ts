/**
 * Ranges of addresses and ports in the rules of mode `snat`, as DPVS writes them: `10.0.0.0-10.0.0.255:1-1024`.
 *
 * @module
 */
import { isIP } from 'node:net';

/** A range as it stands in a file; both ends belong to it. */
export interface MatchRange {
  /** `undefined`: any address. A network has a length, a range of addresses a last one. */
  readonly addresses?: {
    readonly first: string;
    readonly last?: string;
    readonly length?: number;
  };
  /** Every port by default. */
  readonly ports: readonly [first: number, last: number];
}

/** Every port. */
export const ANY_PORTS = [0, 65_535] as const;

const PORT_MAX = 65_535;
/** `[addresses]:ports`, the way in which IPv6 addresses have ports. */
const BRACKETED = /^\[([^\]]*)\](?::([\d-]+))?$/;
/** `addresses:ports` of IPv4, or one of the two alone. */
const PLAIN = /^([\d./-]*)(?::([\d-]+))?$/;

/**
 * Reads `first-last:low-high`. Of the addresses the last one, or both, may be missing, and a network may stand
 * in their place; of the ports the last one or both. Addresses of zeros and the ports `0-0` are every one, as
 * in DPVS.
 *
 * @returns `undefined` for what is no range. Whether it ascends is not looked at.
 */
export function readMatchRange(text: string): MatchRange | undefined {
  const isPlainIpv6 = !text.includes('[') && text.split(':').length > 2;
  const found = isPlainIpv6 ? [text, text] : (BRACKETED.exec(text) ?? PLAIN.exec(text));
  const [, addressText = '', portText] = found ?? [];
  if (!found || (addressText === '' && portText === undefined)) return undefined;
  const ports = portText === undefined ? ANY_PORTS : readPorts(portText);
  const addresses = addressText === '' ? null : readAddresses(addressText);
  if (!ports || addresses === undefined) return undefined;
  return addresses === null ? { ports } : { addresses, ports };
}

/** `null`: every address. */
function readAddresses(text: string): MatchRange['addresses'] | null {
  const [network = '', lengthText, ...more] = text.split('/');
  const family = isIP(network);
  if (lengthText !== undefined) {
    const length = Number(lengthText);
    const lengthMax = family === 4 ? 32 : 128;
    const isLength = /^\d{1,3}$/.test(lengthText) && length <= lengthMax;
    // Nobody has this address, and without the length it stands for every other.
    const isNobody = isUnspecified(network) && length === lengthMax;
    return family !== 0 && isLength && !isNobody && more.length === 0
      ? { first: network, length }
      : undefined;
  }
  const [first = '', last = first, ...rest] = text.split('-');
  if (isIP(first) === 0 || isIP(last) !== isIP(first) || rest.length > 0) return undefined;
  return first === last && isUnspecified(first) ? null : { first, last };
}

function isUnspecified(address: string): boolean {
  return /^[0.:]+$/.test(address);
}

function readPorts(text: string): MatchRange['ports'] | undefined {
  const [, firstText, lastText = firstText] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (firstText === undefined) return undefined;
  const [first, last] = [Number(firstText), Number(lastText)];
  if (first === 0 && last === 0) return ANY_PORTS;
  return first <= last && last <= PORT_MAX ? [first, last] : undefined;
}

/**
 * Values of options of `ipvsadm`, from text.
 *
 * @module
 */
import { isIP } from 'node:net';
import { PlaneError } from '../errors.ts';
import { matchKey } from '../match-key.ts';
import { isListEntry } from '../named-sets.ts';
import {
  type IpvsListing,
  type IpvsServiceKey,
  type IpvsServiceOptions,
  SCHEDULER_FLAGS,
  type SchedulerFlag,
} from './commands.ts';
import { portByName } from './names.ts';
import { integer, IpvsUsageError } from './options.ts';

const LOCAL_ADDRESSES_MAX = 4096;

/** Host and port of `host[:port]`; ports by name as `/etc/services` has them. */
export function hostPort(
  text: string,
  protocol: 'tcp' | 'udp',
): { readonly host: string; readonly port: number | undefined } {
  if (isIP(text) === 6) return { host: text, port: undefined };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([\w-]+))?$/.exec(text);
  if (!match) throw new IpvsUsageError(`illegal address \`${text}'; needs host[:port]`);
  const [, bracketed, plain, port] = match;
  return {
    host: bracketed ?? plain ?? '',
    port: port === undefined ? undefined : portNumber(port, protocol),
  };
}

function portNumber(text: string, protocol: 'tcp' | 'udp'): number {
  if (/^\d+$/.test(text)) return integer(text, 'port', 65_535);
  const found = portByName(text, protocol);
  if (found === undefined) throw new IpvsUsageError(`unknown service \`${text}/${protocol}'`);
  return found;
}

/** The service of a rule. */
export function ruleKey(text: string): IpvsServiceKey {
  try {
    return matchKey(text);
  } catch (error) {
    if (!(error instanceof PlaneError)) throw error;
    throw new IpvsUsageError(`illegal match \`${text}': ${error.message}`);
  }
}

/** A network of a list, or `ipset:` and the name of a set of them. */
export function network(text: string): string {
  if (isListEntry(text)) return text;
  throw new IpvsUsageError(`illegal network \`${text}'; needs addr, addr/length or ipset:name`);
}

/** Local addresses: one, or all from one to another. */
export function localAddresses(text: string): string[] {
  const [first = '', last = first] = text.split('-');
  if (isIP(first) === 0 || isIP(last) !== isIP(first)) {
    throw new IpvsUsageError(`illegal local address \`${text}'; needs addr or addr-addr`);
  }
  if (first === last) return [first];
  if (isIP(first) === 6) throw new IpvsUsageError('ranges of local addresses are for IPv4');
  const [from, to] = [toNumber(first), toNumber(last)];
  if (to < from || to - from >= LOCAL_ADDRESSES_MAX) {
    throw new IpvsUsageError(
      `illegal range of local addresses \`${text}'; at most ${LOCAL_ADDRESSES_MAX}, ascending`,
    );
  }
  return Array.from({ length: to - from + 1 }, (_, index) => toAddress(from + index));
}

/** As DPVS has it; "server-first" is ours. */
export function synProxy(text: string): NonNullable<IpvsServiceOptions['synProxy']> {
  if (text === 'enable') return 'client-first';
  if (text === 'disable') return 'off';
  if (text === 'server-first') return text;
  throw new IpvsUsageError(
    `illegal --synproxy \`${text}'; there are enable, disable, server-first`,
  );
}

/** @throws {IpvsUsageError} for what DPVS has and the plane has not. */
export function proxyProtocol(text: string): 'off' | 'v2' {
  if (text === 'disable') return 'off';
  if (text === 'v2') return 'v2';
  throw new IpvsUsageError(
    `--proxy-protocol ${text} is not part of this version; there are disable, v2`,
  );
}

/** `proto:sip:sport:tip:tport`, IPv6 addresses in brackets. */
export function sockpair(text: string): NonNullable<IpvsListing['sockpair']> {
  const match = /^(tcp|udp):(\[[^\]]+\]|[^:]+):(\d+):(\[[^\]]+\]|[^:]+):(\d+)$/i.exec(text);
  if (!match)
    throw new IpvsUsageError(`illegal --sockpair \`${text}'; needs proto:sip:sport:tip:tport`);
  const [, protocol, client, clientPort, target, targetPort] = match;
  const plain = (address: string | undefined): string => (address ?? '').replace(/^\[|\]$/g, '');
  return {
    protocol: protocol?.toLowerCase() === 'udp' ? 'udp' : 'tcp',
    client: plain(client),
    clientPort: Number(clientPort),
    target: plain(target),
    targetPort: Number(targetPort),
  };
}

export function schedulerFlags(text: string): SchedulerFlag[] {
  return text.split(',').map((flag) => {
    const known = SCHEDULER_FLAGS.find((name) => name === flag);
    if (known === undefined) throw new IpvsUsageError(`invalid scheduler flag \`${flag}'`);
    return known;
  });
}

/** Seconds. */
export function timeout(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value < 2 ** 31) return value;
  throw new IpvsUsageError(`invalid timeout value \`${text}' specified`);
}

/** Length of a network: a dotted mask for IPv4, a number for IPv6. */
export function maskLength(text: string): number {
  if (/^\d+$/.test(text)) {
    const length = integer(text, 'netmask', 128);
    if (length > 0) return length;
  }
  const bits = isIP(text) === 4 ? toNumber(text) : 0;
  const length = Math.clz32(~bits >>> 0);
  const isMask = bits !== 0 && (0xffff_ffff << (32 - length)) >>> 0 === bits;
  if (!isMask) throw new IpvsUsageError(`illegal netmask \`${text}'`);
  return length;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

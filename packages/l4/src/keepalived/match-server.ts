/**
 * One `virtual_server match` of DPVS, which gives hosts behind it addresses of a pool, as a frontend of mode
 * `snat` and its pool.
 *
 * @module
 */
import { isIP } from 'node:net';
import { MATCH_PROTOCOLS, type MatchProtocol, type ServerTable } from '@balancer/lb';
import { matchFamilies } from '../match.ts';
import { addressOf } from './addresses.ts';
import { schedulerOf, nameFrom, type ImportedService } from './virtual-server.ts';
import type { Section } from './section.ts';

/** `undefined` when it cannot be: a note says why. */
export function importMatch(service: Section): ImportedService | undefined {
  const protocol = protocolOf(service);
  const kind = (service.word('lb_kind', 'lvs_method') ?? 'SNAT').toUpperCase();
  const ranges = rangesOf(service);
  const obstacle =
    protocol === undefined
      ? 'there are TCP, UDP and ICMP for hosts behind the balancer'
      : kind === 'SNAT'
        ? ranges.problem
        : `lb_kind ${kind} is no way for hosts behind the balancer`;
  if (obstacle !== undefined || !protocol) {
    service.lines();
    service.note('', `left out: ${obstacle}`);
    return undefined;
  }
  const name = `${protocol}_${nameFrom(service.words[1] ?? 'match')}`;
  const timeoutS = service.number('establish_timeout', 'conn_timeout');
  const persistence = service.number('persistence_timeout');
  // Addresses of this host need no checks.
  service.drop('delay_loop', 'delay_before_retry', 'retry', 'alpha', 'omega');
  return {
    name,
    frontend: {
      mode: 'snat',
      backend: name,
      l4: {
        match: { proto: [protocol], ...ranges.match },
        ...(timeoutS !== undefined && { conn_timeout: timeoutS * 1000 }),
        ...(persistence !== undefined && { persistence: persistence * 1000 }),
      },
    },
    backend: { balance: `lvs:${schedulerOf(service)}`, servers: poolOf(service) },
  };
}

function protocolOf(service: Section): MatchProtocol | undefined {
  const given = (service.word('protocol') ?? 'TCP').toLowerCase().replace(/^icmpv6$/, 'icmp');
  return MATCH_PROTOCOLS.find((each) => each === given);
}

function rangesOf(service: Section): {
  readonly match: Readonly<Record<string, string>>;
  readonly problem: string | undefined;
} {
  const words = {
    src_range: service.word('src-range'),
    dst_range: service.word('dst-range'),
    iif: service.word('iif'),
    oif: service.word('oif'),
  };
  const match = Object.fromEntries(
    Object.entries(words).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  try {
    matchFamilies({ srcRange: words.src_range, dstRange: words.dst_range });
    return { match, problem: undefined };
  } catch (error) {
    return { match, problem: error instanceof Error ? error.message : String(error) };
  }
}

function poolOf(service: Section): Record<string, ServerTable> {
  const servers: Record<string, ServerTable> = {};
  for (const section of service.sections('real_server')) {
    const addr = addressOf(section.words);
    if (!addr || isIP(addr.host) === 0) {
      section.lines();
      section.note('', 'left out: needs an address');
      continue;
    }
    if (addr.port !== 0)
      section.note('', `an address outside has no port; ${addr.port} is dropped`);
    const weight = section.number('weight');
    const upper = section.number('uthreshold');
    const lower = section.number('lthreshold');
    section.drop('inhibit_on_failure');
    servers[nameFrom(addr.host)] = {
      addr: { ...addr, port: 0 },
      ...(weight !== undefined && { weight }),
      ...(upper !== undefined && { max_connections: upper }),
      ...(lower !== undefined && { min_connections: lower }),
    };
  }
  return servers;
}

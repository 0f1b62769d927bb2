/**
 * Compares the state of a data plane with what a step expects.
 *
 * @module
 */
import type { L4FlowKey } from '../../bpf/objects/l4-xdp.types.ts';
import { STATES, toMapAddress } from '../../src/index.ts';
import { SERVICE, type DataPlane } from './data-plane.ts';
import type { Expectation, ExpectedFlow } from './packet-case.ts';

/** What differs from an expected state, one line each. */
export function stateProblems(plane: DataPlane, expected: Expectation): string[] {
  const { flows = [], ...numbers } = expected;
  const found: Readonly<Record<string, number>> = observe(plane);
  const problems = Object.entries(numbers).flatMap(([name, wanted]) =>
    wanted === found[name] ? [] : [`${name} ${found[name]}; expected ${wanted}`],
  );
  return [...problems, ...flows.flatMap((flow) => flowProblems(plane, flow))];
}

function observe({ loaded }: DataPlane): Required<Omit<Expectation, 'flows'>> {
  const counters = loaded.map('l4_cnt').get(1)!;
  const service = loaded.map('l4_scnt').get(SERVICE)!;
  const lip = loaded.map('l4_lip').get(0)!;
  const stats = loaded.map('l4_stat_svc').get(SERVICE)!;
  return {
    active: counters.active,
    inactive: counters.inactive,
    upEvents: counters.up_events,
    downEvents: counters.down_events,
    persist: counters.persist,
    conns: Number(stats.reduce((sum, copy) => sum + copy.conns, 0n)),
    serviceConns: service.conns,
    halfOpen: service.half_open,
    misses: lip.misses,
    conflicts: lip.conflicts,
    lipConns: lip.conns,
    entries: [...loaded.map('l4_ct').entries()].length,
    listHits: [...loaded.map('l4_acl').entries()].reduce(
      (sum, [, { hits }]) => sum + Number(hits),
      0,
    ),
    clientConns: [...loaded.map('l4_src').entries()].reduce((sum, [, { conns }]) => sum + conns, 0),
    templates: [...loaded.map('l4_tpl').entries()].length,
  };
}

function flowProblems(plane: DataPlane, expected: ExpectedFlow): string[] {
  const flow = plane.loaded.map('l4_ct').get(flowKey(plane.protocol, expected));
  const name = `flow ${expected.from} > ${expected.to}`;
  if (expected.absent) return flow ? [`${name} is there`] : [];
  if (flow === undefined) return [`${name} is missing`];
  const problems: string[] = [];
  const state = Object.entries(STATES).find(([, id]) => id === flow.state)?.[0];
  if (expected.state !== undefined && expected.state !== state) {
    problems.push(`${name} is ${state}; expected ${expected.state}`);
  }
  if (expected.backend !== undefined && expected.backend !== flow.backend - 1) {
    problems.push(`${name} has backend ${flow.backend - 1}; expected ${expected.backend}`);
  }
  return problems;
}

function flowKey(protocol: number, { from, to, vlan = 0 }: ExpectedFlow): L4FlowKey {
  const source = endpoint(from);
  const destination = endpoint(to);
  return {
    src: toMapAddress(source.address),
    dst: toMapAddress(destination.address),
    sport: source.port,
    dport: destination.port,
    protocol,
    zone: vlan & 0xff,
    zero: 0,
  };
}

function endpoint(text: string): { address: string; port: number } {
  const [, address = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? [];
  return { address, port: Number(port) };
}

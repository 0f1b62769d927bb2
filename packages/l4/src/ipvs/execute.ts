/**
 * Runs a batch of LVS's commands against the running plane: all of it, or nothing.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { possibleCpus } from '@balancer/ebpf';
import { messageOf } from '@balancer/kit';
import { formatServiceKey, type ServiceSpec } from '../desired.ts';
import { entriesOf } from '../list-hits.ts';
import type { L4Plane } from '../plane.ts';
import type { PlaneSnapshot } from '../statistics.ts';
import { planeDocument } from '../status.ts';
import {
  formatFlows,
  formatLocalAddresses,
  formatNetworks,
  formatRules,
  formatServices,
  type ListedService,
} from './format.ts';
import type { IpvsAnswer, IpvsCommand, IpvsListing } from './commands.ts';
import { type NameOf, namesOf, numbersOf } from './names.ts';
import { change, IpvsError } from './table.ts';

/** Does the commands in their order. Outputs follow each other. */
export async function executeIpvs(
  commands: readonly IpvsCommand[],
  plane: L4Plane,
): Promise<IpvsAnswer> {
  await plane.settled();
  const before = plane.services;
  const table = new Map(before);
  const errors: IpvsAnswer['errors'][number][] = [];
  for (const [command, order] of commands.entries()) {
    try {
      follow(order, table);
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
      errors.push({ command, message: error.message });
    }
  }
  if (errors.length > 0) return { output: '', errors };
  try {
    if (!isDeepStrictEqual(before, table)) await plane.order(table);
    let output = '';
    for (const order of commands) {
      // oxlint-disable-next-line no-await-in-loop -- in their order
      output += await answer(order, plane);
    }
    return { output, errors: [] };
  } catch (error) {
    return { output: '', errors: [{ command: 0, message: messageOf(error) }] };
  }
}

/** What a command does to services. */
function follow(command: IpvsCommand, table: Map<string, ServiceSpec>): void {
  const { op } = command;
  if (op === 'list' || op === 'zero') {
    const isKnown = !command.service || table.has(formatServiceKey(command.service));
    if (!isKnown) throw new IpvsError('No such service');
  } else if (op !== 'save' && op !== 'timeouts') {
    change(table, command);
  }
}

/** What a command does beside that, and what it prints. */
async function answer(command: IpvsCommand, plane: L4Plane): Promise<string> {
  const { op } = command;
  if (op === 'list') return list(command, plane);
  if (op === 'save') {
    const services = [...plane.services.values()];
    const nameOf = await namesFor(command, () => services.flatMap(addressesOf));
    return formatRules(services, command, nameOf);
  }
  if (op === 'timeouts') await plane.orderTimeouts(command);
  if (op === 'zero')
    await plane.counters.setToZero(command.service && formatServiceKey(command.service));
  return '';
}

async function list(command: IpvsListing, plane: L4Plane): Promise<string> {
  const { view, service, sockpair } = command;
  if (view === 'timeout') {
    const { tcp, tcpfin, udp } = plane.timeouts;
    return `Timeout (tcp tcpfin udp): ${tcp} ${tcpfin} ${udp}\n`;
  }
  // There is no sync daemon, and so nothing to print.
  if (view === 'daemon') return '';
  if (view === 'connections' || view === 'connections-local') {
    const flows = await plane.flows({
      ...(service && (service.match ? { rule: formatServiceKey(service) } : { service })),
      ...(service && { protocol: service.protocol }),
      ...(sockpair && {
        protocol: sockpair.protocol,
        client: sockpair.client,
        clientPort: sockpair.clientPort,
        service: { address: sockpair.target, port: sockpair.targetPort },
      }),
    });
    const nameOf = await namesFor(command, () =>
      flows.flatMap(({ client, virtual, destination }) => [client, virtual, destination]),
    );
    return formatFlows(flows, { cpu: view === 'connections-local' }, nameOf);
  }
  await plane.collect();
  const snapshot = plane.counters.latest!;
  const shown = [...plane.services].filter(
    ([key]) => service === undefined || key === formatServiceKey(service),
  );
  const nameOf = await namesFor(command, () => shown.flatMap(([, spec]) => addressesOf(spec)));
  if (view === 'local') {
    return formatLocalAddresses(
      shown.map(([, spec]) => spec),
      (spec, address) => localCounts(snapshot, spec, address),
      nameOf,
    );
  }
  if (view === 'deny' || view === 'allow') {
    const beside = { hits: await plane.listHits(), sets: plane.sets.effective() };
    return formatNetworks(
      shown.map(([, spec]) => ({ service: spec, entries: entriesOf(spec, view, beside) })),
      view,
      nameOf,
    );
  }
  const counted = await countedFor(command, snapshot, plane);
  const document = planeDocument(plane.judgedServices, counted, {
    rates: plane.counters.rates,
    sets: new Map(),
    hits: new Map(),
  });
  const keys = [...plane.services.keys()];
  const services = shown.flatMap(([key, spec]): ListedService[] => {
    const counted = document.services[keys.indexOf(key)];
    return counted ? [{ spec, counted }] : [];
  });
  return formatServices(services, command, snapshot.flowsMax, nameOf);
}

/** Since they were set to zero; those of one CPU, which nothing sets to zero, since the start. */
async function countedFor(
  { cpu }: IpvsListing,
  snapshot: PlaneSnapshot,
  plane: L4Plane,
): Promise<PlaneSnapshot> {
  if (cpu === undefined) return plane.counters.sinceZero(snapshot);
  const last = possibleCpus() - 1;
  if (cpu > last) throw new IpvsError(`No such CPU: ${cpu}; this host has 0 to ${last}`);
  return plane.countersOfCpu(cpu);
}

async function namesFor(
  { named = false }: { readonly named?: boolean | undefined },
  addresses: () => readonly string[],
): Promise<NameOf> {
  return named ? namesOf(addresses()) : numbersOf;
}

function addressesOf({ address, backends, match }: ServiceSpec): string[] {
  return [...(match ? [] : [address]), ...backends.map((backend) => backend.address)];
}

function localCounts(
  { numbers, localAddresses }: PlaneSnapshot,
  service: ServiceSpec,
  address: string,
): { readonly conns: number; readonly conflicts: number } {
  const run = numbers.localRuns.get(numbers.services.get(formatServiceKey(service)) ?? 0);
  const place = run ? run.addresses.indexOf(address) : -1;
  return localAddresses.get(place < 0 ? 0 : run!.first + place) ?? { conns: 0, conflicts: 0 };
}

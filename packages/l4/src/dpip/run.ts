/**
 * Runs one call of `dpip`.
 *
 * @module
 */
import { RouteSocket } from '@balancer/ebpf';
import type { PlaneDocument } from '../status.ts';
import { addressView } from './address-view.ts';
import { type DpipCall, DpipUsageError, parseDpip, shownPart } from './call.ts';
import { tunnelView, vlanView } from './device-view.ts';
import { equivalentOf } from './equivalents.ts';
import { groupView } from './group-view.ts';
import { linkView } from './link-view.ts';
import { neighbourView } from './neighbour-view.ts';
import { memoryView, steeringView } from './plane-views.ts';
import { classifierView, queueingView } from './queueing-view.ts';
import { routeView } from './route-view.ts';
import { type DpipPlane, setCommand } from './set-commands.ts';
import type { DpipView, ViewSource } from './view.ts';

export const DPIP_HELP = `Usage: dpip OBJECT [show] [dev NAME] [-s] [-4|-6] [-i seconds] [-c count] [--json]
       dpip ipset create|destroy|flush NAME
       dpip ipset add|del|test NAME network...

  link     interfaces        -s counters, with -i also packets and bits per second
  addr     addresses         -s ports of local addresses: sa_used sa_free sa_miss
  route    routes            table NUMBER
  neigh    next hops
  vlan, tunnel               devices over others
  qsch, cls                  queueing disciplines and classifiers of tc
  ipset    named sets of networks, for lists of clients
  flow     which ports of local addresses lead to the flow table
  maddr    multicast addresses
  eal-mem  memory of the packet plane

Interfaces, addresses, routes and queues belong to Linux: verbs that change them print the command of ip or tc
that does it, and end with 3.
`;

/** How a call ended. */
export const DPIP_EXIT = { ok: 0, no: 1, usage: 2, notOurs: 3 } as const;

export interface DpipOptions {
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly plane: DpipPlane;
  /** Whether there is a plane to ask; without one, addresses of the host are shown without their use. */
  readonly planeMayRun: boolean;
  /** Where the plane is pinned. */
  readonly pinPath: () => Promise<string>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
}

/** @returns The exit code. @throws {DpipUsageError} and what the plane refuses. */
export async function runDpip(args: readonly string[], options: DpipOptions): Promise<number> {
  const { write, writeError, plane } = options;
  const call = parseDpip(args);
  if (call === 'help') {
    write(DPIP_HELP);
    return DPIP_EXIT.ok;
  }
  if (call.object === 'lldp') {
    write('lldpcli show neighbors\n');
    writeError('dpip: lldpd speaks LLDP on Linux; nothing was run\n');
    return DPIP_EXIT.notOurs;
  }
  if (call.object === 'ipset' && call.verb !== 'show') {
    const { isNo, ...answer } = await setCommand(call, plane);
    write(shown(answer, call));
    return isNo ? DPIP_EXIT.no : DPIP_EXIT.ok;
  }
  if (call.verb !== 'show') {
    write(`${equivalentOf(call)}\n`);
    writeError('dpip: this belongs to Linux; the command that does it was printed, not run\n');
    return DPIP_EXIT.notOurs;
  }
  await repeat(call, options);
  return DPIP_EXIT.ok;
}

async function repeat(call: DpipCall, options: DpipOptions): Promise<void> {
  const look = await lookerOf(call, options);
  for (let round = 1; ; round++) {
    // oxlint-disable no-await-in-loop -- one look after the other
    options.write(shown(await look(), call));
    if (round >= call.count) return;
    await options.sleep(call.intervalS * 1000);
    // oxlint-enable no-await-in-loop
  }
}

/** A function that looks once. */
async function lookerOf(
  call: DpipCall,
  { plane, planeMayRun, pinPath, nowMs }: DpipOptions,
): Promise<() => Promise<DpipView>> {
  const { object, family, statistics } = call;
  const locals = async (): Promise<PlaneDocument['local_addresses']> => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the route's own answer
    const document = (await plane.get('/l4/stats')) as PlaneDocument;
    return document.local_addresses;
  };
  if (object === 'ipset') return async () => setCommand(call, plane);
  if (object === 'flow') return async () => steeringView(await locals(), family);
  if (object === 'eal-mem') {
    const path = await pinPath();
    return async () => memoryView(path);
  }
  const view = hostView(call, nowMs);
  const asksPlane = object === 'addr' && statistics && planeMayRun;
  return async () => view(asksPlane ? await locals() : []);
}

/**
 * A function that shows what the kernel has, in the network namespace of the thread that calls it.
 *
 * @throws {DpipUsageError} There is no such view.
 */
export function hostView(
  call: DpipCall,
  nowMs: () => number,
): (locals: PlaneDocument['local_addresses']) => DpipView {
  const { object, family, statistics } = call;
  const part = shownPart(call);
  const link = linkView(nowMs);
  const show = VIEWS[object];
  return (locals) => {
    const socket = RouteSocket.open();
    try {
      const source = { socket, part, statistics, family };
      if (object === 'addr') return addressView(source, locals);
      if (object === 'link') return link(source);
      if (show) return show(source);
      throw new DpipUsageError(`${object} show: there is no such view`);
    } finally {
      socket.close();
    }
  };
}

const VIEWS: Readonly<Partial<Record<DpipCall['object'], (source: ViewSource) => DpipView>>> = {
  route: routeView,
  neigh: neighbourView,
  vlan: vlanView,
  tunnel: tunnelView,
  qsch: queueingView,
  cls: classifierView,
  maddr: groupView,
};

function shown({ text, rows }: DpipView, { json }: DpipCall): string {
  return json ? `${JSON.stringify(rows)}\n` : text;
}

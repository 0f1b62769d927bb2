/**
 * The connection table, read for people.
 *
 * @module
 */
import type { LoadedObject } from '@balancer/ebpf';
import type { L4Tc } from '../bpf/objects/l4-tc.types.ts';
import { fromMapAddress } from './address.ts';
import { matcherOf } from './address-prefix.ts';
import { FLOW_SEEN, MODES, PROTOCOLS, STATES } from './constants.ts';
import type { ForwardMode, Protocol } from './desired.ts';

/** Which flows to list; what is left out does not matter. */
export interface FlowFilter {
  readonly protocol?: Protocol;
  /** Address and port of the service. */
  readonly service?: { readonly address: string; readonly port: number };
  /** Text of the key of a service that is found by a rule. */
  readonly rule?: string;
  /** An address, or a network such as `192.0.2.0/24`. */
  readonly client?: string;
  readonly clientPort?: number;
  readonly backend?: string;
  /** Only of backends with these numbers. */
  readonly slots?: readonly number[];
  readonly state?: string;
  /** At most so many. */
  readonly limit?: number;
  /** Leaves so many out before, to list in pages. */
  readonly skip?: number;
}

/** A filter with the number of the service that `rule` names. */
export type NumberedFilter = FlowFilter & { readonly ruleService?: number };

/** A flow as its client's packets see it. */
export interface FlowView {
  readonly protocol: Protocol;
  readonly state: string;
  /** Seconds until it is over without further packets. */
  readonly expiresS: number;
  readonly mode: ForwardMode;
  readonly client: string;
  readonly clientPort: number;
  readonly virtual: string;
  readonly virtualPort: number;
  /** Source towards the server in mode `fnat`, and outside in mode `snat`; `''` otherwise. */
  readonly local: string;
  readonly localPort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

const LIMIT_DEFAULT = 100_000;
const DIRECTION_IN = 0;

/** Backends by slot, to show flows that do not have their address. */
export type FlowBackends = ReadonlyMap<number, { readonly address: string; readonly port: number }>;

type FlowKey = L4Tc['maps']['l4_ct']['key'];
type Flow = L4Tc['maps']['l4_ct']['value'];

/** Lists flows; entries that come and go meanwhile may be missed. */
export function listFlows(
  loaded: LoadedObject<L4Tc>,
  backends: FlowBackends,
  filter: NumberedFilter,
): FlowView[] {
  const { limit = LIMIT_DEFAULT, skip = 0 } = filter;
  const found: FlowView[] = [];
  let skipped = 0;
  for (const { view } of matchingFlows(loaded, backends, filter)) {
    if (skipped++ < skip) continue;
    found.push(view);
    if (found.length === limit) break;
  }
  return found;
}

/** Keys of the flows that pass a filter, as bytes. */
export function flowKeys(
  loaded: LoadedObject<L4Tc>,
  backends: FlowBackends,
  filter: NumberedFilter,
): Uint8Array[] {
  const table = loaded.map('l4_ct');
  return [...matchingFlows(loaded, backends, filter)].map(({ key }) => table.encodeKey(key));
}

/** Forgets one flow, given the bytes of its key. @returns Whether it was there. */
export function deleteFlow(loaded: LoadedObject<L4Tc>, keyBytes: Uint8Array): boolean {
  const table = loaded.map('l4_ct');
  const key = table.decodeKey(keyBytes);
  const flow = table.get(key);
  if (!flow || !table.delete(key)) return false;
  const mode = nameOf(MODES, flow.mode);
  if (hasReply(mode)) table.delete(replyKey(key, flow));
  return true;
}

/** Whether flows of a mode have an entry for replies. */
function hasReply(mode: string): boolean {
  return mode === 'nat' || mode === 'fnat' || mode === 'snat';
}

/** What replies of a NATed flow are found by: the reverse of what its packets become. */
function replyKey(key: FlowKey, flow: Flow): FlowKey {
  return {
    ...key,
    src: flow.new_dst,
    dst: flow.new_src,
    sport: flow.new_dport,
    dport: flow.new_sport,
  };
}

function* matchingFlows(
  loaded: LoadedObject<L4Tc>,
  backends: FlowBackends,
  filter: NumberedFilter,
): Generator<{ readonly key: FlowKey; readonly flow: Flow; readonly view: FlowView }> {
  const timeouts = loaded.map('l4_cfg').get(0)?.timeouts ?? [];
  const serviceTimeouts = new Map<number, number>();
  const nowNs = process.hrtime.bigint();
  const slots = filter.slots && new Set(filter.slots);
  const isClient = filter.client === undefined ? () => true : matcherOf(filter.client);
  for (const [key, flow] of loaded.map('l4_ct').entries()) {
    if (flow.dir !== DIRECTION_IN || !isClient(key.src)) continue;
    if (slots?.has(flow.backend) === false) continue;
    if (filter.ruleService !== undefined && flow.service !== filter.ruleService) continue;
    const state = stateOf(flow);
    const timeoutS = timeoutOf(flow, { timeouts, serviceTimeouts, loaded });
    const idleS = Number((nowNs - flow.last_ns) / 1_000_000_000n);
    const mode = nameOf(MODES, flow.mode);
    const backend = backends.get(flow.backend);
    const isNat = hasReply(mode);
    const hasLocal = mode === 'fnat' || mode === 'snat';
    const view: FlowView = {
      protocol: nameOf(PROTOCOLS, key.protocol),
      state,
      expiresS: Math.max(0, timeoutS - idleS),
      mode,
      client: fromMapAddress(key.src),
      clientPort: key.sport,
      virtual: fromMapAddress(key.dst),
      virtualPort: key.dport,
      local: hasLocal ? fromMapAddress(flow.new_src) : '',
      localPort: hasLocal ? flow.new_sport : 0,
      destination: isNat ? fromMapAddress(flow.new_dst) : (backend?.address ?? ''),
      destinationPort: isNat ? flow.new_dport : backend?.port || key.dport,
    };
    if (matches(view, filter)) yield { key, flow, view };
  }
}

/** That of a connection that is reset at its next segment is its end, which it does not know yet. */
function stateOf({ state, seen }: Flow): string {
  const isOver = state === STATES.CLOSE || state === STATES.TIME_WAIT;
  return !isOver && (seen & FLOW_SEEN.resetNext) !== 0 ? 'CLOSING' : nameOf(STATES, state);
}

function timeoutOf(
  { service, state }: { readonly service: number; readonly state: number },
  context: {
    readonly timeouts: readonly number[];
    readonly serviceTimeouts: Map<number, number>;
    readonly loaded: LoadedObject<L4Tc>;
  },
): number {
  const { timeouts, serviceTimeouts, loaded } = context;
  if (!serviceTimeouts.has(service)) {
    serviceTimeouts.set(service, loaded.map('l4_svc').get(service)?.est_timeout_s ?? 0);
  }
  const own = serviceTimeouts.get(service)!;
  const isLong = state === STATES.ESTABLISHED || state === STATES.UDP;
  return isLong && own > 0 ? own : (timeouts[state] ?? 0);
}

function matches(flow: FlowView, filter: FlowFilter): boolean {
  const { protocol, service, clientPort, backend, state } = filter;
  return (
    (protocol === undefined || flow.protocol === protocol) &&
    (service === undefined ||
      (flow.virtual === service.address &&
        (service.port === 0 || flow.virtualPort === service.port))) &&
    (clientPort === undefined || flow.clientPort === clientPort) &&
    (backend === undefined || flow.destination === backend) &&
    (state === undefined || flow.state === state)
  );
}

/** Names by number, made once for each table. */
const names = new WeakMap<object, ReadonlyMap<number, string>>();

function nameOf<N extends string>(numbers: Readonly<Record<N, number>>, number: number): N {
  let byNumber = names.get(numbers);
  if (byNumber === undefined) {
    byNumber = new Map(Object.entries<number>(numbers).map(([name, value]) => [value, name]));
    names.set(numbers, byNumber);
  }
  const name = byNumber.get(number) ?? `${number}`;
  // Either a key of the table or the number that has no name yet.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return name as N;
}

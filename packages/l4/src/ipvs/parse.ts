/**
 * From arguments of `ipvsadm` to commands, and from a file of rules.
 *
 * @module
 */
import { isIP } from 'node:net';
import { LVS_SCHEDULERS } from '@balancer/lb';
import {
  type IpvsCommand,
  type IpvsListing,
  type IpvsServerOptions,
  type IpvsServiceKey,
  type IpvsServiceOptions,
  type IpvsView,
  SCHEDULER_FLAGS,
  type SchedulerFlag,
} from './commands.ts';
import { PlaneError } from '../errors.ts';
import { matchKey } from '../match-key.ts';
import { isListEntry } from '../named-sets.ts';
import { parseDestCheck } from './dest-check.ts';
import { portByName } from './names.ts';
import { integer, IpvsUsageError, type ParsedArguments, readArguments } from './options.ts';
import { TUNNEL_OPTION_NAMES, tunnelOption } from './tunnel-options.ts';

/** A command, or what the command line does by itself. */
export type IpvsCall =
  | IpvsCommand
  | { readonly op: 'restore' }
  | { readonly op: 'help' }
  | { readonly op: 'version' };

const COMMON_SERVICE = ['tcp-service', 'udp-service', 'icmp-service', 'match'];
const SERVICE_OPTIONS = [
  'scheduler',
  'persistent',
  'netmask',
  'sched-flags',
  'ops',
  'conn-timeout',
  'hash-target',
  'expire-quiescent',
  'proxy-protocol',
  'synproxy',
  'dest-check',
];
const SERVER_OPTIONS = [
  'gatewaying',
  'ipip',
  'masquerading',
  'fullnat',
  'snat',
  'weight',
  'u-threshold',
  'l-threshold',
  ...TUNNEL_OPTION_NAMES,
];
/** More CPUs than Linux has. */
const CPU_MAX = 65_535;

const LIST_OPTIONS = [
  'numeric',
  'connection',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'timeout',
  'daemon',
  'exact',
  'nosort',
  'sort',
  'dpvs',
  'sockpair',
  'cpu',
  'tun-info',
];

/** Which options a command may have, and which it needs. */
const RULES: Readonly<
  Record<string, { readonly may: readonly string[]; readonly needs: readonly string[] }>
> = {
  'add-service': { may: [...COMMON_SERVICE, ...SERVICE_OPTIONS], needs: ['service-address'] },
  'edit-service': { may: [...COMMON_SERVICE, ...SERVICE_OPTIONS], needs: ['service-address'] },
  'delete-service': { may: COMMON_SERVICE, needs: ['service-address'] },
  'add-server': {
    may: [...COMMON_SERVICE, 'real-server', ...SERVER_OPTIONS],
    needs: ['service-address', 'real-server'],
  },
  'edit-server': {
    may: [...COMMON_SERVICE, 'real-server', ...SERVER_OPTIONS],
    needs: ['service-address', 'real-server'],
  },
  'delete-server': {
    may: [...COMMON_SERVICE, 'real-server'],
    needs: ['service-address', 'real-server'],
  },
  clear: { may: [], needs: [] },
  restore: { may: [], needs: [] },
  save: { may: ['numeric', 'compat'], needs: [] },
  list: { may: [...COMMON_SERVICE, ...LIST_OPTIONS], needs: [] },
  zero: { may: COMMON_SERVICE, needs: [] },
  set: { may: [], needs: [] },
  'add-laddr': { may: [...COMMON_SERVICE, 'laddr', 'ifname'], needs: ['service-address', 'laddr'] },
  'del-laddr': { may: [...COMMON_SERVICE, 'laddr', 'ifname'], needs: ['service-address', 'laddr'] },
  'get-laddr': { may: [...COMMON_SERVICE, 'numeric'], needs: [] },
  'add-deny': { may: [...COMMON_SERVICE, 'network'], needs: ['service-address', 'network'] },
  'del-deny': { may: [...COMMON_SERVICE, 'network'], needs: ['service-address', 'network'] },
  'get-deny': { may: [...COMMON_SERVICE, 'numeric'], needs: [] },
  'add-allow': { may: [...COMMON_SERVICE, 'network'], needs: ['service-address', 'network'] },
  'del-allow': { may: [...COMMON_SERVICE, 'network'], needs: ['service-address', 'network'] },
  'get-allow': { may: [...COMMON_SERVICE, 'numeric'], needs: [] },
  help: { may: [], needs: [] },
  version: { may: [], needs: [] },
};

const THRESHOLD_MAX = 2 ** 32 - 1;
const PERSISTENCE_DEFAULT_S = 300;
const LOCAL_ADDRESSES_MAX = 4096;

/** Finds the address of a host name. */
export type Resolve = (host: string) => Promise<string>;

/**
 * Reads the arguments of one call.
 *
 * @throws {IpvsUsageError}
 */
export async function parseIpvs(args: readonly string[], resolve: Resolve): Promise<IpvsCall> {
  const parsed = readArguments(args);
  checkOptions(parsed);
  const { command, options } = parsed;
  const reader = new Reader(options, resolve);
  switch (command) {
    case 'add-service':
    case 'edit-service':
      return { op: command, service: await reader.service(), options: reader.serviceOptions() };
    case 'delete-service':
      return { op: command, service: await reader.service() };
    case 'add-server':
    case 'edit-server':
      return {
        op: command,
        service: await reader.service(),
        server: await reader.server(),
        options: reader.serverOptions(),
      };
    case 'delete-server':
      return { op: command, service: await reader.service(), server: await reader.server() };
    case 'add-laddr':
    case 'del-laddr':
      return {
        op: command === 'add-laddr' ? 'add-local' : 'delete-local',
        service: await reader.service(),
        addresses: reader.localAddresses(),
      };
    case 'add-deny':
    case 'del-deny':
    case 'add-allow':
    case 'del-allow':
      return {
        op: command.startsWith('add') ? 'add-network' : 'delete-network',
        service: await reader.service(),
        list: command.endsWith('deny') ? 'deny' : 'allow',
        network: reader.network(),
      };
    case 'clear':
      return { op: 'flush' };
    case 'zero':
      return { op: 'zero', ...(reader.hasService && { service: await reader.service() }) };
    case 'set':
      return timeouts(parsed.values);
    case 'save':
      return { op: 'save', compat: options.has('compat'), ...nameOption(options) };
    case 'restore':
    case 'help':
    case 'version':
      return { op: command };
    default:
      return listing(command, options, reader);
  }
}

/** One line of a file of rules that is no command. */
export interface RuleProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/**
 * Reads rules as `--save` writes them; blank lines, comments and a leading word `ipvsadm` are skipped.
 *
 * @returns Commands with the lines they stand in, and every line that is wrong.
 */
export async function parseRules(
  text: string,
  resolve: Resolve,
): Promise<{
  readonly commands: readonly { readonly line: number; readonly command: IpvsCommand }[];
  readonly problems: readonly RuleProblem[];
}> {
  const commands: { line: number; command: IpvsCommand }[] = [];
  const problems: RuleProblem[] = [];
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    const words = content.trim().split(/\s+/);
    if (words[0]?.endsWith('ipvsadm')) words.shift();
    if (words.length === 0 || words[0] === '' || words[0]?.startsWith('#')) continue;
    try {
      // oxlint-disable-next-line no-await-in-loop -- in the order of the lines
      const call = await parseIpvs(words, resolve);
      if (!isOrder(call)) {
        throw new IpvsUsageError('only commands that change the table may stand in a file');
      }
      commands.push({ line, command: call });
    } catch (error) {
      if (!(error instanceof IpvsUsageError)) throw error;
      problems.push({ line, message: error.message });
    }
  }
  return { commands, problems };
}

function isOrder(call: IpvsCall): call is Exclude<IpvsCommand, { op: 'list' }> {
  return !['restore', 'help', 'version', 'list'].includes(call.op);
}

function checkOptions({ command, options }: ParsedArguments): void {
  const { may, needs } = RULES[command]!;
  for (const option of options.keys()) {
    if (!may.includes(option)) {
      throw new IpvsUsageError(`Illegal '${option}' option with the '${command}' command`);
    }
  }
  for (const need of needs) {
    const isGiven =
      need === 'service-address'
        ? COMMON_SERVICE.some((name) => options.has(name))
        : options.has(need);
    if (!isGiven) {
      throw new IpvsUsageError(
        `You need to supply the '${need}' option for the '${command}' command`,
      );
    }
  }
  const pairs = [
    COMMON_SERVICE,
    ['gatewaying', 'ipip', 'masquerading', 'fullnat', 'snat'],
    ['connection', 'stats', 'rate', 'thresholds', 'persistent-conn', 'timeout', 'daemon'],
  ];
  for (const group of pairs) {
    const given = group.filter((name) => options.has(name));
    if (given.length < 2) continue;
    throw new IpvsUsageError(
      `The option '${given[1]}' conflicts with the '${given[0]}' option in the '${command}' command`,
    );
  }
}

class Reader {
  readonly #options: ReadonlyMap<string, string>;
  readonly #resolve: Resolve;

  constructor(options: ReadonlyMap<string, string>, resolve: Resolve) {
    this.#options = options;
    this.#resolve = resolve;
  }

  get hasService(): boolean {
    return COMMON_SERVICE.some((name) => this.#options.has(name));
  }

  async service(): Promise<IpvsServiceKey> {
    const rule = this.#options.get('match');
    if (rule !== undefined) return ruleKey(rule);
    const icmp = this.#options.get('icmp-service');
    if (icmp !== undefined) {
      // Echoes have no port; one that is given says nothing.
      const address = await this.#resolve(hostPort(icmp, 'udp').host);
      return { protocol: address.includes(':') ? 'icmpv6' : 'icmp', address, port: 0 };
    }
    const tcp = this.#options.get('tcp-service');
    const text = tcp ?? this.#options.get('udp-service') ?? '';
    const protocol = tcp === undefined ? 'udp' : 'tcp';
    const { host, port } = hostPort(text, protocol);
    return { protocol, address: await this.#resolve(host), port: port ?? 0 };
  }

  async server(): Promise<{ readonly address: string; readonly port?: number }> {
    const protocol = this.#options.has('udp-service') ? 'udp' : 'tcp';
    const { host, port } = hostPort(this.#options.get('real-server') ?? '', protocol);
    return { address: await this.#resolve(host), ...(port !== undefined && { port }) };
  }

  serviceOptions(): IpvsServiceOptions {
    const options = this.#options;
    const scheduler = options.get('scheduler');
    const known = LVS_SCHEDULERS.find((name) => name === scheduler);
    if (scheduler !== undefined && known === undefined) {
      throw new IpvsUsageError(
        `Scheduler not found: ${scheduler}; there are ${LVS_SCHEDULERS.join(', ')}`,
      );
    }
    const persistent = options.get('persistent');
    const target = options.get('hash-target');
    if (target !== undefined && target !== 'sip') {
      throw new IpvsUsageError(`--hash-target ${target} is not part of this version; there is sip`);
    }
    const mask = options.get('netmask');
    return {
      ...(known && { scheduler: known }),
      ...(persistent !== undefined && {
        persistenceS: persistent === '' ? PERSISTENCE_DEFAULT_S : timeout(persistent),
      }),
      ...(mask !== undefined && { maskLength: maskLength(mask) }),
      ...(options.has('sched-flags') && {
        schedulerFlags: schedulerFlags(options.get('sched-flags')!),
      }),
      ...(options.has('ops') && { onePacket: true }),
      ...(options.has('conn-timeout') && { connTimeoutS: timeout(options.get('conn-timeout')!) }),
      ...(options.has('expire-quiescent') && { expireQuiescent: true }),
      ...(options.has('synproxy') && { synProxy: synProxy(options.get('synproxy')!) }),
      ...destCheckOption(options.get('dest-check')),
      ...(options.has('proxy-protocol') && {
        proxyProtocol: proxyProtocol(options.get('proxy-protocol')!),
      }),
    };
  }

  serverOptions(): IpvsServerOptions {
    const options = this.#options;
    const weight = options.get('weight');
    const upper = options.get('u-threshold');
    const lower = options.get('l-threshold');
    const modes = {
      gatewaying: 'dr',
      ipip: 'tunnel',
      masquerading: 'nat',
      fullnat: 'fnat',
      snat: 'snat',
    } as const;
    const mode = Object.entries(modes).find(([name]) => options.has(name))?.[1];
    return {
      ...(mode && { mode }),
      ...tunnelOption(options, mode),
      ...(weight !== undefined && { weight: integer(weight, 'weight', 65_535) }),
      ...(upper !== undefined && { upper: integer(upper, 'u-threshold', THRESHOLD_MAX) }),
      ...(lower !== undefined && { lower: integer(lower, 'l-threshold', THRESHOLD_MAX) }),
    };
  }

  network(): string {
    const text = this.#options.get('network') ?? '';
    if (!isListEntry(text)) {
      throw new IpvsUsageError(`illegal network \`${text}'; needs addr, addr/length or ipset:name`);
    }
    return text;
  }

  localAddresses(): string[] {
    const text = this.#options.get('laddr') ?? '';
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
}

function destCheckOption(text: string | undefined): Pick<IpvsServiceOptions, 'destCheck'> {
  const destCheck = text === undefined ? undefined : parseDestCheck(text);
  return destCheck ? { destCheck } : {};
}

/** As DPVS has it; "server-first" is ours. */
function synProxy(text: string): NonNullable<IpvsServiceOptions['synProxy']> {
  if (text === 'enable') return 'client-first';
  if (text === 'disable') return 'off';
  if (text === 'server-first') return text;
  throw new IpvsUsageError(
    `illegal --synproxy \`${text}'; there are enable, disable, server-first`,
  );
}

/** @throws {IpvsUsageError} for what DPVS has and the plane has not. */
function proxyProtocol(text: string): 'off' | 'v2' {
  if (text === 'disable') return 'off';
  if (text === 'v2') return 'v2';
  throw new IpvsUsageError(
    `--proxy-protocol ${text} is not part of this version; there are disable, v2`,
  );
}

/** Commands that list what is not shown with the services. */
const GET_VIEWS: Readonly<Record<string, IpvsView>> = {
  'get-laddr': 'local',
  'get-deny': 'deny',
  'get-allow': 'allow',
};

async function listing(
  command: string,
  options: ReadonlyMap<string, string>,
  reader: Reader,
): Promise<IpvsListing> {
  const views: Readonly<Record<string, IpvsView>> = {
    connection: options.has('dpvs') ? 'connections-local' : 'connections',
    stats: 'stats',
    rate: 'rate',
    thresholds: 'thresholds',
    'persistent-conn': 'persistent',
    'tun-info': 'tunnels',
    timeout: 'timeout',
    daemon: 'daemon',
  };
  const named = Object.entries(views).find(([name]) => options.has(name))?.[1];
  const pair = options.get('sockpair');
  const cpu = options.get('cpu');
  if (cpu !== undefined && !options.has('stats')) {
    throw new IpvsUsageError("The option 'cpu' needs the 'stats' option in the 'list' command");
  }
  return {
    op: 'list',
    view: GET_VIEWS[command] ?? named ?? (pair === undefined ? 'services' : 'connections'),
    exact: options.has('exact'),
    sorted: !options.has('nosort'),
    ...nameOption(options),
    ...(reader.hasService && { service: await reader.service() }),
    ...(pair !== undefined && { sockpair: sockpair(pair) }),
    ...(cpu !== undefined && { cpu: integer(cpu, 'cpu', CPU_MAX) }),
  };
}

/** Names are printed unless `-n` says otherwise. */
function nameOption(options: ReadonlyMap<string, string>): { readonly named?: true } {
  return options.has('numeric') ? {} : { named: true };
}

/** `proto:sip:sport:tip:tport`, IPv6 addresses in brackets. */
function sockpair(text: string): NonNullable<IpvsListing['sockpair']> {
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

function timeouts(values: readonly string[]): IpvsCommand {
  const [tcp, tcpfin, udp] = values.map(timeout);
  return { op: 'timeouts', tcp: tcp!, tcpfin: tcpfin!, udp: udp! };
}

function schedulerFlags(text: string): SchedulerFlag[] {
  return text.split(',').map((flag) => {
    const known = SCHEDULER_FLAGS.find((name) => name === flag);
    if (known === undefined) throw new IpvsUsageError(`invalid scheduler flag \`${flag}'`);
    return known;
  });
}

/** The service of a rule. */
function ruleKey(text: string): IpvsServiceKey {
  try {
    return matchKey(text);
  } catch (error) {
    if (!(error instanceof PlaneError)) throw error;
    throw new IpvsUsageError(`illegal match \`${text}': ${error.message}`);
  }
}

/** Host and port of `host[:port]`; ports by name as `/etc/services` has them. */
function hostPort(
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

function timeout(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value < 2 ** 31) return value;
  throw new IpvsUsageError(`invalid timeout value \`${text}' specified`);
}

/** Length of a network: a dotted mask for IPv4, a number for IPv6. */
function maskLength(text: string): number {
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

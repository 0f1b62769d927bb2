/**
 * The options of `ipvsadm`: their short and long names, whether they take a value, and reading them from
 * an argument list the way getopt does (joined short options, `--name=value`).
 *
 * @module
 */

/** Wrong usage, in one line. */
export class IpvsUsageError extends Error {
  override readonly name = 'IpvsUsageError';
}

/** A number of an option. @throws {IpvsUsageError} */
export function integer(text: string, what: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw new IpvsUsageError(`illegal ${what} \`${text}'; needs a number from 0 to ${max}`);
}

/** `optional`: the value may be left out. `list`: three values follow. */
type Takes = 'nothing' | 'value' | 'optional' | 'three';

interface OptionRow {
  readonly name: string;
  readonly short?: string;
  readonly takes: Takes;
}

const row = (name: string, short: string | undefined, takes: Takes = 'nothing'): OptionRow => ({
  name,
  takes,
  ...(short !== undefined && { short }),
});

/** Commands, of which a call has one. */
const COMMANDS: readonly OptionRow[] = [
  row('add-service', 'A'),
  row('edit-service', 'E'),
  row('delete-service', 'D'),
  row('clear', 'C'),
  row('restore', 'R'),
  row('save', 'S'),
  row('add-server', 'a'),
  row('edit-server', 'e'),
  row('delete-server', 'd'),
  row('list', 'L'),
  row('list', 'l'),
  row('zero', 'Z'),
  row('set', undefined, 'three'),
  row('add-laddr', 'P'),
  row('del-laddr', 'Q'),
  row('get-laddr', 'G'),
  row('add-deny', 'U'),
  row('del-deny', 'V'),
  row('get-deny', 'B'),
  row('add-allow', 'O'),
  row('del-allow', 'Y'),
  row('get-allow', 'W'),
  row('help', 'h'),
  row('version', 'v'),
];

const OPTIONS: readonly OptionRow[] = [
  row('tcp-service', 't', 'value'),
  row('udp-service', 'u', 'value'),
  row('icmp-service', '1', 'value'),
  row('match', 'H', 'value'),
  row('scheduler', 's', 'value'),
  row('persistent', 'p', 'optional'),
  row('netmask', 'M', 'value'),
  row('ops', 'o'),
  row('conn-timeout', undefined, 'value'),
  row('hash-target', undefined, 'value'),
  row('expire-quiescent', undefined),
  row('dest-check', undefined, 'value'),
  row('proxy-protocol', undefined, 'value'),
  row('synproxy', 'j', 'value'),
  row('real-server', 'r', 'value'),
  row('gatewaying', 'g'),
  row('ipip', 'i'),
  row('masquerading', 'm'),
  row('snat', 'J'),
  row('weight', 'w', 'value'),
  row('u-threshold', 'x', 'value'),
  row('l-threshold', 'y', 'value'),
  row('tun-type', undefined, 'value'),
  row('tun-port', undefined, 'value'),
  row('tun-nocsum', undefined),
  row('tun-csum', undefined),
  row('tun-vni', undefined, 'value'),
  row('tun-mac', undefined, 'value'),
  row('tun-info', undefined),
  row('numeric', 'n'),
  row('connection', 'c'),
  row('stats', undefined),
  row('rate', undefined),
  row('thresholds', undefined),
  row('persistent-conn', undefined),
  row('timeout', undefined),
  row('daemon', undefined),
  row('exact', undefined),
  row('nosort', undefined),
  row('sort', undefined),
  row('dpvs', undefined),
  row('compat', undefined),
  row('sockpair', undefined, 'value'),
  row('cpu', undefined, 'value'),
  row('laddr', 'z', 'value'),
  row('ifname', 'F', 'value'),
  row('network', 'k', 'value'),
  row('network', '2', 'value'),
];

/** `-b` is full NAT for servers, and takes flags for services. */
const FULL_NAT = row('fullnat', 'b');
const SCHEDULER_FLAGS = row('sched-flags', 'b', 'value');

/** Options of `ipvsadm` and of DPVS that this version does not follow, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  f: 'firewall marks',
  'fwmark-service': 'firewall marks',
  6: 'firewall marks',
  'sctp-service': 'SCTP',
  q: 'SCTP',
  pe: 'persistence engines',
  quic: 'QUIC connection ids',
  'tun-remcsum': 'checksums that the other end computes',
  'start-daemon': 'connection sync',
  'stop-daemon': 'connection sync',
};

/** What an argument list says. */
export interface ParsedArguments {
  /** Long name of the command. */
  readonly command: string;
  /** Values of the options by long name; `''` for those that take none. */
  readonly options: ReadonlyMap<string, string>;
  /** The three values of `--set`. */
  readonly values: readonly string[];
}

/** @throws {IpvsUsageError} */
export function readArguments(args: readonly string[]): ParsedArguments {
  const waiting = [...args];
  const options = new Map<string, string>();
  const values: string[] = [];
  let command: string | undefined;
  const isAboutServers = (): boolean => command === 'add-server' || command === 'edit-server';
  const isServerCommandAhead = args.some((arg) => /^(-[aed]\w*|--(add|edit)-server)$/.test(arg));
  while (waiting.length > 0) {
    const arg = waiting.shift()!;
    for (const { found, given } of split(arg, () => isAboutServers() || isServerCommandAhead)) {
      if (COMMANDS.includes(found)) {
        if (command !== undefined) throw new IpvsUsageError('multiple commands specified');
        command = found.name;
      } else if (options.has(found.name)) {
        throw new IpvsUsageError(`multiple '${found.name}' options specified`);
      }
      const value = valueOf(found, given, waiting);
      if (found.takes === 'three') values.push(...threeFrom(value, waiting));
      else if (!COMMANDS.includes(found)) options.set(found.name, value);
    }
  }
  return { command: command ?? 'list', options, values };
}

interface Found {
  readonly found: OptionRow;
  /** Text behind the option in the same argument. */
  readonly given: string | undefined;
}

function* split(arg: string, isAboutServers: () => boolean): Generator<Found> {
  if (arg.startsWith('--')) {
    const [name = '', ...rest] = arg.slice(2).split('=');
    const given = rest.length > 0 ? rest.join('=') : undefined;
    yield { found: find(name, (each) => each.name === name, arg, isAboutServers), given };
    return;
  }
  if (!/^-./.test(arg)) throw new IpvsUsageError(`unexpected argument ${arg}`);
  let rest = arg.slice(1);
  while (rest !== '') {
    const letter = rest[0]!;
    const found = find(letter, (each) => each.short === letter, `-${letter}`, isAboutServers);
    const tail = rest.slice(1);
    if (found.takes !== 'nothing') {
      yield { found, given: tail === '' ? undefined : tail };
      return;
    }
    yield { found, given: undefined };
    rest = tail;
  }
}

function find(
  name: string,
  matches: (each: OptionRow) => boolean,
  shown: string,
  isAboutServers: () => boolean,
): OptionRow {
  const row = [...COMMANDS, ...OPTIONS].find(matches);
  if (row) return row;
  if (name === 'b') return isAboutServers() ? FULL_NAT : SCHEDULER_FLAGS;
  if (name === 'fullnat') return FULL_NAT;
  if (name === 'sched-flags') return SCHEDULER_FLAGS;
  const what = Object.entries(REFUSED).find(([refused]) => refused === name)?.[1];
  if (what !== undefined)
    throw new IpvsUsageError(`${shown}: ${what} are not part of this version`);
  throw new IpvsUsageError(`invalid option \`${shown}'`);
}

function valueOf({ name, takes }: OptionRow, given: string | undefined, waiting: string[]): string {
  if (takes === 'nothing') {
    if (given !== undefined) throw new IpvsUsageError(`option \`--${name}' takes no value`);
    return '';
  }
  if (given !== undefined) return given;
  const isOption = /^-./.test(waiting[0] ?? '-x');
  if (!isOption) return waiting.shift()!;
  if (takes === 'optional') return '';
  throw new IpvsUsageError(`option \`--${name}' needs a value`);
}

function threeFrom(first: string, waiting: string[]): string[] {
  const values = [first, ...waiting.splice(0, 2)];
  if (values.length < 3) throw new IpvsUsageError('--set option requires 3 timeout values');
  return values;
}

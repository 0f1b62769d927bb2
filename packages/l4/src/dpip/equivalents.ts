/**
 * What `dpip` changes on a host whose interfaces, addresses, routes, neighbours and queues belong to Linux: the
 * command of `ip` or `tc` that does the same. Nothing is run.
 *
 * @module
 */
import { type DpipCall, DpipUsageError } from './call.ts';

/** Words by their names, as `dev eth0`, and those that stand alone. */
interface Words {
  readonly alone: readonly string[];
  readonly named: ReadonlyMap<string, string>;
}

const VERBS = ['add', 'del', 'set', 'replace', 'flush', 'change'] as const;

/** @returns The command. @throws {DpipUsageError} The verb is none of the object's, or lacks what it needs. */
export function equivalentOf({ object, verb, words, family }: DpipCall): string {
  const action = verb === 'delete' ? 'del' : verb === 'create' ? 'add' : verb;
  const known = VERBS.find((each) => each === action);
  const write = WRITERS[object];
  if (!write || known === undefined) {
    throw new DpipUsageError(`${object} ${verb}: there is no such verb; see "dpip -h"`);
  }
  const ip = family === undefined ? 'ip' : `ip -${family}`;
  return write(known, wordsOf(words), ip);
}

type Writer = (verb: (typeof VERBS)[number], words: Words, ip: string) => string;

const WRITERS: Readonly<Partial<Record<DpipCall['object'], Writer>>> = {
  link: (verb, words, ip) => {
    only(verb, ['set'], 'link');
    return `${ip} link set dev ${linkSetting(words)}`;
  },
  addr: (verb, words, ip) => {
    only(verb, ['add', 'del', 'flush', 'replace'], 'addr');
    const dev = need(words, 'dev', 'addr');
    if (verb === 'flush') return `${ip} address flush dev ${dev}`;
    const address = first(words, 'addr', 'an address');
    return `${ip} address ${verb} ${address} dev ${dev}${named(words, ['valid_lft', 'preferred_lft', 'scope', 'broadcast'])}`;
  },
  route: (verb, words, ip) => {
    only(verb, ['add', 'del', 'flush', 'replace', 'change'], 'route');
    if (verb === 'flush') return `${ip} route flush table ${words.named.get('table') ?? 'main'}`;
    const target = first(words, 'route', 'a destination');
    return `${ip} route ${verb} ${target}${named(words, ['via', 'dev', 'src', 'mtu', 'tos', 'scope', 'metric', 'table', 'proto'])}`;
  },
  neigh: (verb, words, ip) => {
    only(verb, ['add', 'del', 'flush', 'replace', 'change'], 'neigh');
    const dev = need(words, 'dev', 'neigh');
    if (verb === 'flush') return `${ip} neighbour flush dev ${dev}`;
    const address = first(words, 'neigh', 'an address');
    const mac = words.named.get('lladdr') ?? words.named.get('mac') ?? words.named.get('addr');
    if (mac === undefined && verb !== 'del')
      throw new DpipUsageError(`neigh ${verb} needs "lladdr <mac>"`);
    return `${ip} neighbour ${verb} ${address}${mac === undefined ? '' : ` lladdr ${mac}`} dev ${dev}`;
  },
  vlan: (verb, words, ip) => {
    only(verb, ['add', 'del'], 'vlan');
    if (verb === 'del')
      return `${ip} link delete dev ${words.alone[0] ?? need(words, 'dev', 'vlan')}`;
    const link = need(words, 'link', 'vlan');
    const id = need(words, 'id', 'vlan');
    const name = words.alone[0] ?? words.named.get('name') ?? `${link}.${id}`;
    return `${ip} link add link ${link} name ${name} type vlan${named(words, ['proto'])} id ${id}`;
  },
  tunnel: (verb, words, ip) => {
    only(verb, ['add', 'del', 'change'], 'tunnel');
    const name = first(words, 'tunnel', 'a name');
    const mode = named(words, ['mode']);
    return `${ip} tunnel ${verb} ${name}${mode}${named(words, ['remote', 'local', 'ttl', 'tos', 'dev', 'key'])}`;
  },
  qsch: (verb, words) => {
    only(verb, ['add', 'del', 'replace', 'change'], 'qsch');
    return `tc qdisc ${verb} ${place(words, 'qsch')}${rest(words)}`;
  },
  cls: (verb, words) => {
    only(verb, ['add', 'del', 'replace', 'change'], 'cls');
    return `tc filter ${verb} ${place(words, 'cls')}${rest(words)}`;
  },
  maddr: (verb, words, ip) => {
    only(verb, ['add', 'del'], 'maddr');
    return `${ip} maddress ${verb} ${first(words, 'maddr', 'an address')} dev ${need(words, 'dev', 'maddr')}`;
  },
};

/** Words that take a value. */
const NAMES: ReadonlySet<string> = new Set([
  'dev',
  'via',
  'src',
  'mtu',
  'tos',
  'scope',
  'metric',
  'table',
  'proto',
  'lladdr',
  'mac',
  'addr',
  'link',
  'id',
  'name',
  'mode',
  'remote',
  'local',
  'ttl',
  'key',
  'valid_lft',
  'preferred_lft',
  'broadcast',
  'parent',
  'handle',
  'qsch',
  'prio',
  'pkttype',
]);

function wordsOf(words: readonly string[]): Words {
  const alone: string[] = [];
  const pairs = new Map<string, string>();
  const waiting = [...words];
  while (waiting.length > 0) {
    const word = waiting.shift()!;
    // Words end up in a command that somebody pastes into a shell.
    for (const each of [word, waiting[0] ?? '']) {
      if (!/^[\w.:/@%+,=-]*$/.test(each)) throw new DpipUsageError(`${each} is no word of dpip`);
    }
    if (!NAMES.has(word)) alone.push(word);
    else if (waiting.length === 0) throw new DpipUsageError(`${word} needs a value`);
    else pairs.set(word, waiting.shift()!);
  }
  return { alone, named: pairs };
}

/** `eth0 up`, `eth0 promisc on`, `eth0 mtu 1400`. */
function linkSetting({ alone, named: pairs }: Words): string {
  const dev = pairs.get('dev');
  const [name, ...settings] = dev === undefined ? alone : [dev, ...alone];
  const mtu = pairs.get('mtu');
  const mac = pairs.get('addr') ?? pairs.get('mac');
  const all = [
    ...settings,
    ...(mtu === undefined ? [] : ['mtu', mtu]),
    ...(mac === undefined ? [] : ['address', mac]),
  ];
  if (name === undefined || all.length === 0) {
    throw new DpipUsageError(
      'link set needs an interface and what to set, as "link set eth0 promisc on"',
    );
  }
  return [name, ...all].join(' ');
}

/** `dev eth0 parent 1: handle 10: prio 1 protocol ip`. */
function place(words: Words, object: string): string {
  const { named: pairs } = words;
  const isRoot = words.alone.includes('root');
  const parent = pairs.get('parent') ?? pairs.get('qsch');
  return [
    `dev ${need(words, 'dev', object)}`,
    ...(isRoot ? ['root'] : parent === undefined ? [] : [`parent ${parent}`]),
    ...(pairs.has('handle') ? [`handle ${pairs.get('handle')}`] : []),
    ...(pairs.has('prio') ? [`prio ${pairs.get('prio')}`] : []),
    ...(pairs.has('pkttype') ? [`protocol ${pairs.get('pkttype')}`] : []),
  ].join(' ');
}

/** The kind and its parameters, which are those of `tc`. */
function rest({ alone }: Words): string {
  return alone
    .filter((word) => word !== 'root')
    .map((word) => ` ${word}`)
    .join('');
}

function named({ named: pairs }: Words, names: readonly string[]): string {
  return names
    .filter((name) => pairs.has(name))
    .map((name) => ` ${name} ${pairs.get(name)}`)
    .join('');
}

function need({ named: pairs }: Words, name: string, object: string): string {
  const value = pairs.get(name);
  if (value === undefined) throw new DpipUsageError(`${object} needs "${name} <value>"`);
  return value;
}

function first({ alone }: Words, object: string, what: string): string {
  if (alone[0] === undefined) throw new DpipUsageError(`${object} needs ${what}`);
  return alone[0];
}

function only(verb: string, verbs: readonly string[], object: string): void {
  if (verbs.includes(verb)) return;
  throw new DpipUsageError(`${object} ${verb}: there is ${[...verbs, 'show'].join(', ')}`);
}

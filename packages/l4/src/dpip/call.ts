/**
 * The command line of DPVS's `dpip`: an object, a verb, words, and options that may stand anywhere.
 *
 * @module
 */

/** Wrong usage, in one line. */
export class DpipUsageError extends Error {
  override readonly name = 'DpipUsageError';
}

export const DPIP_OBJECTS = [
  'link',
  'addr',
  'route',
  'neigh',
  'vlan',
  'tunnel',
  'qsch',
  'cls',
  'ipset',
  'flow',
  'maddr',
  'lldp',
  'eal-mem',
] as const;

export type DpipObject = (typeof DPIP_OBJECTS)[number];

export interface DpipCall {
  readonly object: DpipObject;
  /** `show` when none is given. */
  readonly verb: string;
  readonly words: readonly string[];
  /** `-s`: counters. */
  readonly statistics: boolean;
  /** `-4`, `-6`. */
  readonly family: 4 | 6 | undefined;
  readonly json: boolean;
  /** Seconds between two looks, and how many there are; `Infinity` until interrupted. */
  readonly intervalS: number;
  readonly count: number;
}

/** Names that other tools have for the same. */
const ALIASES: Readonly<Record<string, DpipObject>> = {
  address: 'addr',
  neighbor: 'neigh',
  neighbour: 'neigh',
  maddress: 'maddr',
  l: 'link',
  a: 'addr',
  r: 'route',
  n: 'neigh',
};

const VALUE_OPTIONS: Readonly<Record<string, 'interval' | 'count'>> = {
  '-i': 'interval',
  '--interval': 'interval',
  '-c': 'count',
  '--count': 'count',
};

const SECONDS_MAX = 86_400;
const COUNT_MAX = 1_000_000;

/** @returns The call, or `help`. @throws {DpipUsageError} */
export function parseDpip(args: readonly string[]): DpipCall | 'help' {
  const flags = new Set<string>();
  const values = new Map<'interval' | 'count', number>();
  const words: string[] = [];
  const waiting = [...args];
  while (waiting.length > 0) {
    const arg = waiting.shift()!;
    const [, name = arg, given] = /^(--?[^=]+)=(.*)$/.exec(arg) ?? [];
    const value = VALUE_OPTIONS[name];
    if (value !== undefined) values.set(value, numberFrom(name, given ?? waiting.shift()));
    else if (FLAGS.has(arg)) flags.add(FLAGS.get(arg)!);
    else if (/^-./.test(arg)) throw new DpipUsageError(`unknown option ${arg}; see "dpip -h"`);
    else words.push(arg);
  }
  const [first, verb = 'show', ...rest] = words;
  if (first === undefined || first === 'help' || verb === 'help' || flags.has('help')) {
    return 'help';
  }
  const interval = values.get('interval');
  const count = values.get('count');
  return {
    object: objectOf(first),
    verb: verb === 'list' || verb === 'ls' ? 'show' : verb,
    words: rest,
    statistics: flags.has('stats'),
    family: flags.has('4') ? 4 : flags.has('6') ? 6 : undefined,
    json: flags.has('json'),
    intervalS: interval ?? 1,
    count: count ?? (interval === undefined ? 1 : Infinity),
  };
}

const FLAGS: ReadonlyMap<string, string> = new Map([
  ['-s', 'stats'],
  ['--stats', 'stats'],
  ['-4', '4'],
  ['-6', '6'],
  ['--json', 'json'],
  ['-h', 'help'],
  ['--help', 'help'],
]);

function objectOf(word: string): DpipObject {
  const object = ALIASES[word] ?? DPIP_OBJECTS.find((name) => name === word);
  if (object) return object;
  throw new DpipUsageError(`unknown object ${word}; there are ${DPIP_OBJECTS.join(', ')}`);
}

function numberFrom(option: string, text: string | undefined): number {
  const max = option.startsWith('-c') || option === '--count' ? COUNT_MAX : SECONDS_MAX;
  const value = Number(text);
  if (text !== undefined && /^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new DpipUsageError(`${option} needs a number from 1 to ${max}; got ${text ?? 'nothing'}`);
}

/** What a view shows: all of it, or what belongs to one interface. */
export interface ShownPart {
  readonly dev: string | undefined;
  readonly table: string | undefined;
}

/** `show [dev] <name> [table <number>]`. @throws {DpipUsageError} */
export function shownPart({ object, words }: Pick<DpipCall, 'object' | 'words'>): ShownPart {
  let dev: string | undefined;
  let table: string | undefined;
  const waiting = [...words];
  while (waiting.length > 0) {
    const word = waiting.shift()!;
    if (word === 'dev') dev = valueOf(word, waiting);
    else if (word === 'table' && object === 'route') table = valueOf(word, waiting);
    else if (dev === undefined) dev = word;
    else throw new DpipUsageError(`${object} show: what is ${word}?`);
  }
  return { dev, table };
}

function valueOf(word: string, waiting: string[]): string {
  const value = waiting.shift();
  if (value === undefined) throw new DpipUsageError(`${word} needs a value`);
  return value;
}

/**
 * Files that list servers, in the two forms that Scalelite reads: a map by id, which says what the
 * pool shall be (`servers sync`), and a list of servers to add (`servers import`). YAML; JSON is YAML.
 *
 * @module
 */
import {
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parse,
  parseDocument,
  stringify,
} from 'yaml';
import type { ServerRow } from '../store/servers.ts';
import { OperationError } from './servers.ts';

/** A server as a file describes it, with defaults filled in. */
export interface ServerEntry {
  readonly id: string;
  readonly url: string;
  readonly secret: string;
  readonly isEnabled: boolean;
  readonly multiplier: number;
  readonly tag: string;
  readonly maxMeetings: number;
  readonly maxUsers: number;
}

/** A server of a list; its id may be made up. */
export type NewServerEntry = Omit<ServerEntry, 'id'> & { readonly id: string | undefined };

const ID = /^[a-zA-Z0-9_.-]+$/;
const KNOWN = new Set([
  'url',
  'secret',
  'enabled',
  'load_multiplier',
  'tag',
  'max_meetings',
  'max_users',
]);
/** What an export may hold beside them, and nobody sets. */
const IGNORED = new Set(['load', 'state', 'bbb_version', 'online']);

/**
 * Reads a map of servers by id.
 *
 * @param name - Of the file, for messages.
 * @throws {OperationError} with every problem of the file, each with its line.
 */
export function readServerMap(text: string, name: string): ServerEntry[] {
  const file = new ServerFile(text, name);
  const servers = file.node(['servers']);
  if (!isMap(servers)) file.refuse([], 'servers: must be a map from ids to servers');
  const entries = file.keysOf(['servers']).map((id) => {
    if (!ID.test(id)) file.report(['servers', id], `the id ${ID_RULE}`);
    return { id, ...file.entry(['servers', id], PURPOSE.map(ID.test(id) ? id : 'unnamed')) };
  });
  file.throwProblems();
  return entries;
}

/** Reads a list of servers to add. @throws {OperationError} as `readServerMap`. */
export function readServerList(text: string, name: string): NewServerEntry[] {
  const file = new ServerFile(text, name);
  const count = file.lengthOf(['servers']);
  if (count === null) file.refuse([], 'servers: must be a list of servers');
  const entries = Array.from({ length: count ?? 0 }, (_, i) => {
    const id = file.text(['servers', i, 'id']);
    if (id !== undefined && !ID.test(id)) file.report(['servers', i, 'id'], `id: ${ID_RULE}`);
    return { id, ...file.entry(['servers', i], PURPOSE.list) };
  });
  file.throwProblems();
  return entries;
}

/** Servers in the form of `readServerMap`. @param isVerbose - Adds what the polls found. */
export function writeServerMap(
  rows: readonly ServerRow[],
  loadOf: (row: ServerRow) => number | null,
  isVerbose: boolean,
): string {
  const entries = rows.map((row) => {
    const settings = {
      url: row.url,
      secret: row.secret,
      enabled: row.state === 'enabled',
      load_multiplier: row.multiplier,
      ...(row.tag !== '' && { tag: row.tag }),
      ...(row.max_meetings > 0 && { max_meetings: row.max_meetings }),
      ...(row.max_users > 0 && { max_users: row.max_users }),
    };
    const found = {
      state: row.state,
      load: loadOf(row) ?? -1,
      online: row.is_online === 1,
      bbb_version: row.bbb_version,
    };
    return [row.id, isVerbose ? { ...settings, ...found } : settings];
  });
  return stringify({ servers: Object.fromEntries(entries) as object });
}

/** The value of a YAML text that `writeServerMap` made. */
export function readYaml(text: string): unknown {
  return parse(text);
}

/** What the two forms take for granted. Scalelite adds the servers of a list disabled. */
const PURPOSE = {
  map: (id: string): EntryDefaults => ({
    url: `https://${id}/bigbluebutton/api`,
    isEnabled: true,
    keys: [],
  }),
  list: { url: '', isEnabled: false, keys: ['id'] },
} as const;

interface EntryDefaults {
  readonly url: string;
  readonly isEnabled: boolean;
  /** Keys that only this form has. */
  readonly keys: readonly string[];
}

const ID_RULE = 'needs letters, digits, "_", "." and "-"';

type Path = readonly (string | number)[];

/** A file with the places of its values and everything that is wrong with it. */
class ServerFile {
  readonly #document: ReturnType<typeof parseDocument>;
  readonly #lines = new LineCounter();
  readonly #name: string;
  readonly #problems: string[] = [];

  constructor(text: string, name: string) {
    this.#name = name;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { pos, message } of this.#document.errors) {
      this.#problems.push(`${this.#at(pos[0])}: ${message}`);
    }
    this.throwProblems();
    if (!isMap(this.#document.contents)) this.refuse([], 'must be a map with the key "servers"');
  }

  node(path: Path): unknown {
    return this.#document.getIn(path, true);
  }

  /** Keys of a map, in the file's order; as text, whatever YAML takes them for. */
  keysOf(path: Path): string[] {
    const map = this.node(path);
    if (!isMap(map)) return [];
    return map.items.map(({ key }) => (isScalar(key) ? (key.source ?? String(key.value)) : ''));
  }

  /** Length of a list; null if it is none. */
  lengthOf(path: Path): number | null {
    const value: unknown = this.#value(path);
    return Array.isArray(value) ? value.length : null;
  }

  /** One server. */
  entry(path: Path, defaults: EntryDefaults): Omit<ServerEntry, 'id'> {
    const keys = this.keysOf(path);
    const unknown = keys.filter(
      (key) => !KNOWN.has(key) && !IGNORED.has(key) && !defaults.keys.includes(key),
    );
    for (const key of unknown) {
      this.report([...path, key], `${key}: unknown; keys are ${[...KNOWN].join(', ')}`);
    }
    const url = this.text([...path, 'url']) ?? defaults.url;
    if (!isServerUrl(url)) {
      this.report(
        [...path, 'url'],
        'url: needs an address such as "https://bbb1.example.com/bigbluebutton/api"',
      );
    }
    const secret = this.text([...path, 'secret']) ?? '';
    if (secret === '') this.report([...path, 'secret'], 'secret: is missing');
    return {
      url,
      secret,
      isEnabled: this.#flag([...path, 'enabled'], defaults.isEnabled),
      multiplier: this.#multiplier([...path, 'load_multiplier']),
      tag: this.#tag([...path, 'tag']),
      maxMeetings: this.#count([...path, 'max_meetings']),
      maxUsers: this.#count([...path, 'max_users']),
    };
  }

  text(path: Path): string | undefined {
    const value = this.#value(path);
    if (value === undefined || value === null || typeof value === 'string')
      return value ?? undefined;
    this.report(path, `${String(path.at(-1))}: must be text; put it in quotes`);
    return '?';
  }

  /** Notes a problem at the place of a value, or of the nearest thing around it. */
  report(path: Path, message: string): void {
    for (let length = path.length; length >= 0; length--) {
      const found = length === 0 ? this.#document.contents : this.#place(path.slice(0, length));
      if (found?.range) {
        const where = path.length > 1 ? `servers.${String(path[1])}: ` : '';
        this.#problems.push(`${this.#at(found.range[0])}: ${where}${message}`);
        return;
      }
    }
    this.#problems.push(`${this.#name}: ${message}`);
  }

  refuse(path: Path, message: string): void {
    this.report(path, message);
    this.throwProblems();
  }

  throwProblems(): void {
    if (this.#problems.length > 0) throw new OperationError('invalid', this.#problems.join('\n'));
  }

  /** The key of a value, which stands where its line begins. */
  #place(path: Path): Node | null {
    const parent = this.node(path.slice(0, -1));
    if (!isMap(parent)) return (this.node(path) as Node | undefined) ?? null;
    const key = path.at(-1);
    const pair = parent.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
    );
    return (pair?.key as Node | undefined) ?? null;
  }

  #value(path: Path): unknown {
    const node = this.node(path);
    if (isScalar(node)) return node.value;
    return node === undefined ? undefined : (node as Node).toJS(this.#document);
  }

  #flag(path: Path, fallback: boolean): boolean {
    const value = this.#value(path) ?? fallback;
    if (typeof value !== 'boolean') this.report(path, 'enabled: must be true or false');
    return value === true;
  }

  #multiplier(path: Path): number {
    const value = Number(this.#value(path) ?? 1);
    if (!(value > 0 && Number.isFinite(value))) {
      this.report(path, 'load_multiplier: must be a number greater than 0');
    }
    return value;
  }

  #tag(path: Path): string {
    const tag = this.text(path) ?? '';
    if (tag === 'none' || !/^[^\s;!]*$/.test(tag)) {
      this.report(path, 'tag: must have no spaces, ";" or "!", and not be "none"');
    }
    return tag;
  }

  #count(path: Path): number {
    const value = this.#value(path) ?? 0;
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
      this.report(path, `${String(path.at(-1))}: must be an integer of at least 0`);
    }
    return value as number;
  }

  #at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#name}:${line}:${col}`;
  }
}

function isServerUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, search, hash, username } = new URL(url);
  return /^https?:$/.test(protocol) && `${search}${hash}${username}` === '';
}

/**
 * Lists of servers, from a file that is watched or an address that is polled: JSON, or one server
 * per line as `host:port weight=2`.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { fileSettled, FileWatcher, formatAddress, z } from '@balancer/kit';
import type { ServerEntry } from '../backend.ts';
import { completeServer } from '../config/defaults.ts';
import { serverSchema } from '../config/schema.ts';
import { type Found, PolledSource, type ServerSource } from './source.ts';

/** Largest list, in bytes. */
const LIST_MAX_BYTES = 1024 * 1024;

/** Longest wait for an answer. */
const ANSWER_MS = 10_000;

const listSchema = z.array(z.union([z.string(), serverSchema]));

/**
 * Reads a list.
 *
 * @throws {Error} that names the first mistake.
 */
export function parseServerList(text: string): readonly ServerEntry[] {
  const isJson = text.trimStart().startsWith('[');
  const items = isJson ? parseJsonList(text) : parseLines(text);
  const entries = items.map((item): ServerEntry => {
    const table = serverSchema.safeParse(item);
    if (!table.success) throw new Error(firstMistake(table.error, item));
    const { addr } = table.data;
    if (!addr) throw new Error(`needs addr; got ${JSON.stringify(item)}`);
    return { name: formatAddress(addr), config: completeServer(table.data) };
  });
  const names = new Set<string>();
  for (const { name } of entries) {
    if (names.has(name)) throw new Error(`${name} is named twice`);
    names.add(name);
  }
  return entries;
}

/** A file that is read again when it changes. */
export class FileSource implements ServerSource {
  private readonly file: string;
  private watcher: FileWatcher | undefined;

  constructor(file: string) {
    this.file = file;
  }

  start(
    onServers: (entries: readonly ServerEntry[]) => void,
    onFailure: (reason: string) => void,
  ): void {
    const read = async (): Promise<void> => {
      try {
        // Half a list may well be a list, of servers that are to go.
        await fileSettled(this.file);
        const entries = parseServerList(await readFile(this.file, 'utf8'));
        if (this.watcher) onServers(entries);
      } catch (error) {
        if (this.watcher) onFailure(error instanceof Error ? error.message : String(error));
      }
    };
    // One after the other: an older list must not have the last word.
    let reading: Promise<void> | undefined;
    const onChange = (): void => void (reading = (reading ?? Promise.resolve()).then(read));
    this.watcher = new FileWatcher({ file: this.file, onChange });
    void this.watcher.start().then(onChange, onChange);
  }

  stop(): void {
    this.watcher?.close();
    this.watcher = undefined;
  }
}

/** An address that answers with a JSON list. */
export function httpSource(url: string, intervalMs: number): ServerSource {
  return new PolledSource((signal) => fetchList(url, { intervalMs, signal }), intervalMs);
}

async function fetchList(
  url: string,
  { intervalMs, signal }: { readonly intervalMs: number; readonly signal: AbortSignal },
): Promise<Found> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
  });
  if (!response.ok) throw new Error(`answer ${response.status} from ${url}`);
  const text = await response.text();
  if (text.length > LIST_MAX_BYTES)
    throw new Error(`more than ${LIST_MAX_BYTES} bytes from ${url}`);
  return { entries: parseServerList(text), againMs: intervalMs };
}

function parseJsonList(text: string): readonly Record<string, unknown>[] {
  const parsed = listSchema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(firstMistake(parsed.error, undefined));
  const items: unknown = JSON.parse(text);
  return (items as (string | Record<string, unknown>)[]).map((item) =>
    typeof item === 'string' ? { addr: item } : item,
  );
}

function parseLines(text: string): readonly Record<string, unknown>[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [addr, ...settings] = line.split(/\s+/);
      return Object.fromEntries([['addr', addr], ...settings.map(parseSetting)]);
    });
}

/** `weight=2`, `backup=true`, `zone=a`. */
function parseSetting(setting: string): [key: string, value: unknown] {
  const [key = '', value = ''] = setting.split('=');
  if (value === 'true' || value === 'false') return [key, value === 'true'];
  return [key, /^\d+$/.test(value) ? Number(value) : value];
}

function firstMistake(error: z.ZodError, item: unknown): string {
  const [issue] = error.issues;
  const where = issue?.path.join('.') ?? '';
  const what = issue?.message ?? 'is malformed';
  const got = item === undefined ? '' : `; in ${JSON.stringify(item)}`;
  return `${where === '' ? '' : `${where}: `}${what}${got}`;
}

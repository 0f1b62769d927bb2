/**
 * Makes the pool what a file says. The whole file is checked before anything changes; what would
 * change is a list of steps, which a dry run prints and a real run also carries out.
 *
 * @module
 */
import type { GatewayContext } from '../context.ts';
import type { ServerRow } from '../store/servers.ts';
import { readServerList, readServerMap, type ServerEntry, writeServerMap } from './server-files.ts';
import { addServer, panicServer, removeServer, setServerState, updateServer } from './servers.ts';

/** What happens to servers that the file does not list. */
export type SyncMode = 'keep' | 'cordon' | 'force';

/** One change, as it is told to the operator. */
export interface SyncStep {
  readonly id: string;
  readonly action: 'add' | 'update' | 'enable' | 'cordon' | 'keep' | 'end-meetings' | 'remove';
  /** What exactly; no secret. */
  readonly detail: string;
}

export interface SyncOptions {
  /** Text of the file. */
  readonly text: string;
  /** Its name, for messages. */
  readonly name: string;
  readonly mode: SyncMode;
  readonly isDryRun: boolean;
  /** Only steps of these servers; default: all. */
  readonly ids?: readonly string[] | undefined;
}

interface PlannedStep extends SyncStep {
  readonly run: () => Promise<unknown>;
}

/**
 * Synchronizes the servers with a file.
 *
 * @returns The steps, in the order in which they were or would be taken.
 * @throws {OperationError} if the file is wrong; nothing has changed then.
 */
export async function syncServers(
  context: GatewayContext,
  { text, name, mode, isDryRun, ids }: SyncOptions,
): Promise<SyncStep[]> {
  const wanted = readServerMap(text, name);
  const rows = await context.store.servers.list();
  const known = new Map(rows.map((row) => [row.id, row]));
  const listed = new Set(wanted.map(({ id }) => id));
  const steps = wanted.flatMap((entry) => stepsFor(context, entry, known.get(entry.id)));
  for (const row of rows.filter(({ id }) => !listed.has(id))) {
    steps.push(...(await stepsForUnlisted(context, row, mode)));
  }
  const chosen = ids === undefined ? steps : steps.filter(({ id }) => ids.includes(id));
  if (!isDryRun) for (const step of chosen) await step.run();
  return chosen.map(({ id, action, detail }) => ({ id, action, detail }));
}

/**
 * Adds the servers of a list, disabled unless the list enables them. Those whose address is known are
 * left as they are, so that a file can be imported again.
 *
 * @param positions - Only these entries, from 0; default: all.
 * @throws {OperationError} if the file is wrong; nothing has changed then.
 */
export async function importServers(
  context: GatewayContext,
  { text, name, positions }: { text: string; name: string; positions?: number[] | undefined },
): Promise<SyncStep[]> {
  const entries = readServerList(text, name);
  const steps: SyncStep[] = [];
  for (const i of positions ?? entries.keys()) {
    const entry = entries[i];
    if (entry === undefined) continue;
    const rows = await context.store.servers.list();
    const known = rows.find(({ id, url }) => id === entry.id || url === entry.url);
    if (known !== undefined) {
      steps.push({ id: known.id, action: 'keep', detail: `${entry.url} is there already` });
      continue;
    }
    const { id, isEnabled, ...settings } = entry;
    const state = isEnabled ? 'enabled' : 'disabled';
    const named = id === undefined ? settings : { id, ...settings };
    const added = await addServer(context, named, state);
    steps.push({ id: added.id, action: 'add', detail: `${entry.url}, ${state}` });
  }
  return steps;
}

/** The servers as a file that `syncServers` reads without changing anything. */
export async function exportServers(context: GatewayContext, isVerbose: boolean): Promise<string> {
  const rows = await context.store.servers.list();
  const { entries } = await context.placer.view(rows);
  return writeServerMap(rows, ({ id, load }) => entries.get(id)?.load ?? load, isVerbose);
}

function stepsFor(
  context: GatewayContext,
  entry: ServerEntry,
  row: ServerRow | undefined,
): PlannedStep[] {
  const { id, isEnabled, ...settings } = entry;
  if (row === undefined) {
    const state = isEnabled ? 'enabled' : 'disabled';
    return [
      {
        id,
        action: 'add',
        detail: `${entry.url}, ${state}`,
        run: async () => addServer(context, { id, ...settings }, state),
      },
    ];
  }
  const changes = differences(entry, row);
  const steps: PlannedStep[] = [];
  if (changes.length > 0) {
    const detail = changes.join(', ');
    const run = async (): Promise<unknown> => updateServer(context, id, settings);
    steps.push({ id, action: 'update', detail, run });
  }
  if (isEnabled && row.state !== 'enabled') {
    const run = async (): Promise<unknown> => setServerState(context, id, 'enabled');
    steps.push({ id, action: 'enable', detail: `was ${row.state}`, run });
  } else if (!isEnabled && row.state === 'enabled') {
    const run = async (): Promise<unknown> => setServerState(context, id, 'cordoned');
    steps.push({ id, action: 'cordon', detail: 'not enabled in the file', run });
  }
  return steps;
}

function differences(entry: ServerEntry, row: ServerRow): string[] {
  const changes: string[] = [];
  if (entry.url !== row.url) changes.push(`url ${entry.url}`);
  if (entry.secret !== row.secret) changes.push('secret ***');
  if (entry.multiplier !== row.multiplier) changes.push(`load_multiplier ${entry.multiplier}`);
  if (entry.tag !== row.tag) changes.push(entry.tag === '' ? 'no tag' : `tag ${entry.tag}`);
  if (entry.maxMeetings !== row.max_meetings) changes.push(`max_meetings ${entry.maxMeetings}`);
  if (entry.maxUsers !== row.max_users) changes.push(`max_users ${entry.maxUsers}`);
  return changes;
}

async function stepsForUnlisted(
  context: GatewayContext,
  row: ServerRow,
  mode: SyncMode,
): Promise<PlannedStep[]> {
  const { id } = row;
  const nothing = async (): Promise<void> => {};
  if (mode === 'keep') return [{ id, action: 'keep', detail: 'not in the file', run: nothing }];
  const count = (await context.store.meetings.listOfServer(id)).length;
  const remove = {
    id,
    action: 'remove',
    detail: 'not in the file',
    run: async () => removeServer(context, id),
  } as const;
  if (count === 0) return [remove];
  if (mode === 'cordon') {
    const detail = `not in the file, and has ${count} meetings`;
    if (row.state !== 'enabled') return [{ id, action: 'keep', detail, run: nothing }];
    const run = async (): Promise<unknown> => setServerState(context, id, 'cordoned');
    return [{ id, action: 'cordon', detail, run }];
  }
  const run = async (): Promise<unknown> => panicServer(context, id);
  return [{ id, action: 'end-meetings', detail: `${count} meetings`, run }, remove];
}

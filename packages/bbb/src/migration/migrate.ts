/**
 * Takes over what Scalelite knows: servers, tenants with their settings, running meetings with their
 * places and voice bridges, recordings, callback addresses. It reads only, and may be run again: what
 * is here already as it is there stays, what differs is made the same, a meeting that has been placed
 * here meanwhile keeps its place.
 *
 * A migration is a list of parts, each a list of pages, so that whoever orders it can show how far it is.
 *
 * @module
 */
import { voiceBridges } from '../api/voice-bridge.ts';
import type { GatewayContext } from '../context.ts';
import { OperationError } from '../operations/servers.ts';
import type { MeetingRecord } from '../store/meetings.ts';
import { parseAddresses } from '../store/callback-data.ts';
import type { ServerChange, ServerRow, ServerState } from '../store/servers.ts';
import type { TenantChange } from '../store/tenants.ts';
import type { ScaleliteHash, ScaleliteServer } from './scalelite-redis.ts';
import { ScaleliteSql } from './scalelite-sql.ts';

/** In the order in which they are taken over: what others point to comes first. */
export const MIGRATION_PARTS = [
  'servers',
  'tenants',
  'settings',
  'meetings',
  'recordings',
  'callbacks',
] as const;
export type MigrationPart = (typeof MIGRATION_PARTS)[number];

export interface MigrationOptions {
  readonly part: MigrationPart;
  /** Empty for parts that are in Redis. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redisNamespace: string;
  readonly isDryRun: boolean;
  /** Where the page begins; 0: the first one. */
  readonly after: number;
}

/** What became of one page of one part. */
export interface MigrationReport {
  /** Things of this part in all. */
  readonly total: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  /** What could not be taken over as it is, or differs and stays; for people. */
  readonly notes: readonly string[];
  /** Where the next page begins; null: this was the last. */
  readonly next: number | null;
}

/** Voice bridges tried for a meeting that comes without one. */
const VOICE_BRIDGES_MAX = 10;
/** So old that the first poll asks the server about it. */
const MEETING_AGE_MS = 61_000;

/** Takes over one page. @throws {OperationError} {StorageError} if the source cannot be read. */
export async function migratePage(
  context: GatewayContext,
  options: MigrationOptions,
): Promise<MigrationReport> {
  const { part } = options;
  if (part === 'recordings' || part === 'callbacks') return fromSql(context, options);
  const { ScaleliteRedis } = await import('./scalelite-redis.ts');
  const source = await ScaleliteRedis.connect(options.redisUrl, options.redisNamespace);
  try {
    const report = new Report();
    const write = { context, report, isDryRun: options.isDryRun };
    if (part === 'servers') {
      for (const server of await source.servers()) await takeServer(write, server);
    } else if (part === 'tenants') {
      for (const tenant of await source.list('tenants')) await takeTenant(write, tenant);
    } else if (part === 'settings') {
      for (const setting of await source.tenantSettings()) await takeSetting(write, setting);
    } else {
      for (const meeting of await source.list('meetings')) await takeMeeting(write, meeting);
    }
    context.directory.forget();
    return report.finish();
  } finally {
    source.close();
  }
}

/** Counts what happens. */
class Report {
  readonly notes: string[] = [];
  readonly #counts = { added: 0, changed: 0, unchanged: 0 };
  #total = 0;

  count(outcome: 'added' | 'changed' | 'unchanged'): void {
    this.#counts[outcome]++;
    this.#total++;
  }

  /** Not taken over, and why. */
  skip(note: string): void {
    this.notes.push(note);
    this.#total++;
  }

  finish(total: number = this.#total, next: number | null = null): MigrationReport {
    return { total, ...this.#counts, notes: this.notes, next };
  }
}

interface Write {
  readonly context: GatewayContext;
  readonly report: Report;
  readonly isDryRun: boolean;
}

async function takeServer(
  { context, report, isDryRun }: Write,
  from: ScaleliteServer,
): Promise<void> {
  const { id, fields } = from;
  const { url = '', secret = '', tag = '' } = fields;
  if (!URL.canParse(url) || secret === '') {
    return report.skip(`server ${id}: has no usable address or secret`);
  }
  const multiplier = Number(fields['load_multiplier'] ?? 1) || 1;
  const state = stateOf(from);
  const known = await context.store.servers.find(id);
  const settings = { url, secret, tag, multiplier, state };
  if (known !== undefined) {
    const changes = differencesOf(known, settings);
    if (changes.length === 0) return report.count('unchanged');
    report.notes.push(`server ${id}: ${changes.join(', ')} as in Scalelite`);
    report.count('changed');
    if (!isDryRun) await context.store.servers.update(id, settings);
    return;
  }
  report.count('added');
  if (isDryRun) return;
  const nowMs = context.nowMs();
  await context.store.servers.add({ id, ...settings }, nowMs);
  const isOnline = fields['online'] === 'true' && state !== 'disabled';
  // Online from the start, with its load: meetings that run there can be joined before the first poll.
  const health: ServerChange = isOnline
    ? { is_online: 1, load: from.load ?? 0, polled_at_ms: nowMs }
    : {};
  await context.store.servers.update(id, { ...health, ...figuresOf(fields) });
}

/** Without a state, membership in `server_enabled` is what counts: older releases have only that. */
function stateOf({ fields, isEnabledMember }: ScaleliteServer): ServerState {
  const { state } = fields;
  if (state === 'enabled' || state === 'cordoned' || state === 'disabled') return state;
  return isEnabledMember ? 'enabled' : 'disabled';
}

function differencesOf(known: ServerRow, wanted: Partial<ServerRow>): string[] {
  return Object.entries(wanted)
    .filter(([key, value]) => Reflect.get(known, key) !== value)
    .map(([key]) => key);
}

function figuresOf(fields: Readonly<Record<string, string>>): ServerChange {
  const count = (name: string): number => Math.max(0, Math.trunc(Number(fields[name] ?? 0)) || 0);
  return {
    meetings: count('meetings'),
    users: count('users'),
    largest_meeting: count('largest_meeting'),
    videos: count('videos'),
    bbb_version: (fields['bbb_version'] ?? '').slice(0, 50),
  };
}

const TENANT_FIELDS = [
  'lrs_endpoint',
  'lrs_username',
  'lrs_password',
  'kc_token_url',
  'kc_client_id',
  'kc_client_secret',
  'kc_username',
  'kc_password',
] as const;

async function takeTenant(
  { context, report, isDryRun }: Write,
  from: ScaleliteHash,
): Promise<void> {
  const { id, fields } = from;
  const name = (fields['name'] ?? '').toLowerCase();
  const secrets = fields['secrets'] ?? '';
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name) || secrets === '') {
    return report.skip(`tenant ${id}: has no usable name or secrets`);
  }
  if (name !== fields['name']) {
    report.notes.push(`tenant ${id}: its name is ${name} here, in lower case`);
  }
  const settings: TenantChange = {
    name,
    secrets,
    ...Object.fromEntries(TENANT_FIELDS.map((field) => [field, fields[field] ?? ''])),
  };
  const known = await context.store.tenants.find(id);
  if (known !== undefined) {
    const changes = Object.entries(settings).filter(
      ([key, value]) => Reflect.get(known, key) !== value,
    );
    if (changes.length === 0) return report.count('unchanged');
    report.notes.push(`tenant ${name}: ${changes.map(([key]) => key).join(', ')} as in Scalelite`);
    report.count('changed');
    if (!isDryRun) await context.store.tenants.update(id, settings);
    return;
  }
  const namesakes = await context.store.tenants.list();
  if (namesakes.some((other) => other.name === name)) {
    return report.skip(`tenant ${name}: there is another one of this name`);
  }
  report.count('added');
  if (!isDryRun) await context.store.tenants.add({ id, name, secrets, ...settings });
}

async function takeSetting(
  { context, report, isDryRun }: Write,
  from: ScaleliteHash,
): Promise<void> {
  const { param = '', value = '', tenant_id: tenantId = '', override } = from.fields;
  if (param === '') return report.skip(`tenant setting ${from.id}: has no parameter`);
  const isOverride = Number(override === 'true');
  const settings = await context.store.tenants.settings(tenantId);
  const known = settings.find((row) => row.param === param && row.is_override === isOverride);
  if (known?.value === value) return report.count('unchanged');
  report.count(known === undefined ? 'added' : 'changed');
  if (isDryRun) return;
  const row = { id: from.id, tenant_id: tenantId, param, value, is_override: isOverride };
  await context.store.tenants.set(row);
}

async function takeMeeting(
  { context, report, isDryRun }: Write,
  from: ScaleliteHash,
): Promise<void> {
  const { id, fields } = from;
  const { server_id: serverId = '' } = fields;
  const known = await context.store.meetings.find({ scope: '', meeting_id: id });
  if (known !== undefined) {
    if (known.server_id !== serverId) {
      report.notes.push(
        `meeting ${id}: stays on ${known.server_id}; Scalelite has it on ${serverId}`,
      );
    }
    return report.count('unchanged');
  }
  // A dry run has added no servers.
  if (!isDryRun && (await context.store.servers.find(serverId)) === undefined) {
    return report.skip(`meeting ${id}: its server ${serverId} is unknown`);
  }
  if (isDryRun) return report.count('added');
  const createdMs = context.nowMs() - MEETING_AGE_MS;
  const record = {
    scope: '',
    meeting_id: id,
    server_id: serverId,
    tenant_id: fields['tenant_id'] ?? '',
    moderator_pw: fields['moderator_pw'] ?? '',
    status: 'active',
    created_at_ms: createdMs,
    last_seen_at_ms: context.nowMs(),
  } as const;
  if (await insertWithBridge(context, record, fields['voice_bridge'] ?? '')) {
    return report.count('added');
  }
  report.skip(`meeting ${id}: its voice bridge ${fields['voice_bridge']} is another meeting's`);
}

/** Scalelite's own number, or for a meeting without one the first that is free. */
async function insertWithBridge(
  { store, config }: GatewayContext,
  record: Omit<MeetingRecord, 'voice_bridge'>,
  own: string,
): Promise<boolean> {
  const numbers = own === '' ? voiceBridges(record.meeting_id, config().voice_bridge_len) : [own];
  let tries = 0;
  for (const voiceBridge of numbers) {
    const outcome = await store.meetings.insert({ ...record, voice_bridge: voiceBridge });
    if (outcome === 'inserted') return true;
    if (++tries === VOICE_BRIDGES_MAX) return false;
  }
  return false;
}

async function fromSql(
  context: GatewayContext,
  { part, databaseUrl, isDryRun, after }: MigrationOptions,
): Promise<MigrationReport> {
  const report = new Report();
  if (isSameDatabase(databaseUrl, context.config().database_url)) {
    report.notes.push(`${part}: the gateway works on this very database; nothing to copy`);
    return report.finish();
  }
  const source = await ScaleliteSql.connect(databaseUrl);
  try {
    if (part === 'recordings') {
      const total = await source.count('recordings');
      const { rows, next } = total === 0 ? EMPTY : await source.recordings(after);
      const usable = rows.filter(({ row }) => row.record_id && row.meeting_id);
      for (const { id } of rows.filter((row) => !usable.includes(row))) {
        report.skip(`recording with the row id ${id}: has no record id or no meeting id`);
      }
      for (const outcome of await context.store.recordingCopies.copy(usable, isDryRun)) {
        report.count(outcome);
      }
      return report.finish(total, next);
    }
    const total = await source.count('callback_data');
    const { rows, next } = total === 0 ? EMPTY : await source.callbacks(after);
    for (const row of rows) {
      if (Object.keys(parseAddresses(row.attributes)).length === 0) {
        report.skip(`callback addresses of ${row.meetingId}: none in the flat form that is read`);
        continue;
      }
      report.count(await context.store.callbacks.copy(row, isDryRun));
    }
    return report.finish(total, next);
  } finally {
    await source.close();
  }
}

const EMPTY = { rows: [], next: null } as const;

function isSameDatabase(one: string, other: string): boolean {
  if (!URL.canParse(one)) throw new OperationError('invalid', 'database_url: needs "postgres://…"');
  if (!URL.canParse(other)) return false;
  const [a, b] = [new URL(one), new URL(other)];
  return (
    a.hostname === b.hostname &&
    (a.port || '5432') === (b.port || '5432') &&
    a.pathname === b.pathname
  );
}

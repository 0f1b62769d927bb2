/**
 * What the REST API is given and what it answers, as schemas: they check requests, and the OpenAPI
 * document is written from them.
 *
 * @module
 */
import { z } from '@balancer/kit';
import type { DeliveryView, ImportList } from '../operations/imports.ts';
import type { MeetingView, ServerView } from '../operations/meetings.ts';
import type { RecordingList } from '../operations/recordings.ts';
import type { SyncMode, SyncStep } from '../operations/sync.ts';
import type { TenantView } from '../operations/tenants.ts';
import { TOKEN_ROLES, type TokenView } from '../operations/tokens.ts';
import { POLL_PARTS, type PollPart } from '../poll/poller.ts';
import type { ServerState } from '../store/servers.ts';
import type { TokenRole } from '../store/tokens.ts';

/** What may be said of a server. */
export interface ServerChangeBody {
  readonly url?: string | undefined;
  readonly secret?: string | undefined;
  readonly tag?: string | undefined;
  readonly multiplier?: number | undefined;
  readonly max_meetings?: number | undefined;
  readonly max_users?: number | undefined;
  readonly state?: ServerState | undefined;
}

export interface NewServerBody extends Omit<ServerChangeBody, 'state'> {
  readonly url: string;
  readonly secret: string;
  readonly id?: string | undefined;
  readonly enabled?: boolean | undefined;
}

/** What may be said of a tenant. */
export interface TenantChangeBody {
  readonly name?: string | undefined;
  readonly secrets?: string | undefined;
  readonly max_meetings?: number | undefined;
  readonly max_users?: number | undefined;
  readonly path_access?: boolean | undefined;
  readonly lrs_endpoint?: string | undefined;
  readonly lrs_username?: string | undefined;
  readonly lrs_password?: string | undefined;
  readonly kc_token_url?: string | undefined;
  readonly kc_client_id?: string | undefined;
  readonly kc_client_secret?: string | undefined;
  readonly kc_username?: string | undefined;
  readonly kc_password?: string | undefined;
}

export interface SettingView {
  readonly id: string;
  readonly param: string;
  readonly value: string;
  readonly override: boolean;
}

/** Texts, as they stand in an address. */
export interface RecordingQuery {
  readonly text?: string | undefined;
  readonly state?: string | undefined;
  readonly tenant?: string | undefined;
  readonly limit?: string | undefined;
  readonly offset?: string | undefined;
}

export interface RecordingChangeBody {
  readonly published?: boolean | undefined;
  readonly protected?: boolean | undefined;
  readonly metadata?: Readonly<Record<string, string | null>> | undefined;
}

export interface PollReport {
  readonly servers: number;
  readonly failures: number;
  readonly orphans: number;
  readonly ms: number;
}

/** Everything at a glance. */
export interface GatewayStatus {
  readonly storage: 'embedded' | 'postgres';
  readonly degraded: boolean;
  readonly polls: boolean;
  readonly role: TokenRole;
  readonly multitenancy: boolean;
  readonly uptime_seconds: number;
  readonly memory_bytes: number;
  readonly meetings: number;
  readonly recordings: boolean;
  readonly last_round: PollReport | null;
  readonly load_step_seconds: number;
  readonly servers: readonly (ServerView & {
    readonly load_history: readonly (number | null)[];
  })[];
}

const time = z.string().describe('ISO 8601, UTC');

const serverState = z.enum(['enabled', 'cordoned', 'disabled']);

const serverShape = {
  id: z.string(),
  url: z.string(),
  secret: z.literal('***').describe('write-only'),
  tag: z.string().describe('empty: untagged'),
  state: serverState,
  online: z.boolean(),
  load: z.number().nullable().describe('null: none, as while it is offline'),
  multiplier: z.number(),
  meetings: z.number().int(),
  users: z.number().int(),
  largest_meeting: z.number().int(),
  videos: z.number().int(),
  max_meetings: z.number().int().describe('0: no limit'),
  max_users: z.number().int().describe('0: no limit'),
  bbb_version: z.string(),
  last_error: z.string(),
  polled_at: time.nullable().describe('start of the last poll that succeeded'),
};

export const server: z.ZodType<ServerView> = z.strictObject(serverShape).meta({ id: 'Server' });

const serverSettings = {
  url: z.string().describe('address of its API'),
  secret: z.string(),
  tag: z.string().describe('empty: untagged'),
  multiplier: z.number().describe('greater than 0; higher looks fuller'),
  max_meetings: z.number().describe('0: no limit'),
  max_users: z.number().describe('0: no limit'),
};

export const serverInput: z.ZodType<NewServerBody> = z
  .strictObject({ ...serverSettings, id: z.string(), enabled: z.boolean() })
  .partial()
  .required({ url: true, secret: true })
  .meta({ id: 'NewServer' });

export const serverChange: z.ZodType<ServerChangeBody> = z
  .strictObject({ ...serverSettings, state: serverState })
  .partial()
  .meta({ id: 'ServerChange' });

export const panicInput: z.ZodType<{
  readonly keep_state: boolean;
  readonly skip_end_calls: boolean;
}> = z
  .strictObject({
    keep_state: z.boolean().default(false),
    skip_end_calls: z.boolean().default(false),
  })
  .meta({ id: 'Panic' });

export const panicReport: z.ZodType<{
  readonly meetings: number;
  readonly failed: readonly string[];
}> = z
  .strictObject({
    meetings: z.number().int().describe('records dropped'),
    failed: z.array(z.string()).describe('meetings that could not be ended'),
  })
  .meta({ id: 'PanicReport' });

export const syncInput: z.ZodType<{
  readonly file: string;
  readonly mode: SyncMode;
  readonly dry_run: boolean;
}> = z
  .strictObject({
    file: z.string().describe('YAML or JSON, as `balancer bbb servers sync` reads it'),
    mode: z.enum(['keep', 'cordon', 'force']).default('cordon'),
    dry_run: z.boolean().default(false),
  })
  .meta({ id: 'Sync' });

export const syncStep: z.ZodType<SyncStep> = z
  .strictObject({
    id: z.string(),
    action: z.enum(['add', 'update', 'enable', 'cordon', 'keep', 'end-meetings', 'remove']),
    detail: z.string(),
  })
  .meta({ id: 'SyncStep' });

export const meeting: z.ZodType<MeetingView> = z
  .strictObject({
    id: z.string().describe('names it among the meetings of all tenants'),
    meeting_id: z.string(),
    server_id: z.string(),
    tenant_id: z.string().describe('empty: no tenant'),
    voice_bridge: z.string(),
    status: z.enum(['pending', 'active']),
    created_at: time,
    last_seen_at: time.describe('when its server last listed it'),
  })
  .meta({ id: 'Meeting' });

export const endReport: z.ZodType<{ readonly id: string; readonly failure: string | null }> = z
  .strictObject({
    id: z.string(),
    failure: z.string().nullable().describe('why its server did not end it; the record is gone'),
  })
  .meta({ id: 'EndReport' });

export const tenant: z.ZodType<TenantView> = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    secrets: z.number().int().describe('how many it has'),
    max_meetings: z.number().int().describe('0: no limit'),
    max_users: z.number().int().describe('0: no limit'),
    path_access: z.boolean(),
    lrs_endpoint: z.string(),
  })
  .meta({ id: 'Tenant' });

const tenantSettings = {
  name: z.string().describe('lower-case letters, digits and "-"'),
  secrets: z.string().describe('one or more, separated by ":"; write-only'),
  max_meetings: z.number(),
  max_users: z.number(),
  path_access: z.boolean(),
  lrs_endpoint: z.string(),
  lrs_username: z.string(),
  lrs_password: z.string(),
  kc_token_url: z.string(),
  kc_client_id: z.string(),
  kc_client_secret: z.string(),
  kc_username: z.string(),
  kc_password: z.string(),
};

export const tenantChange: z.ZodType<TenantChangeBody> = z
  .strictObject(tenantSettings)
  .partial()
  .meta({ id: 'TenantChange' });

export const tenantInput: z.ZodType<TenantChangeBody> = z
  .strictObject(tenantSettings)
  .partial()
  .required({ name: true, secrets: true })
  .meta({ id: 'NewTenant' });

export const setting: z.ZodType<SettingView> = z
  .strictObject({
    id: z.string(),
    param: z.string(),
    value: z.string(),
    override: z.boolean().describe('wins over what the front-end says'),
  })
  .meta({ id: 'TenantSetting' });

export const settingInput: z.ZodType<Omit<SettingView, 'id'>> = z
  .strictObject({ param: z.string(), value: z.string(), override: z.boolean().default(false) })
  .meta({ id: 'NewTenantSetting' });

const tokenRole = z.enum(TOKEN_ROLES);

const tokenShape = { id: z.string(), name: z.string(), role: tokenRole, created_at: time };

export const token: z.ZodType<TokenView> = z.strictObject(tokenShape).meta({ id: 'Token' });

export const newToken: z.ZodType<TokenView & { readonly token: string }> = z
  .strictObject({ ...tokenShape, token: z.string().describe('told only now') })
  .meta({ id: 'NewToken' });

export const tokenInput: z.ZodType<{ readonly name: string; readonly role: TokenRole }> = z
  .strictObject({ name: z.string().default(''), role: tokenRole })
  .meta({ id: 'TokenInput' });

export const pollInput: z.ZodType<{
  readonly servers?: string[] | undefined;
  readonly part: PollPart;
}> = z
  .strictObject({
    servers: z.array(z.string()).optional(),
    part: z.enum(POLL_PARTS).default('all'),
  })
  .meta({ id: 'Poll' });

export const pollReport: z.ZodType<PollReport> = z
  .strictObject({
    servers: z.number().int(),
    failures: z.number().int(),
    orphans: z.number().int().describe('running meetings without a record'),
    ms: z.number(),
  })
  .meta({ id: 'PollReport' });

export const status: z.ZodType<GatewayStatus> = z
  .strictObject({
    storage: z.enum(['embedded', 'postgres']),
    degraded: z.boolean().describe('Redis is away'),
    polls: z.boolean().describe('this process is the one that polls'),
    role: tokenRole.describe('of the token that asks'),
    multitenancy: z.boolean(),
    uptime_seconds: z.number(),
    memory_bytes: z.number().int(),
    meetings: z.number().int().describe('records'),
    recordings: z.boolean().describe('false: switched off'),
    last_round: pollReport.nullable(),
    load_step_seconds: z.number().describe('between two samples of `load_history`'),
    servers: z.array(
      z.strictObject({ ...serverShape, load_history: z.array(z.number().nullable()) }),
    ),
  })
  .meta({ id: 'Status' });

export const recordingState: z.ZodType<string> = z.enum([
  'processing',
  'processed',
  'published',
  'unpublished',
  'deleted',
]);

const recording = z
  .strictObject({
    record_id: z.string(),
    meeting_id: z.string(),
    name: z.string(),
    state: z.string(),
    published: z.boolean(),
    protected: z.boolean(),
    tenant_id: z.string().describe('empty: no tenant'),
    started_at: time,
    ended_at: time,
    participants: z.number().int(),
    size_bytes: z.number().nullable().describe('null: not known'),
    formats: z.array(z.strictObject({ type: z.string(), length_minutes: z.number() })),
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Recording' });

export const recordingList: z.ZodType<RecordingList> = z
  .strictObject({ total: z.number().int(), recordings: z.array(recording) })
  .meta({ id: 'RecordingList' });

/** Text of a query as a whole number. */
const digits = z.string().regex(/^\d{1,9}$/, 'must be digits');

export const recordingQuery: z.ZodType<RecordingQuery> = z.strictObject({
  text: z.string().optional().describe('part of a name, a record id or a meeting id'),
  state: recordingState.optional(),
  tenant: z.string().optional().describe('name or id'),
  limit: digits.optional().describe('at most 1000; default 100'),
  offset: digits.optional(),
});

export const recordingChange: z.ZodType<RecordingChangeBody> = z
  .strictObject({
    published: z.boolean(),
    protected: z.boolean(),
    metadata: z.record(z.string(), z.string().nullable()).describe('null removes a key'),
  })
  .partial()
  .meta({ id: 'RecordingChange' });

export const importList: z.ZodType<ImportList> = z
  .strictObject({
    current: z.string().nullable().describe('the archive at hand in this process'),
    waiting: z.array(
      z.strictObject({ file: z.string(), size_bytes: z.number(), modified_at: time }),
    ),
    failed: z.array(
      z.strictObject({
        file: z.string(),
        size_bytes: z.number(),
        failed_at: time,
        reason: z.string(),
      }),
    ),
  })
  .meta({ id: 'ImportList' });

export const delivery: z.ZodType<DeliveryView> = z
  .strictObject({
    id: z.string(),
    kind: z.string(),
    host: z.string(),
    state: z.string(),
    attempts: z.number().int(),
    created_at: time,
    next_at: time.describe('next try, or when it ended'),
    last_error: z.string(),
  })
  .meta({ id: 'Delivery' });

export const problem: z.ZodType<{ readonly error: string }> = z
  .strictObject({ error: z.string().describe('what is wrong and how to mend it') })
  .meta({ id: 'Problem' });

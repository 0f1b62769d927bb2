/**
 * What the REST API is given and what it answers, as schemas: they check requests, and the OpenAPI
 * document is written from them.
 *
 * @module
 */
import { z } from '@balancer/kit';
import type { MeetingView, ServerView } from '../operations/meetings.ts';
import type { TenantView } from '../operations/tenants.ts';
import { TOKEN_ROLES, type TokenView } from '../operations/tokens.ts';
import { POLL_PARTS, type PollPart } from '../poll/poller.ts';
import type { TokenRole } from '../store/tokens.ts';
import { serverShape } from './server-schemas.ts';
import { time } from './time-schema.ts';

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

export const problem: z.ZodType<{ readonly error: string }> = z
  .strictObject({ error: z.string().describe('what is wrong and how to mend it') })
  .meta({ id: 'Problem' });

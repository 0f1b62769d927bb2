/**
 * Servers as the REST API is given them and answers them; see `schemas.ts`.
 *
 * @module
 */
import { z } from '@balancer/kit';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../config/keys.ts';
import type { ServerView } from '../operations/meetings.ts';
import type { SyncMode, SyncStep } from '../operations/sync.ts';
import type { ServerState } from '../store/servers.ts';
import { time } from './time-schema.ts';

/** What may be said of a server. */
export interface ServerChangeBody {
  readonly url?: string | undefined;
  readonly secret?: string | undefined;
  readonly tag?: string | undefined;
  readonly multiplier?: number | undefined;
  readonly max_meetings?: number | undefined;
  readonly max_users?: number | undefined;
  readonly checksum_algorithm?: ChecksumAlgorithm | null | undefined;
  readonly tls_ca?: string | null | undefined;
  readonly tls_verify?: boolean | undefined;
  readonly state?: ServerState | undefined;
}

export interface NewServerBody extends Omit<ServerChangeBody, 'state'> {
  readonly url: string;
  readonly secret: string;
  readonly id?: string | undefined;
  readonly enabled?: boolean | undefined;
}

const serverState = z.enum(['enabled', 'cordoned', 'disabled']);

/** The fields of a server. */
export const serverShape: { readonly [K in keyof ServerView]: z.ZodType<ServerView[K]> } = {
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
  checksum_algorithm: z
    .string()
    .nullable()
    .describe('towards this server; null: the strongest that the gateway allows'),
  tls_ca: z.string().nullable().describe('path of a PEM file on the gateway; null: the usual ones'),
  tls_verify: z.boolean().describe('false: any certificate will do'),
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
  checksum_algorithm: z
    .enum(CHECKSUM_ALGORITHMS)
    .nullable()
    .describe('towards this server; null: the strongest that the gateway allows'),
  tls_ca: z.string().nullable().describe('path of a PEM file on the gateway; null: the usual ones'),
  tls_verify: z.boolean().describe('false: any certificate will do'),
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

/**
 * Every order and question of the command line, by name: the same function runs in the gateway, when
 * one is running, and otherwise on the data directly.
 *
 * @module
 */
import { z } from '@balancer/kit';
import { definedOnly } from '../defined.ts';
import { migratePage, MIGRATION_PARTS } from '../migration/migrate.ts';
import { POLL_PARTS } from '../poll/poller.ts';
import { endMeeting, listMeetings, listServers, meetingInfo, viewOfServer } from './meetings.ts';
import { operation, type Operation, type OperationHost } from './operation.ts';
import { RECORDING_OPERATIONS } from './recording-operations.ts';
import {
  addServer,
  OperationError,
  panicServer,
  removeServer,
  setServerState,
  updateServer,
} from './servers.ts';
import { exportServers, importServers, syncServers } from './sync.ts';
import {
  addSetting,
  addTenant,
  listSettings,
  listTenants,
  removeSetting,
  removeTenant,
  updateTenant,
} from './tenants.ts';
import { createToken, listTokens, revokeToken, TOKEN_ROLES } from './tokens.ts';

const id = z.strictObject({ id: z.string() });
const settings = {
  url: z.string().optional(),
  secret: z.string().optional(),
  tag: z.string().optional(),
  multiplier: z.number().optional(),
  maxMeetings: z.number().optional(),
  maxUsers: z.number().optional(),
  checksumAlgorithm: z.string().nullable().optional(),
  tlsCa: z.string().nullable().optional(),
  tlsVerify: z.boolean().optional(),
};
const tenantFields = {
  name: z.string().optional(),
  secrets: z.string().optional(),
  max_meetings: z.number().optional(),
  max_users: z.number().optional(),
  path_access: z.number().optional(),
  lrs_endpoint: z.string().optional(),
  lrs_username: z.string().optional(),
  lrs_password: z.string().optional(),
  kc_token_url: z.string().optional(),
  kc_client_id: z.string().optional(),
  kc_client_secret: z.string().optional(),
  kc_username: z.string().optional(),
  kc_password: z.string().optional(),
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'servers.list': operation(z.strictObject({}), ({ context }) => listServers(context)),
  'servers.add': operation(
    z.strictObject({
      ...settings,
      id: z.string().optional(),
      isEnabled: z.boolean().default(false),
    }),
    async ({ context }, { isEnabled, ...fields }) =>
      viewOfServer(
        await addServer(context, definedOnly(fields), isEnabled ? 'enabled' : 'disabled'),
      ),
  ),
  'servers.update': operation(
    z.strictObject({ ...settings, id: z.string() }),
    async ({ context }, { id: serverId, ...fields }) =>
      viewOfServer(await updateServer(context, serverId, definedOnly(fields))),
  ),
  'servers.state': operation(
    z.strictObject({ id: z.string(), state: z.enum(['enabled', 'cordoned', 'disabled']) }),
    async ({ context }, { id: serverId, state }) =>
      viewOfServer(await setServerState(context, serverId, state)),
  ),
  'servers.remove': operation(id, ({ context }, input) => removeServer(context, input.id)),
  'servers.panic': operation(
    z.strictObject({ id: z.string(), keepState: z.boolean(), skipEndCalls: z.boolean() }),
    ({ context }, { id: serverId, ...options }) => panicServer(context, serverId, options),
  ),
  'meetings.list': operation(
    z.strictObject({ serverIds: z.array(z.string()).default([]) }),
    ({ context }, { serverIds }) => listMeetings(context, serverIds),
  ),
  'meetings.info': operation(id, ({ context }, input) => meetingInfo(context, input.id)),
  'meetings.end': operation(id, async ({ context }, input) => ({
    id: input.id,
    failure: await endMeeting(context, input.id),
  })),
  'servers.import': operation(
    z.strictObject({
      text: z.string(),
      name: z.string(),
      positions: z.array(z.number()).optional(),
    }),
    ({ context }, input) => importServers(context, input),
  ),
  'servers.sync': operation(
    z.strictObject({
      text: z.string(),
      name: z.string(),
      mode: z.enum(['keep', 'cordon', 'force']),
      isDryRun: z.boolean(),
      ids: z.array(z.string()).optional(),
    }),
    ({ context }, input) => syncServers(context, input),
  ),
  'servers.export': operation(
    z.strictObject({ isVerbose: z.boolean() }),
    ({ context }, { isVerbose }) => exportServers(context, isVerbose),
  ),
  poll: operation(
    z.strictObject({
      ids: z.array(z.string()).optional(),
      part: z.enum(POLL_PARTS).default('all'),
    }),
    async ({ poller }, { ids, part }) => {
      const summary = await poller.round(ids && new Set(ids), part);
      if (summary === null) throw new OperationError('taken', 'another process polls just now');
      return summary;
    },
  ),
  'tenants.list': operation(z.strictObject({}), ({ context }) => listTenants(context)),
  'tenants.add': operation(z.strictObject(tenantFields), ({ context }, fields) =>
    addTenant(context, definedOnly(fields)),
  ),
  'tenants.update': operation(
    z.strictObject({ ...tenantFields, id: z.string() }),
    ({ context }, { id: tenant, ...fields }) => updateTenant(context, tenant, definedOnly(fields)),
  ),
  'tenants.remove': operation(id, ({ context }, input) => removeTenant(context, input.id)),
  'tenant-settings.list': operation(id, ({ context }, input) => listSettings(context, input.id)),
  'tenant-settings.add': operation(
    z.strictObject({
      tenant: z.string(),
      param: z.string(),
      value: z.string(),
      isOverride: z.boolean(),
    }),
    ({ context }, input) => addSetting(context, input),
  ),
  'tenant-settings.remove': operation(id, ({ context }, input) => removeSetting(context, input.id)),
  'tokens.create': operation(
    z.strictObject({ name: z.string().default(''), role: z.enum(TOKEN_ROLES) }),
    ({ context }, input) => createToken(context, input),
  ),
  'tokens.list': operation(z.strictObject({}), ({ context }) => listTokens(context)),
  'tokens.revoke': operation(id, ({ context }, input) => revokeToken(context, input.id)),
  'migration.page': operation(
    z.strictObject({
      part: z.enum(MIGRATION_PARTS),
      databaseUrl: z.string(),
      redisUrl: z.string(),
      redisNamespace: z.string(),
      isDryRun: z.boolean(),
      after: z.number(),
    }),
    ({ context }, input) => migratePage(context, input),
  ),
  'config.reload': operation(z.strictObject({}), async ({ reload }) => {
    if (!reload) throw new OperationError('unknown', 'no gateway is running here');
    await reload();
  }),
  ...RECORDING_OPERATIONS,
};

/**
 * Runs an operation.
 *
 * @returns What JSON can carry; null for nothing.
 * @throws {OperationError} if there is no such operation, or it refuses its input.
 */
export async function runOperation(
  host: OperationHost,
  name: string,
  input: unknown,
): Promise<unknown> {
  const found = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (found === undefined) throw new OperationError('unknown', `there is no operation ${name}`);
  return (await found.run(host, input)) ?? null;
}

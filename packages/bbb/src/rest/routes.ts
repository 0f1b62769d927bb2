/**
 * The routes of the REST API. What they do is in `operations/`; here is only how it looks over HTTP.
 *
 * @module
 */
import { AdminRefusal, z } from '@balancer/kit';
import { describeBbbConfig } from '../config/load.ts';
import { HISTORY_STEP_SECONDS } from '../operations/load-history.ts';
import {
  endMeeting,
  listMeetings,
  listServers,
  meetingInfo,
  viewOfServer,
} from '../operations/meetings.ts';
import {
  addServer,
  findServer,
  panicServer,
  removeServer,
  type ServerSettings,
  setServerState,
  updateServer,
} from '../operations/servers.ts';
import { syncServers } from '../operations/sync.ts';
import {
  addSetting,
  addTenant,
  listSettings,
  listTenants,
  removeSetting,
  removeTenant,
  updateTenant,
} from '../operations/tenants.ts';
import { createToken, listTokens, revokeToken } from '../operations/tokens.ts';
import type { RoundSummary } from '../poll/poller.ts';
import type { TenantSettingRow } from '../store/tenants.ts';
import { definedOnly } from '../defined.ts';
import { RECORDING_ROUTES } from './recording-routes.ts';
import { type RestRoute, route } from './route.ts';
import * as schemas from './schemas.ts';
import * as serverSchemas from './server-schemas.ts';

const SERVER_ROUTES: readonly RestRoute[] = [
  route('GET /servers', 'All servers with their load', {
    answer: z.array(serverSchemas.server),
    run: ({ host }) => listServers(host.context),
  }),
  route('POST /servers', 'Add a server, disabled unless told otherwise', {
    body: serverSchemas.serverInput,
    answer: serverSchemas.server,
    status: 201,
    run: async ({ host, body: { enabled = false, id, ...fields } }) => {
      const settings = { ...settingsOf(fields), ...(id !== undefined && { id }) };
      return viewOfServer(
        await addServer(host.context, settings, enabled ? 'enabled' : 'disabled'),
      );
    },
  }),
  route('GET /servers/:id', 'One server', {
    answer: serverSchemas.server,
    run: async ({ host, path }) => {
      const row = await findServer(host.context, path['id']!);
      const { entries } = await host.context.placer.view([row]);
      return viewOfServer(row, entries.get(row.id)?.load ?? row.load);
    },
  }),
  route('PATCH /servers/:id', 'Change a server; what is not given stays', {
    body: serverSchemas.serverChange,
    answer: serverSchemas.server,
    run: async ({ host, path, body: { state, ...fields } }) => {
      const id = path['id']!;
      const changed = await updateServer(host.context, id, settingsOf(fields));
      return viewOfServer(
        state === undefined ? changed : await setServerState(host.context, id, state),
      );
    },
  }),
  route('DELETE /servers/:id', 'Forget a server and its records; its meetings are not ended', {
    run: ({ host, path }) => removeServer(host.context, path['id']!),
  }),
  route('POST /servers/:id/panic', 'End all meetings of a server and disable it', {
    body: serverSchemas.panicInput,
    answer: serverSchemas.panicReport,
    run: async ({ host, path, body }) => {
      const { meetingCount, failedIds } = await panicServer(host.context, path['id']!, {
        keepState: body.keep_state,
        skipEndCalls: body.skip_end_calls,
      });
      return { meetings: meetingCount, failed: failedIds };
    },
  }),
  route('POST /sync', 'Make the pool what a file says', {
    role: 'admin',
    body: serverSchemas.syncInput,
    answer: z.array(serverSchemas.syncStep),
    run: ({ host, body: { file, mode, dry_run: isDryRun } }) =>
      syncServers(host.context, { text: file, name: 'file', mode, isDryRun }),
  }),
];

const MEETING_ROUTES: readonly RestRoute[] = [
  route('GET /meetings', 'Meetings that have a record', {
    query: z.strictObject({ server: z.string().optional().describe('only those of this server') }),
    answer: z.array(schemas.meeting),
    run: ({ host, query: { server } }) =>
      listMeetings(host.context, server === undefined ? [] : [server]),
  }),
  route('GET /meetings/:id', 'One meeting', {
    answer: schemas.meeting,
    run: ({ host, path }) => meetingInfo(host.context, path['id']!),
  }),
  route('POST /meetings/:id/end', 'End a meeting', {
    answer: schemas.endReport,
    run: async ({ host, path }) => ({
      id: path['id'],
      failure: await endMeeting(host.context, path['id']!),
    }),
  }),
];

const TENANT_ROUTES: readonly RestRoute[] = [
  route('GET /tenants', 'All tenants', {
    answer: z.array(schemas.tenant),
    run: ({ host }) => listTenants(host.context),
  }),
  route('POST /tenants', 'Add a tenant', {
    role: 'admin',
    body: schemas.tenantInput,
    answer: schemas.tenant,
    status: 201,
    run: ({ host, body }) => addTenant(host.context, tenantFields(body)),
  }),
  route('PATCH /tenants/:id', 'Change a tenant; what is not given stays', {
    role: 'admin',
    body: schemas.tenantChange,
    answer: schemas.tenant,
    run: ({ host, path, body }) => updateTenant(host.context, path['id']!, tenantFields(body)),
  }),
  route('DELETE /tenants/:id', 'Remove a tenant and its settings', {
    role: 'admin',
    run: ({ host, path }) => removeTenant(host.context, path['id']!),
  }),
  route('GET /tenants/:id/settings', 'Parameters that a tenant adds to its creates', {
    answer: z.array(schemas.setting),
    run: async ({ host, path }) =>
      (await listSettings(host.context, path['id']!)).map(viewOfSetting),
  }),
  route('POST /tenants/:id/settings', 'Set a parameter', {
    role: 'admin',
    body: schemas.settingInput,
    answer: schemas.setting,
    status: 201,
    run: async ({ host, path, body: { param, value, override: isOverride } }) =>
      viewOfSetting(
        await addSetting(host.context, { tenant: path['id']!, param, value, isOverride }),
      ),
  }),
  route('DELETE /tenant-settings/:id', 'Remove a setting', {
    role: 'admin',
    run: ({ host, path }) => removeSetting(host.context, path['id']!),
  }),
];

const OPERATION_ROUTES: readonly RestRoute[] = [
  route('GET /status', 'Everything at a glance, with the loads of the last half hour', {
    answer: schemas.status,
    run: async ({ host, role }): Promise<schemas.GatewayStatus> => {
      const { context, poller, history, startedAtMs } = host;
      const servers = await listServers(context);
      return {
        storage: context.store.dialect === 'sqlite' ? 'embedded' : 'postgres',
        degraded: context.board.isDegraded,
        polls: poller.isLeading,
        role,
        multitenancy: context.config().multitenancy,
        uptime_seconds: Math.round((context.nowMs() - startedAtMs) / 1000),
        memory_bytes: process.memoryUsage.rss(),
        meetings: await context.store.meetings.count(),
        recordings: context.config().recordings_enabled,
        last_round: poller.lastRound && viewOfRound(poller.lastRound),
        load_step_seconds: HISTORY_STEP_SECONDS,
        servers: servers.map((row) => ({ ...row, load_history: history.of(row.id) })),
      };
    },
  }),
  route('POST /poll', 'Poll now', {
    body: schemas.pollInput,
    answer: schemas.pollReport,
    run: async ({ host, body: { servers, part } }) => {
      const summary = await host.poller.round(servers && new Set(servers), part);
      if (summary === null) throw new AdminRefusal(409, 'another process polls just now');
      return viewOfRound(summary);
    },
  }),
  route('GET /config', 'The running configuration without its secrets', {
    role: 'admin',
    answer: z.record(z.string(), z.unknown()),
    run: async ({ host }) => describeBbbConfig(host.context.config()),
  }),
  route('POST /config/reload', 'Read the configuration again', {
    role: 'admin',
    run: async ({ host }) => {
      if (!host.reload) throw new AdminRefusal(409, 'this process cannot read it again');
      await host.reload();
    },
  }),
  route('GET /tokens', 'Tokens of this API and of the admin page', {
    role: 'admin',
    answer: z.array(schemas.token),
    run: ({ host }) => listTokens(host.context),
  }),
  route('POST /tokens', 'Make a token', {
    role: 'admin',
    body: schemas.tokenInput,
    answer: schemas.newToken,
    status: 201,
    run: ({ host, body }) => createToken(host.context, body),
  }),
  route('DELETE /tokens/:id', 'Revoke a token', {
    role: 'admin',
    run: ({ host, path }) => revokeToken(host.context, path['id']!),
  }),
];

/** All routes, in the order of the document. */
export const REST_ROUTES: readonly RestRoute[] = [
  ...OPERATION_ROUTES,
  ...SERVER_ROUTES,
  ...MEETING_ROUTES,
  ...RECORDING_ROUTES,
  ...TENANT_ROUTES,
];

function settingsOf(body: Omit<serverSchemas.ServerChangeBody, 'state'>): ServerSettings {
  const { max_meetings: maxMeetings, max_users: maxUsers, ...others } = body;
  const { checksum_algorithm: checksumAlgorithm, tls_ca: tlsCa, ...more } = others;
  const { tls_verify: tlsVerify, ...plain } = more;
  return definedOnly({ ...plain, maxMeetings, maxUsers, checksumAlgorithm, tlsCa, tlsVerify });
}

function tenantFields({
  path_access: hasPathAccess,
  ...fields
}: schemas.TenantChangeBody): Parameters<typeof addTenant>[1] {
  const access = hasPathAccess === undefined ? undefined : Number(hasPathAccess);
  return definedOnly({ ...fields, path_access: access });
}

function viewOfSetting(row: TenantSettingRow): schemas.SettingView {
  const { id, param, value, is_override: isOverride } = row;
  return { id, param, value, override: isOverride === 1 };
}

function viewOfRound(summary: RoundSummary): schemas.PollReport {
  return {
    servers: summary.serverCount,
    failures: summary.failureCount,
    orphans: summary.orphanCount,
    ms: Math.round(summary.durationMs),
  };
}

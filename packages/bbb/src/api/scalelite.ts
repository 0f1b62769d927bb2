/**
 * Scalelite's administration by JSON, for scripts that were written for it. Signed like the API, with
 * a secret of the gateway, never a tenant's; the JSON body is not covered by the checksum.
 *
 * @module
 */
import { z } from '@balancer/kit';
import type { GatewayContext } from '../context.ts';
import {
  addServer,
  findServer,
  OperationError,
  panicServer,
  removeServer,
  setServerState,
  updateServer,
} from '../operations/servers.ts';
import {
  addSetting,
  addTenant,
  listSettings,
  removeSetting,
  removeTenant,
  updateTenant,
} from '../operations/tenants.ts';
import type { ServerRow } from '../store/servers.ts';
import type { TenantRow } from '../store/tenants.ts';
import { type ApiAnswer, failed } from './answer.ts';
import { isSigned } from './checksum.ts';
import { type ApiRequest, headerOf, readForm } from './request.ts';

/** Where it lives, on both listeners. */
export const SCALELITE_PREFIX = '/scalelite/api/';

/** Parameters of the query and, for POST, the members of the JSON body. */
type Input = Readonly<Record<string, unknown>>;

interface JsonAnswer {
  readonly status: number;
  readonly body: unknown;
}

interface Call {
  readonly method: 'GET' | 'POST';
  /** Only while tenants are on. */
  readonly isAboutTenants?: boolean;
  readonly run: (context: GatewayContext, input: Input) => Promise<JsonAnswer>;
}

const STATES = { enable: 'enabled', cordon: 'cordoned', disable: 'disabled' } as const;
const MULTIPLIER_MESSAGE = 'Load-multiplier must be a non-zero number';

/** Answers a call; the path has been recognised by its prefix. */
export async function handleScalelite(
  context: GatewayContext,
  request: ApiRequest,
): Promise<ApiAnswer> {
  const name = request.path.slice(SCALELITE_PREFIX.length).replace(/\/$/, '');
  const call = CALLS.get(name);
  if (call === undefined || call.method !== request.method) return failed('unsupportedRequest');
  const isJson = /^application\/json\s*(;|$)/i.test(headerOf(request, 'content-type'));
  if (request.method === 'POST' && !isJson) return failed('unsupportedContentType');
  if (!isAllowed(context, name, request)) return failed('checksumError');
  const input = readInput(request);
  if (input === null) return json({ status: 400, body: { error: 'the body is no JSON object' } });
  if (call.isAboutTenants && !context.config().multitenancy) {
    return json({ status: 412, body: { message: 'Multitenancy is disabled.' } });
  }
  try {
    return json(await call.run(context, input));
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    const status = error.reason === 'unknown' ? 404 : 400;
    const text = call.isAboutTenants && status === 400 ? 'message' : 'error';
    return json({ status, body: { [text]: error.message } });
  }
}

const CALLS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['getServers', { method: 'GET', run: getServers }],
  ['getServerInfo', { method: 'GET', run: getServerInfo }],
  ['addServer', { method: 'POST', run: addServerCall }],
  ['updateServer', { method: 'POST', run: updateServerCall }],
  [
    'deleteServer',
    {
      method: 'POST',
      run: async (context, input) => {
        await removeServer(context, idOf(input));
        return { status: 200, body: { success: `Server id=${idOf(input)} was destroyed` } };
      },
    },
  ],
  ['panicServer', { method: 'POST', run: panicServerCall }],
  ['getTenants', { method: 'GET', isAboutTenants: true, run: getTenants }],
  [
    'getTenantInfo',
    {
      method: 'GET',
      isAboutTenants: true,
      run: async (context, input) => ({
        status: 200,
        body: tenantObject(await findTenant(context, idOf(input))),
      }),
    },
  ],
  [
    'addTenant',
    {
      method: 'POST',
      isAboutTenants: true,
      run: async (context, input) => {
        const { id } = await addTenant(context, tenantFields(input));
        return { status: 201, body: { tenant: tenantObject(await findTenant(context, id)) } };
      },
    },
  ],
  [
    'updateTenant',
    {
      method: 'POST',
      isAboutTenants: true,
      run: async (context, input) => {
        await updateTenant(context, idOf(input), tenantFields(input));
        const tenant = await findTenant(context, idOf(input));
        return { status: 200, body: { tenant: tenantObject(tenant) } };
      },
    },
  ],
  [
    'deleteTenant',
    {
      method: 'POST',
      isAboutTenants: true,
      run: async (context, input) => {
        await removeTenant(context, idOf(input));
        return { status: 200, body: { success: `Tenant id=${idOf(input)} was destroyed` } };
      },
    },
  ],
  [
    'getTenantSettings',
    {
      method: 'GET',
      isAboutTenants: true,
      run: async (context, input) => ({
        status: 200,
        body: (await listSettings(context, idOf(input))).map(
          ({ id, param, value, is_override: isOverride }) => ({
            id,
            param,
            value,
            override: isOverride === 1,
          }),
        ),
      }),
    },
  ],
  ['addTenantSetting', { method: 'POST', isAboutTenants: true, run: addSettingCall }],
  [
    'deleteTenantSetting',
    {
      method: 'POST',
      isAboutTenants: true,
      run: async (context, input) => {
        await removeSetting(context, idOf(input));
        return { status: 200, body: { success: `Tenant setting id=${idOf(input)} was destroyed` } };
      },
    },
  ],
]);

async function getServers(context: GatewayContext): Promise<JsonAnswer> {
  const rows = await context.store.servers.list();
  if (rows.length === 0) return { status: 404, body: { error: 'No servers are configured.' } };
  const { entries } = await context.placer.view(rows);
  return { status: 200, body: rows.map((row) => serverObject(row, entries.get(row.id)?.load)) };
}

async function getServerInfo(context: GatewayContext, input: Input): Promise<JsonAnswer> {
  return { status: 200, body: await describeServer(context, idOf(input)) };
}

async function addServerCall(context: GatewayContext, input: Input): Promise<JsonAnswer> {
  const {
    url,
    secret,
    load_multiplier: multiplier,
    tag,
  } = read(serverFields, input['server'] ?? {});
  const { id } = await addServer(context, {
    url: url ?? '',
    secret: secret ?? '',
    // As Scalelite does: no multiplier and 0 are 1.
    multiplier: multiplier || 1,
    ...(tag != null && { tag }),
  });
  return { status: 201, body: await describeServer(context, id) };
}

async function updateServerCall(context: GatewayContext, input: Input): Promise<JsonAnswer> {
  const id = idOf(input);
  await findServer(context, id);
  const fields = read(serverFields, input['server'] ?? {});
  const { state, load_multiplier: multiplier, secret, tag } = fields;
  if (multiplier === 0) throw new OperationError('invalid', MULTIPLIER_MESSAGE);
  if (state != null && !Object.hasOwn(STATES, state)) {
    throw new OperationError('invalid', 'Invalid state: use enable, cordon or disable');
  }
  await updateServer(context, id, {
    ...(multiplier != null && { multiplier }),
    ...(secret != null && { secret }),
    ...(tag != null && { tag }),
  });
  if (state != null) await setServerState(context, id, STATES[state as keyof typeof STATES]);
  return { status: 200, body: await describeServer(context, id) };
}

async function panicServerCall(context: GatewayContext, input: Input): Promise<JsonAnswer> {
  const nested = read(z.looseObject({ keep_state: flag }), input['server'] ?? {});
  const { keep_state: own } = read(z.looseObject({ keep_state: flag }), input);
  await panicServer(context, idOf(input), { keepState: own ?? nested.keep_state ?? false });
  return { status: 200, body: { success: 'Server has been disabled' } };
}

async function getTenants({ store }: GatewayContext): Promise<JsonAnswer> {
  const tenants = await store.tenants.list();
  if (tenants.length === 0) return { status: 200, body: { message: 'No tenants exist' } };
  return { status: 200, body: tenants.map(tenantObject) };
}

async function addSettingCall(context: GatewayContext, input: Input): Promise<JsonAnswer> {
  const schema = z.looseObject({
    tenant_id: z.string(),
    param: z.string(),
    value: z.string(),
    override: flag,
  });
  const { tenant_id: tenant, param, value, override } = read(schema, input);
  const setting = { tenant, param, value, isOverride: override ?? false };
  const { id } = await addSetting(context, setting);
  return { status: 201, body: { id, param, value, override: override ?? false } };
}

/** JSON truth values and the words that scripts send. */
const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])])
  .transform((value) => value === true || value === 'true')
  .nullish();

const serverFields = z.looseObject({
  url: z.string().nullish(),
  secret: z.string().nullish(),
  tag: z.string().nullish(),
  state: z.string().nullish(),
  load_multiplier: z.coerce.number({ error: () => MULTIPLIER_MESSAGE }).nullish(),
});

const tenantSchema = z.looseObject({ name: z.string().optional(), secrets: z.string().optional() });

function tenantFields(input: Input): { name?: string; secrets?: string } {
  const { name, secrets } = read(tenantSchema, input['tenant'] ?? {});
  return { ...(name !== undefined && { name }), ...(secrets !== undefined && { secrets }) };
}

function read<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new OperationError('invalid', z.prettifyError(parsed.error));
}

function idOf(input: Input): string {
  const { id } = input;
  if (typeof id === 'string' && id !== '') return id;
  throw new OperationError('unknown', 'id: is missing');
}

async function describeServer(context: GatewayContext, id: string): Promise<object> {
  const row = await findServer(context, id);
  const { entries } = await context.placer.view([row]);
  return serverObject(row, entries.get(id)?.load);
}

/** Names and words as Scalelite writes them; its answers do contain the secret. */
function serverObject(row: ServerRow, load: number | undefined): object {
  return {
    id: row.id,
    url: row.url,
    secret: row.secret,
    tag: row.tag,
    bbb_version: row.bbb_version,
    state: row.state,
    load: load ?? row.load ?? 'unavailable',
    load_multiplier: row.multiplier,
    online: row.is_online === 1 ? 'online' : 'offline',
  };
}

async function findTenant({ store }: GatewayContext, id: string): Promise<TenantRow> {
  const tenant = await store.tenants.find(id);
  if (tenant === undefined) throw new OperationError('unknown', `there is no tenant ${id}`);
  return tenant;
}

function tenantObject({ id, name, secrets }: TenantRow): object {
  return { id, name, secrets };
}

function isAllowed(context: GatewayContext, call: string, { rawQuery }: ApiRequest): boolean {
  const config = context.config();
  return isSigned(
    { call, rawQuery, rawForm: null, formParameters: null },
    {
      secrets: config.secrets.map((secret) => secret.reveal()),
      algorithms: config.checksum_algorithms,
      isStrict: false,
    },
  );
}

function readInput({ method, rawQuery, body }: ApiRequest): Input | null {
  const query = Object.fromEntries(readForm(rawQuery));
  if (method === 'GET' || body.length === 0) return query;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return { ...value };
  } catch {
    return null;
  }
}

function json({ status, body }: JsonAnswer): ApiAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
    result: status < 300 ? 'SUCCESS' : String(status),
  };
}

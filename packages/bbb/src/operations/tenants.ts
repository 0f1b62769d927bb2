/**
 * What operators do with tenants.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import type { GatewayContext } from '../context.ts';
import { isUniqueViolation } from '../store/errors.ts';
import type { TenantChange, TenantRow, TenantSettingRow } from '../store/tenants.ts';
import { OperationError } from './servers.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** A tenant without what is secret. */
export interface TenantView {
  readonly id: string;
  readonly name: string;
  /** How many secrets it has. */
  readonly secrets: number;
  readonly max_meetings: number;
  readonly max_users: number;
  readonly path_access: boolean;
  readonly lrs_endpoint: string;
}

/** Fields of a tenant that an operator may set. */
export type TenantFields = Partial<Omit<TenantRow, 'id'>>;

export async function listTenants({ store }: GatewayContext): Promise<TenantView[]> {
  return (await store.tenants.list()).map(viewOfTenant);
}

/** @throws {OperationError} if the name or the secrets are wrong, or the name is taken. */
export async function addTenant(
  context: GatewayContext,
  fields: TenantFields,
): Promise<TenantView> {
  const { name = '', secrets = '' } = fields;
  check({ ...fields, name, secrets });
  const row = { ...fields, id: randomUUID(), name, secrets };
  if (!(await context.store.tenants.add(row))) {
    throw new OperationError('taken', `name: there is a tenant ${name} already`);
  }
  context.directory.forget();
  return viewOfTenant(await findTenant(context, row.id));
}

/**
 * @param idOrName - Either names the tenant.
 * @throws {OperationError} if there is no such tenant, or a value is wrong.
 */
export async function updateTenant(
  context: GatewayContext,
  idOrName: string,
  fields: TenantChange,
): Promise<TenantView> {
  const { id } = await findTenant(context, idOrName);
  check(fields);
  try {
    if (Object.keys(fields).length > 0) await context.store.tenants.update(id, fields);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new OperationError('taken', `name: there is a tenant ${fields.name} already`);
  }
  context.directory.forget();
  return viewOfTenant(await findTenant(context, id));
}

/** Removes a tenant with its settings; its meetings go on. @throws {OperationError} if unknown. */
export async function removeTenant(context: GatewayContext, idOrName: string): Promise<void> {
  const { id } = await findTenant(context, idOrName);
  await context.store.tenants.remove(id);
  context.directory.forget();
}

/** @throws {OperationError} if there is no such tenant. */
export async function listSettings(
  context: GatewayContext,
  idOrName: string,
): Promise<TenantSettingRow[]> {
  return context.store.tenants.settings((await findTenant(context, idOrName)).id);
}

export interface SettingInput {
  readonly tenant: string;
  readonly param: string;
  readonly value: string;
  readonly isOverride: boolean;
}

/** Sets a parameter of a tenant's creates. @throws {OperationError} if there is no such tenant. */
export async function addSetting(
  context: GatewayContext,
  { tenant, param, value, isOverride }: SettingInput,
): Promise<TenantSettingRow> {
  const { id: tenantId } = await findTenant(context, tenant);
  if (param === '') throw new OperationError('invalid', 'param: must not be empty');
  const override = Number(isOverride);
  const row = { id: randomUUID(), tenant_id: tenantId, param, value, is_override: override };
  await context.store.tenants.set(row);
  context.directory.forget();
  const settings = await context.store.tenants.settings(tenantId);
  return settings.find((setting) => setting.param === param && setting.is_override === override)!;
}

/** @throws {OperationError} if there is no such setting. */
export async function removeSetting(context: GatewayContext, id: string): Promise<void> {
  if (!(await context.store.tenants.unset(id))) {
    throw new OperationError('unknown', `there is no tenant setting ${id}`);
  }
  context.directory.forget();
}

/** The tenant of a name or an id. @throws {OperationError} if there is none. */
export async function findTenant({ store }: GatewayContext, idOrName: string): Promise<TenantRow> {
  const tenants = await store.tenants.list();
  const tenant = tenants.find(({ id, name }) => id === idOrName || name === idOrName);
  if (tenant === undefined) throw new OperationError('unknown', `there is no tenant ${idOrName}`);
  return tenant;
}

function check({ name, secrets, max_meetings: meetings, max_users: users }: TenantFields): void {
  const refuse = (message: string): never => {
    throw new OperationError('invalid', message);
  };
  if (name !== undefined && !NAME.test(name)) {
    refuse('name: needs lower-case letters, digits and "-", at most 63');
  }
  if (secrets !== undefined && secrets.split(':').some((secret) => secret === '')) {
    refuse('secrets: needs one or more, separated by ":", none of them empty');
  }
  for (const [key, limit] of Object.entries({ max_meetings: meetings, max_users: users })) {
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
      refuse(`${key}: must be an integer of at least 0; got ${limit}`);
    }
  }
}

function viewOfTenant(row: TenantRow): TenantView {
  return {
    id: row.id,
    name: row.name,
    secrets: row.secrets.split(':').length,
    max_meetings: row.max_meetings,
    max_users: row.max_users,
    path_access: row.path_access === 1,
    lrs_endpoint: row.lrs_endpoint,
  };
}

/**
 * Tenants and their settings in the database.
 *
 * @module
 */
import type { Database, TenantSettingTable, TenantTable } from './schema.ts';

export type TenantRow = Readonly<TenantTable>;
export type TenantSettingRow = Readonly<TenantSettingTable>;
export type TenantChange = Partial<Omit<TenantRow, 'id'>>;

const NO_FIELDS: Omit<TenantRow, 'id' | 'name' | 'secrets'> = {
  path_access: 0,
  max_meetings: 0,
  max_users: 0,
  lrs_endpoint: '',
  lrs_username: '',
  lrs_password: '',
  kc_token_url: '',
  kc_client_id: '',
  kc_client_secret: '',
  kc_username: '',
  kc_password: '',
};

export class TenantStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async list(): Promise<TenantRow[]> {
    return this.#db.selectFrom('gw_tenants').selectAll().orderBy('name').execute();
  }

  async find(id: string): Promise<TenantRow | undefined> {
    return this.#db.selectFrom('gw_tenants').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** @returns False if the id or the name is taken. */
  async add(tenant: Pick<TenantRow, 'id' | 'name' | 'secrets'> & TenantChange): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto('gw_tenants')
      .values({ ...NO_FIELDS, ...tenant })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  /** @returns False if there is no such tenant. */
  async update(id: string, change: TenantChange): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('gw_tenants')
      .set(change)
      .where('id', '=', id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Removes a tenant with its settings; its records stay and are reachable by nobody. */
  async remove(id: string): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      await db.deleteFrom('gw_tenant_settings').where('tenant_id', '=', id).execute();
      const { numDeletedRows } = await db
        .deleteFrom('gw_tenants')
        .where('id', '=', id)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    });
  }

  /** Settings of one tenant, or of all. */
  async settings(tenantId?: string): Promise<TenantSettingRow[]> {
    const all = this.#db.selectFrom('gw_tenant_settings').selectAll().orderBy('param');
    return (tenantId === undefined ? all : all.where('tenant_id', '=', tenantId)).execute();
  }

  /** Sets a value; the same parameter and strength of a tenant is replaced. */
  async set(setting: TenantSettingRow): Promise<void> {
    await this.#db
      .insertInto('gw_tenant_settings')
      .values(setting)
      .onConflict((conflict) =>
        conflict
          .columns(['tenant_id', 'param', 'is_override'])
          .doUpdateSet({ value: setting.value }),
      )
      .execute();
  }

  /** @returns False if there is no such setting. */
  async unset(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('gw_tenant_settings')
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}

/**
 * Servers and tenants as this process knows them: read from the store and kept for half a second, so
 * that what another process or the command line changes is seen well within one.
 *
 * @module
 */
import type { ServerRow } from './store/servers.ts';
import type { Store } from './store/store.ts';
import type { TenantRow, TenantSettingRow } from './store/tenants.ts';

const KEPT_MS = 500;

/** A tenant with its settings by strength. */
export interface Tenant {
  readonly row: TenantRow;
  readonly secrets: readonly string[];
  readonly defaults: ReadonlyMap<string, string>;
  readonly overrides: ReadonlyMap<string, string>;
}

interface Kept<T> {
  readonly value: Promise<T>;
  readonly atMs: number;
}

export class Directory {
  readonly #store: Store;
  #servers: Kept<ReadonlyMap<string, ServerRow>> | null = null;
  #tenants: Kept<ReadonlyMap<string, Tenant>> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** All servers by id, in byte order. */
  async servers(): Promise<ReadonlyMap<string, ServerRow>> {
    this.#servers = fresh(this.#servers, async () => {
      const rows = await this.#store.servers.list();
      return new Map(rows.map((row) => [row.id, row]));
    });
    return this.#unlessFailed(this.#servers, () => (this.#servers = null));
  }

  /** All tenants by id. */
  async tenants(): Promise<ReadonlyMap<string, Tenant>> {
    this.#tenants = fresh(this.#tenants, async () => {
      const [rows, settings] = await Promise.all([
        this.#store.tenants.list(),
        this.#store.tenants.settings(),
      ]);
      return new Map(rows.map((row) => [row.id, tenantOf(row, settings)]));
    });
    return this.#unlessFailed(this.#tenants, () => (this.#tenants = null));
  }

  /** Makes the next question read the store: this process has changed something. */
  forget(): void {
    this.#servers = null;
    this.#tenants = null;
  }

  /** A failed read is not kept. */
  async #unlessFailed<T>(kept: Kept<T>, drop: () => void): Promise<T> {
    try {
      return await kept.value;
    } catch (error) {
      drop();
      throw error;
    }
  }
}

function fresh<T>(kept: Kept<T> | null, read: () => Promise<T>): Kept<T> {
  const nowMs = performance.now();
  return kept !== null && nowMs - kept.atMs < KEPT_MS ? kept : { value: read(), atMs: nowMs };
}

function tenantOf(row: TenantRow, settings: readonly TenantSettingRow[]): Tenant {
  const ofStrength = (isOverride: number): ReadonlyMap<string, string> =>
    new Map(
      settings
        .filter((setting) => setting.tenant_id === row.id && setting.is_override === isOverride)
        .map(({ param, value }) => [param, value]),
    );
  return {
    row,
    secrets: row.secrets.split(':').filter((secret) => secret !== ''),
    defaults: ofStrength(0),
    overrides: ofStrength(1),
  };
}

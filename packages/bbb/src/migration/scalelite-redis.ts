/**
 * Scalelite's Redis, read and never written: servers, meetings and tenants as it keeps them.
 *
 * @module
 */
import { messageOf } from '@balancer/kit';
import { createClient } from '@redis/client';
import { OperationError } from '../operations/servers.ts';

type Fields = Readonly<Record<string, string>>;

/** A server with what stands about it outside of its hash. */
export interface ScaleliteServer {
  readonly id: string;
  readonly fields: Fields;
  readonly isEnabledMember: boolean;
  /** Null: it has none. */
  readonly load: number | null;
}

/** One hash of Redis and the id in its name. */
export interface ScaleliteHash {
  readonly id: string;
  readonly fields: Fields;
}

/** What hashes hold; which set names them, and what their names begin with. */
const KINDS = {
  meetings: { set: 'meetings', prefix: 'meeting' },
  tenants: { set: 'tenants', prefix: 'tenant' },
} as const;

type Client = ReturnType<typeof newClient>;

// oxlint-disable-next-line typescript/explicit-function-return-type -- it is the type of the client
function newClient(url: string) {
  return createClient({ url, socket: { reconnectStrategy: false, connectTimeout: 5000 } });
}

export class ScaleliteRedis {
  readonly #client: Client;
  readonly #namespace: string;

  private constructor(client: Client, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** @throws {OperationError} if it cannot be reached. */
  static async connect(url: string, namespace: string): Promise<ScaleliteRedis> {
    const client = newClient(url);
    // Without a listener a broken connection would end this process; the command fails anyway.
    client.on('error', () => {});
    try {
      await client.connect();
    } catch (error) {
      throw new OperationError('invalid', `cannot reach Scalelite's Redis: ${messageOf(error)}`);
    }
    return new ScaleliteRedis(client, namespace);
  }

  close(): void {
    this.#client.destroy();
  }

  /** All servers in order of their ids; members without a hash are left out. */
  async servers(): Promise<ScaleliteServer[]> {
    const hashes = await this.#hashes(await this.#members('servers'), 'server');
    const enabled = new Set(await this.#members('server_enabled'));
    return Promise.all(
      hashes.map(async ({ id, fields }) => {
        const cordoned = fields['state'] === 'cordoned';
        const scores = this.#name(cordoned ? 'cordoned_server_load' : 'server_load');
        const load = await this.#client.zScore(scores, id);
        return { id, fields, isEnabledMember: enabled.has(id), load };
      }),
    );
  }

  /** All hashes of a kind in order of their ids; members without a hash are left out. */
  async list(kind: keyof typeof KINDS): Promise<ScaleliteHash[]> {
    const { set, prefix } = KINDS[kind];
    return this.#hashes(await this.#members(set), prefix);
  }

  /** Settings of all tenants. */
  async tenantSettings(): Promise<ScaleliteHash[]> {
    const tenants = await this.#members('tenants');
    const ids = await Promise.all(tenants.map((id) => this.#members(`tenant_settings:${id}`)));
    return this.#hashes(ids.flat(), 'tenant_setting');
  }

  #name(key: string): string {
    return this.#namespace === '' ? key : `${this.#namespace}:${key}`;
  }

  async #members(set: string): Promise<string[]> {
    return (await this.#client.sMembers(this.#name(set))).toSorted();
  }

  async #hashes(ids: readonly string[], prefix: string): Promise<ScaleliteHash[]> {
    const hashes = await Promise.all(
      ids.map(async (id) => ({
        id,
        fields: await this.#client.hGetAll(this.#name(`${prefix}:${id}`)),
      })),
    );
    return hashes.filter(({ fields }) => Object.keys(fields).length > 0);
  }
}

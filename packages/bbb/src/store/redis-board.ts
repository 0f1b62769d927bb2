/**
 * The load board that several processes share: a hash per server in Redis, changed by scripts, so
 * that each change is one step for all of them.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { messageOf } from '@balancer/kit';
import { createClient } from '@redis/client';
import type { Amounts, Board, BoardView, Reservation } from './board.ts';
import { BoardUnavailableError } from './errors.ts';

export interface RedisBoardOptions {
  /** `redis://…` or `rediss://…`, with a user and a password if the server wants them. */
  readonly url: string;
  /** Before every key. */
  readonly prefix: string;
  /** Told when the connection breaks; it is made anew by itself. */
  readonly onError?: (error: Error) => void;
}

/** A command that takes longer is treated as an outage: requests must not wait for Redis. */
export const COMMAND_TIMEOUT_MS = 1000;
/** The time-out is counted in so many parts: a stall of this process is one part, and no outage. */
const TIMEOUT_PARTS = 4;
const RECONNECT_MAX_MS = 1000;
/** Entries of servers that nobody polls any more go away by themselves. */
const ENTRY_EXPIRES_SECONDS = 86_400;

type Client = ReturnType<typeof createBoardClient>;

export class RedisBoard implements Board {
  readonly isDegraded: boolean = false;
  readonly #client: Client;
  readonly #prefix: string;

  private constructor(client: Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** Connects in the background: until then every call rejects with `BoardUnavailableError`. */
  static connect({ url, prefix, onError }: RedisBoardOptions): RedisBoard {
    const client = createBoardClient(url);
    client.on('error', (error: Error) => onError?.(error));
    client.connect().catch((error: unknown) => {
      onError?.(error instanceof Error ? error : new Error(String(error)));
    });
    return new RedisBoard(client, prefix);
  }

  /** Resolves when Redis answers. @throws {BoardUnavailableError} */
  async ping(): Promise<void> {
    await this.#try(() => this.#client.ping());
  }

  async view(serverIds: readonly string[]): Promise<BoardView> {
    const keys = [this.#key('version'), ...serverIds.map((id) => this.#serverKey(id))];
    const reply = (await this.#run(VIEW, keys, [])) as (string | null)[];
    const entries = new Map<string, Amounts>();
    serverIds.forEach((id, i) => {
      const text = reply[i + 1];
      if (!text) return;
      const [load, meetings, users] = text.split(' ').map(Number);
      entries.set(id, { load: load!, meetings: meetings!, users: users! });
    });
    return { version: Number(reply[0] ?? 0), entries };
  }

  async seed(serverId: string, amounts: Amounts, version: number): Promise<void> {
    await this.#change(SEED, serverId, [...argumentsOf(amounts), String(version)]);
  }

  async reserve(serverId: string, amounts: Amounts, version: number): Promise<Reservation | null> {
    const args = [...argumentsOf(amounts), String(version)];
    const window = Number(await this.#change(RESERVE, serverId, args));
    return window < 0 ? null : { serverId, amounts, window };
  }

  async undo({ serverId, amounts, window }: Reservation): Promise<void> {
    await this.#change(UNDO, serverId, [...argumentsOf(amounts), String(window)]);
  }

  async add(serverId: string, amounts: Amounts): Promise<void> {
    await this.#change(ADD, serverId, argumentsOf(amounts));
  }

  async openWindow(serverId: string): Promise<number> {
    return Number(await this.#change(OPEN_WINDOW, serverId, []));
  }

  async settle(serverId: string, amounts: Amounts, window: number): Promise<void> {
    await this.#change(SETTLE, serverId, [...argumentsOf(amounts), String(window)]);
  }

  async clear(serverId: string): Promise<void> {
    await this.#change(CLEAR, serverId, []);
    await this.#try(() => this.#client.del(this.#key(`list:${serverId}`)));
  }

  async keepMeetings(serverId: string, xml: string, forMs: number): Promise<void> {
    const value = `${Date.now()} ${xml}`;
    const expiration = { type: 'PX', value: Math.max(1, Math.ceil(forMs)) } as const;
    await this.#try(() => this.#client.set(this.#key(`list:${serverId}`), value, { expiration }));
  }

  async keptMeetings(serverId: string, maxAgeMs: number): Promise<string | null> {
    const value = await this.#try(() => this.#client.get(this.#key(`list:${serverId}`)));
    if (value === null) return null;
    const space = value.indexOf(' ');
    return Date.now() - Number(value.slice(0, space)) < maxAgeMs ? value.slice(space + 1) : null;
  }

  async openTenantWindow(): Promise<void> {
    await this.#run(OPEN_TENANT_WINDOW, [this.#key('tenant-users'), this.#key('tenant-joins')], []);
  }

  async settleTenantUsers(users: ReadonlyMap<string, number>): Promise<void> {
    const key = this.#key('tenant-users');
    await this.#try(async () => {
      const change = this.#client.multi().del(key);
      if (users.size > 0) change.hSet(key, Object.fromEntries(users));
      await change.exec();
    });
  }

  async addTenantUsers(tenantId: string, count: number): Promise<void> {
    await this.#try(() => this.#client.hIncrBy(this.#key('tenant-joins'), tenantId, count));
  }

  async tenantUsers(tenantId: string): Promise<number> {
    const change = this.#client.multi();
    for (const name of ['tenant-users', 'tenant-joins']) change.hGet(this.#key(name), tenantId);
    const counts = await this.#try(() => change.exec());
    return counts.reduce<number>((sum, count) => sum + Number(count ?? 0), 0);
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #change(script: Script, serverId: string, args: readonly string[]): Promise<unknown> {
    return this.#run(script, [this.#serverKey(serverId), this.#key('version')], args);
  }

  async #run(
    { source, sha1 }: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const options = { keys: [...keys], arguments: [...args] };
    return this.#try(async () => {
      try {
        return await this.#client.evalSha(sha1, options);
      } catch (error) {
        // The server was restarted, or its script cache was flushed.
        if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
        return this.#client.eval(source, options);
      }
    });
  }

  async #try<T>(command: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      let parts = 0;
      timer = setInterval(() => {
        if (++parts === TIMEOUT_PARTS) reject(new Error('no answer in time'));
      }, COMMAND_TIMEOUT_MS / TIMEOUT_PARTS);
    });
    try {
      return await Promise.race([command(), timeout]);
    } catch (error) {
      throw new BoardUnavailableError(`Redis: ${messageOf(error)}`, { cause: error });
    } finally {
      clearInterval(timer);
    }
  }

  #serverKey(serverId: string): string {
    return this.#key(`server:${serverId}`);
  }

  #key(name: string): string {
    return `${this.#prefix}${name}`;
  }
}

function createBoardClient(url: string) {
  return createClient({
    url,
    // Waiting commands would be done late, when their window is over.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 5000,
      reconnectStrategy: (attempt) => Math.min(50 * 2 ** attempt, RECONNECT_MAX_MS),
    },
  });
}

function argumentsOf({ load, meetings, users }: Amounts): string[] {
  return [String(load), String(meetings), String(users)];
}

interface Script {
  readonly source: string;
  readonly sha1: string;
}

/**
 * Fields of a server's hash: `base` while it has a load; then per amount (l, m, u) `b`ase, the
 * windows `o`lder than the newest and the `n`ewest: `bl ol nl bm om nm bu ou nu`; `w` the newest
 * window, `s` the settled one.
 */
function script(body: string): Script {
  return plainScript(`
local key, version = KEYS[1], KEYS[2]
local names = {'l', 'm', 'u'}
local function get(field) return tonumber(redis.call('HGET', key, field) or '0') end
local function add(part, sign)
  for i, name in ipairs(names) do
    redis.call('HINCRBYFLOAT', key, part .. name, sign * tonumber(ARGV[i]))
  end
end
local function put(part, zero)
  for i, name in ipairs(names) do
    redis.call('HSET', key, part .. name, zero and '0' or ARGV[i])
  end
end
local function changed()
  redis.call('EXPIRE', key, ${ENTRY_EXPIRES_SECONDS})
  redis.call('INCR', version)
end
local hasLoad = redis.call('HEXISTS', key, 'base') == 1
${body}`);
}

function plainScript(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

const VIEW = plainScript(`
local reply = {redis.call('GET', KEYS[1]) or '0'}
for i = 2, #KEYS do
  local v = redis.call('HMGET', KEYS[i], 'base', 'bl', 'ol', 'nl', 'bm', 'om', 'nm', 'bu', 'ou', 'nu')
  if v[1] then
    local function sum(at)
      return (tonumber(v[at] or '0') or 0) + (tonumber(v[at + 1] or '0') or 0) + (tonumber(v[at + 2] or '0') or 0)
    end
    reply[i] = string.format('%.17g %.17g %.17g', sum(2), sum(5), sum(8))
  else
    reply[i] = ''
  end
end
return reply`);

const OPEN_TENANT_WINDOW = plainScript(`
local joins = redis.call('HGETALL', KEYS[2])
for i = 1, #joins, 2 do redis.call('HINCRBY', KEYS[1], joins[i], joins[i + 1]) end
return redis.call('DEL', KEYS[2])`);

const SEED = script(`
if hasLoad or (redis.call('GET', version) or '0') ~= ARGV[4] then return 0 end
redis.call('HSET', key, 'base', '1')
put('b', false)
redis.call('EXPIRE', key, ${ENTRY_EXPIRES_SECONDS})
return 1`);

const RESERVE = script(`
if not hasLoad or (redis.call('GET', version) or '0') ~= ARGV[4] then return -1 end
add('n', 1)
changed()
return get('w')`);

const UNDO = script(`
if not hasLoad then return 0 end
local window = tonumber(ARGV[4])
if window == get('w') then add('n', -1)
elseif window >= get('s') and window < get('w') then add('o', -1) end
changed()
return 1`);

const ADD = script(`
if hasLoad then add('n', 1) end
return 1`);

const OPEN_WINDOW = script(`
for i, name in ipairs(names) do
  redis.call('HINCRBYFLOAT', key, 'o' .. name, get('n' .. name))
  redis.call('HSET', key, 'n' .. name, '0')
end
return redis.call('HINCRBY', key, 'w', 1)`);

const SETTLE = script(`
local window = tonumber(ARGV[4])
if window < get('s') then return 0 end
redis.call('HSET', key, 'base', '1')
put('b', false)
if window == get('w') then put('o', true) end
redis.call('HSET', key, 's', window)
changed()
return 1`);

const CLEAR = script(`
redis.call('HDEL', key, 'base')
put('o', true)
put('n', true)
redis.call('HSET', key, 's', redis.call('HINCRBY', key, 'w', 1))
changed()
return 1`);

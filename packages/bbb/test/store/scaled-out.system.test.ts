import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { MemoryBoard } from '../../src/store/memory-board.ts';
import { BoardUnavailableError } from '../../src/store/errors.ts';
import { COMMAND_TIMEOUT_MS, RedisBoard } from '../../src/store/redis-board.ts';
import { ResilientBoard } from '../../src/store/resilient-board.ts';
import { Store } from '../../src/store/store.ts';
import { type Peer, redisCommand, startPostgres, startRedis } from '../peers.ts';
import { until } from '../until.ts';
import { describeCallbackStore } from './callback-conformance.ts';
import { describeBoard, describeStore } from './conformance.ts';
import { clearPostgres, emptyPostgres } from './empty-postgres.ts';
import { describeRecordingStore } from './recording-conformance.ts';

const hasPostgres = commandPath('pg_ctlcluster') !== undefined;
const hasRedis = commandPath('redis-server') !== undefined;

describe.skipIf(!hasPostgres)(`PostgreSQL${skipReason('pg_ctlcluster')}`, () => {
  let peer: Peer;
  const stores: Store[] = [];
  beforeAll(async () => {
    peer = await startPostgres();
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await peer.close();
  });
  const open = async (): Promise<Store> => {
    const store = await Store.openPostgres({ url: peer.url });
    stores.push(store);
    return store;
  };

  const openEmpty = async (): Promise<Store> => {
    const store = stores[0] ?? (await open());
    await clearPostgres(peer.url);
    return store;
  };

  describeStore('PostgreSQL', openEmpty);
  describeRecordingStore('PostgreSQL', openEmpty);
  describeCallbackStore('PostgreSQL', openEmpty);

  test('is migrated once by processes that start together', async () => {
    await emptyPostgres(peer.url);
    const opened = await Promise.all(Array.from({ length: 5 }, open));
    for (const store of opened) expect(await store.servers.list()).toEqual([]);
  });

  test('is used again after it was away', async () => {
    await emptyPostgres(peer.url);
    const store = await open();
    await peer.stop();
    await expect(store.ping()).rejects.toThrow(/./);
    await peer.start();
    await until('the store answers again', () =>
      store.ping().then(
        () => true,
        () => false,
      ),
    );
  });

  test('that goes away between two queries of a transaction fails the next, and nothing else', async () => {
    await emptyPostgres(peer.url);
    const store = await open();
    const name = { name: 'work', owner: 'me' };
    const lease = await store.leases.acquire(name, { nowMs: Date.now(), forMs: 60_000 });
    const work = store.leases.fenced(lease!, async (db) => {
      await peer.stop();
      await db.selectFrom('gw_meta').selectAll().execute();
    });
    await expect(work).rejects.toThrow(/./);
    await peer.start();
    await until('the store answers again', () =>
      store.ping().then(
        () => true,
        () => false,
      ),
    );
  });

  test('that is not there is an error without its password', async () => {
    const url = 'postgres://user:hidden@127.0.0.1:1/none';
    await expect(Store.openPostgres({ url })).rejects.toThrow(
      /^cannot reach PostgreSQL: (?!.*hidden)/,
    );
  });
});

describe.skipIf(!hasRedis)(`Redis${skipReason('redis-server')}`, () => {
  let peer: Peer;
  let board: RedisBoard;
  beforeAll(async () => {
    peer = await startRedis();
    board = RedisBoard.connect({ url: peer.url, prefix: 'test:' });
    await until('Redis answers', () =>
      board.ping().then(
        () => true,
        () => false,
      ),
    );
  });
  afterAll(async () => {
    await board.close();
    await peer.close();
  });
  const open = async (): Promise<RedisBoard> => {
    await redisCommand(peer.url, 'FLUSHALL');
    return board;
  };

  describeBoard('Redis', open);
  describeBoard('Redis with a fallback', async () => new ResilientBoard(await open()));

  test('is not away when it was this process that stood still', async () => {
    const shared = await open();
    const viewing = shared.view(['a']);
    const untilMs = performance.now() + 1.5 * COMMAND_TIMEOUT_MS;
    while (performance.now() < untilMs);
    expect((await viewing).entries.size).toBe(0);
  });

  test('away: the board says so, counts alone, and comes back by itself', async () => {
    const shared = await open();
    const changes: boolean[] = [];
    const resilient = new ResilientBoard(shared, (isDegraded) => void changes.push(isDegraded));
    const seed = async (load: number): Promise<void> => {
      const { version } = await resilient.view(['a']);
      await resilient.seed('a', { load, meetings: 0, users: 0 }, version);
    };
    await seed(1);
    await peer.stop();
    await expect(shared.view(['a'])).rejects.toThrow(BoardUnavailableError);
    expect((await resilient.view(['a'])).entries.size).toBe(0);
    await seed(5);
    expect((await resilient.view(['a'])).entries.get('a')?.load).toBe(5);
    expect(resilient.isDegraded).toBe(true);
    await peer.start();
    await until('the shared board is used again', async () => {
      await resilient.view(['a']);
      return !resilient.isDegraded;
    });
    expect(changes).toEqual([true, false]);
    expect(new MemoryBoard().isDegraded).toBe(false);
  });
});

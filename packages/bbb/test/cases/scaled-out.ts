/** Cases of the contract that need several gateways, or a storage that goes away. */
import { beforeEach, describe, expect, test } from 'vitest';
import { defaultBbbConfig, Gateway } from '../../src/index.ts';
import { type Peer, redisCommand } from '../peers.ts';
import { until } from '../until.ts';
import type { Harness } from './harness.ts';

interface Parts {
  readonly harness: Harness;
  readonly postgres: Peer;
  readonly redis: Peer;
}

export function describeScaledOut(parts: () => Parts): void {
  describe('several gateways', () => {
    let h: Harness;
    beforeEach(async () => {
      h = parts().harness;
      await h.reset();
    });

    /** A second gateway on the same storage, with its own pool, board and API. */
    async function withSecond(
      work: (second: Gateway, origin: string) => Promise<void>,
    ): Promise<void> {
      const config = h.gateway.context.config();
      const second = await Gateway.open({
        config: defaultBbbConfig({ ...config, lease_seconds: 1 }),
      });
      try {
        const { publicPort } = await second.start();
        await work(second, `http://127.0.0.1:${publicPort}`);
      } finally {
        await second.close();
      }
    }

    /** The same call at another gateway. */
    async function at(origin: string, target: () => Promise<unknown>): Promise<void> {
      const own = h.origin;
      Object.assign(h, { origin });
      try {
        // The address is read before the first await of the call.
        const calling = target();
        Object.assign(h, { origin: own });
        await calling;
      } finally {
        Object.assign(h, { origin: own });
      }
    }

    test('26: share a hundred creates evenly', async () => {
      for (let i = 3; i <= 10; i++) await h.startFake(`bbb${i}`);
      await withSecond(async (_, origin) => {
        await Promise.all(
          Array.from({ length: 100 }, (__, i) =>
            i % 2 === 0 ? h.create(`m${i}`) : at(origin, async () => h.create(`m${i}`)),
          ),
        );
      });
      const counts = new Map<string, number>();
      for (const { server_id: id } of await h.store.meetings.list()) {
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      expect([...counts.values()]).toEqual(Array.from({ length: 10 }, () => 10));
    });

    test('27: make one meeting of twenty creates', async () => {
      await withSecond(async (_, origin) => {
        await Promise.all(
          Array.from({ length: 20 }, (__, i) =>
            i % 2 === 0 ? h.create('m1') : at(origin, async () => h.create('m1')),
          ),
        );
      });
      expect(await h.store.meetings.count()).toBe(1);
      expect(new Set([await h.loadOf('bbb1'), await h.loadOf('bbb2')])).toEqual(new Set([0, 1]));
      expect(h.bbb1.meetings.size + h.bbb2.meetings.size).toBe(1);
    });

    test('130: one polls, and another takes over when it is gone', async () => {
      expect(h.gateway.poller.isLeading).toBe(true);
      await withSecond(async (second) => {
        expect(second.poller.isLeading).toBe(false);
        expect(await second.poller.round()).toBeNull();
        await h.gateway.poller.stop();
        await until('the second polls', () => second.poller.isLeading);
        await until('it has polled', () => second.poller.lastRound !== null);
      });
      await h.gateway.poller.renew();
      expect(h.gateway.poller.isLeading).toBe(true);
    });

    test('129: a Redis that forgets everything loses nothing durable', async () => {
      await h.create('m1');
      await h.create('m2');
      await h.create('m3');
      await redisCommand(parts().redis.url, 'FLUSHALL');
      expect((await h.call('join', { meetingID: 'm1', fullName: 'Ada' })).status).toBe(302);
      expect((await h.call('getMeetingInfo', { meetingID: 'm1' })).result).toBe('SUCCESS');
      // What SQL knows: the last poll and the records made since.
      expect([await h.loadOf('bbb1'), await h.loadOf('bbb2')]).toEqual([2, 1]);
      await h.create('m4');
      expect((await h.record('m4'))?.server_id).toBe('bbb2');
      await redisCommand(parts().redis.url, 'FLUSHALL');
      await h.poll();
      expect(await h.loadOf('bbb1')).toBe(30);
    });

    test('a Redis that is away degrades placement and nothing else', async () => {
      await h.create('m1');
      await parts().redis.stop();
      try {
        expect((await h.call('join', { meetingID: 'm1', fullName: 'Ada' })).status).toBe(302);
        await h.create('m2');
        expect((await h.record('m2'))?.server_id).toBe('bbb2');
        const ready = await fetch(`${h.adminOrigin}/readyz`);
        expect([ready.status, await ready.json()]).toMatchObject([200, { degraded: true }]);
      } finally {
        await parts().redis.start();
      }
      await until('Redis is used again', async () => {
        await h.loadOf('bbb1');
        return !h.gateway.context.board.isDegraded;
      });
    });

    test('an import while PostgreSQL is away is done when it is back', async () => {
      await h.resetRecordings();
      h.configure({ recordings_db_retry_count: 0 });
      await h.importArchive({ recordId: 'rec-1', meetingId: 'm1' });
      h.spool({ recordId: 'rec-2', meetingId: 'm1' });
      await parts().postgres.stop();
      try {
        await expect(h.gateway.importer.round()).rejects.toThrow(/./);
        expect((await h.call('getRecordings', { meetingID: 'm1' })).result).toBe('internalError');
        const hide = { recordID: 'rec-1', publish: 'false' };
        expect((await h.call('publishRecordings', hide)).result).toBe('internalError');
      } finally {
        await parts().postgres.start();
      }
      await until('both are there', async () => {
        await h.gateway.importer.round().catch(() => {});
        const { text } = await h.call('getRecordings', { meetingID: 'm1' });
        return (text.match(/<recording>/g) ?? []).length === 2;
      });
      expect((await h.raw('/presentation/rec-1/metadata.xml')).status).toBe(200);
    });

    test('a token opens once, whichever gateway is asked, and one of them imports', async () => {
      await h.resetRecordings();
      const isProtected = { protected_enabled: true };
      h.configure(isProtected);
      await withSecond(async (second, origin) => {
        h.spool({ recordId: 'rec-1', meetingId: 'm1' });
        expect(await second.importer.round()).toBeNull();
        await h.importAll();
        second.configure(defaultBbbConfig({ ...h.gateway.context.config(), ...isProtected }));
        const { text } = await h.call('getRecordings', { meetingID: 'm1' });
        const url = new URL(/<url>(.*?)<\/url>/.exec(text)![1]!);
        const path = `${url.pathname}${url.search}`;
        const open = async (at: string): Promise<number> =>
          (await fetch(`${at}${path}`, { redirect: 'manual' })).status;
        const statuses = await Promise.all([open(h.origin), open(origin)]);
        expect(statuses.toSorted()).toEqual([307, 404]);
      });
    });

    test('a PostgreSQL that restarts fails calls in the gap, and no later ones', async () => {
      await h.create('m1');
      await parts().postgres.stop();
      try {
        expect((await h.call('getMeetingInfo', { meetingID: 'm1' })).result).toBe('internalError');
        expect((await fetch(`${h.origin}/health_check`)).status).toBe(503);
      } finally {
        await parts().postgres.start();
      }
      await until('calls succeed', async () => {
        const { result } = await h.call('getMeetingInfo', { meetingID: 'm1' });
        return result === 'SUCCESS';
      });
    });
  });
}

/** What every storage must do, run against each of them. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Amounts, Board } from '../../src/store/board.ts';
import type { MeetingRecord } from '../../src/store/meetings.ts';
import type { Store } from '../../src/store/store.ts';

const T0 = 1_700_000_000_000;

function record(meetingId: string, change: Partial<MeetingRecord> = {}): MeetingRecord {
  return {
    scope: '',
    meeting_id: meetingId,
    server_id: 'bbb1',
    tenant_id: '',
    moderator_pw: 'mp',
    voice_bridge: `v-${meetingId}`,
    status: 'pending',
    created_at_ms: T0,
    last_seen_at_ms: T0,
    ...change,
  };
}

/** @param open - An empty store. */
export function describeStore(name: string, open: () => Promise<Store>): void {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });

  describe(`servers in ${name}`, () => {
    const server = { id: 'b', url: 'https://b/bigbluebutton/api', secret: 's' };

    test('are added once, disabled and offline, and listed in byte order', async () => {
      expect(await store.servers.add(server, T0)).toBe(true);
      expect(await store.servers.add({ ...server, secret: 'other' }, T0)).toBe(false);
      for (const id of ['a', 'B', 'a-1']) await store.servers.add({ ...server, id }, T0);
      const rows = await store.servers.list();
      expect(rows.map(({ id }) => id)).toEqual(['B', 'a', 'a-1', 'b']);
      expect(rows.at(-1)).toMatchObject({
        secret: 's',
        state: 'disabled',
        is_online: 0,
        multiplier: 1,
        load: null,
        created_at_ms: T0,
      });
    });

    test('keep decimals, and tell whether there was one to change', async () => {
      await store.servers.add(server, T0);
      expect(await store.servers.update('b', { load: 0.1 + 0.2, multiplier: 2.5 })).toBe(true);
      expect(await store.servers.find('b')).toMatchObject({ load: 0.1 + 0.2, multiplier: 2.5 });
      expect(await store.servers.update('x', { load: 1 })).toBe(false);
    });

    test('take their records along when they are removed', async () => {
      await store.servers.add(server, T0);
      await store.meetings.insert(record('m', { server_id: 'b' }));
      expect(await store.servers.remove('b')).toBe(true);
      expect(await store.servers.remove('b')).toBe(false);
      expect(await store.meetings.list()).toEqual([]);
    });
  });

  describe(`records in ${name}`, () => {
    test('are unique by meeting, and say why one was refused', async () => {
      expect(await store.meetings.insert(record('m'))).toBe('inserted');
      expect(await store.meetings.insert(record('m', { voice_bridge: '2' }))).toBe(
        'meeting-exists',
      );
      expect(await store.meetings.insert(record('n', { voice_bridge: 'v-m' }))).toBe(
        'voice-bridge-taken',
      );
      expect(await store.meetings.insert(record('m', { scope: 't', voice_bridge: '3' }))).toBe(
        'inserted',
      );
      expect(await store.meetings.findByVoiceBridge('3')).toMatchObject({ scope: 't' });
    });

    test('with a NUL in their names do not exist', async () => {
      expect(await store.meetings.find({ scope: '', meeting_id: 'a\0' })).toBeUndefined();
      expect(await store.meetings.findByVoiceBridge('\0')).toBeUndefined();
    });

    test('of twenty inserts at once keep exactly one', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          store.meetings.insert(record('m', { voice_bridge: String(i) })),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(1);
      expect(await store.meetings.count()).toBe(1);
    });

    test('are dropped only as the record that was seen', async () => {
      const old = record('m');
      await store.meetings.insert(old);
      expect(await store.meetings.drop({ ...old, server_id: 'bbb2' })).toBe(false);
      expect(await store.meetings.drop({ ...old, created_at_ms: T0 - 1 })).toBe(false);
      expect(await store.meetings.drop(old)).toBe(true);
      expect(await store.meetings.find(old)).toBeUndefined();
    });

    test('become active, are counted by time, and go with their server', async () => {
      await store.meetings.insert(record('a'));
      await store.meetings.insert(record('b', { created_at_ms: T0 + 10 }));
      await store.meetings.insert(record('c', { server_id: 'bbb2' }));
      await store.meetings.activate(record('a'));
      expect((await store.meetings.find(record('a')))?.status).toBe('active');
      expect(await store.meetings.countSince('bbb1', T0 + 5)).toBe(1);
      const dropped = await store.meetings.dropOfServer('bbb1');
      expect(dropped.map(({ meeting_id }) => meeting_id).toSorted()).toEqual(['a', 'b']);
      expect((await store.meetings.list()).map(({ meeting_id }) => meeting_id)).toEqual(['c']);
    });

    test('live from when they were last seen', async () => {
      for (const id of ['a', 'b', 'c']) await store.meetings.insert(record(id));
      const ids = Array.from({ length: 2500 }, (_, i) => ({ scope: '', meeting_id: `x${i}` }));
      await store.meetings.seen('bbb1', [...ids, { scope: '', meeting_id: 'b' }], T0 + 100);
      await store.meetings.seen('bbb2', [{ scope: '', meeting_id: 'c' }], T0 + 100);
      expect(await store.meetings.dropUnseenSince(T0 + 50)).toBe(2);
      expect((await store.meetings.list()).map(({ meeting_id }) => meeting_id)).toEqual(['b']);
    });

    test('stop at the limit of their tenant, whichever was made first', async () => {
      await store.tenants.add({ id: 't', name: 't', secrets: 's' });
      const made = (id: string, at: number) =>
        record(id, { tenant_id: 't', scope: 't', created_at_ms: T0 + at });
      expect(await store.meetings.insert(made('late', 1), 1)).toBe('inserted');
      expect(await store.meetings.insert(made('early', 0), 1)).toBe('tenant-full');
      expect(await store.meetings.insert(made('late', 2), 1)).toBe('meeting-exists');
      expect(await store.meetings.insert(record('of nobody'))).toBe('inserted');
      await store.meetings.drop(made('late', 1));
      expect(await store.meetings.insert(made('early', 0), 1)).toBe('inserted');
    });

    test('of twenty inserts at once keep as many as their tenant may have', async () => {
      await store.tenants.add({ id: 't', name: 't', secrets: 's' });
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => {
          const row = record(`m${i}`, { tenant_id: 't', scope: 't', created_at_ms: T0 - i });
          return store.meetings.insert(row, 3);
        }),
      );
      expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(3);
      expect(await store.meetings.count()).toBe(3);
    });
  });

  describe(`tenants in ${name}`, () => {
    test('have unique names and settings that replace each other', async () => {
      expect(await store.tenants.add({ id: '1', name: 'a', secrets: 's' })).toBe(true);
      expect(await store.tenants.add({ id: '2', name: 'a', secrets: 's' })).toBe(false);
      const setting = { id: 'x', tenant_id: '1', param: 'welcome', value: 'hi', is_override: 0 };
      await store.tenants.set(setting);
      await store.tenants.set({ ...setting, id: 'y', value: 'ho' });
      await store.tenants.set({ ...setting, id: 'z', is_override: 1 });
      const settings = await store.tenants.settings('1');
      expect(settings.map(({ value }) => value).toSorted()).toEqual(['hi', 'ho']);
      expect(await store.tenants.unset('x')).toBe(true);
      expect(await store.tenants.update('1', { max_meetings: 2 })).toBe(true);
      expect(await store.tenants.find('1')).toMatchObject({ max_meetings: 2, lrs_endpoint: '' });
      expect(await store.tenants.remove('1')).toBe(true);
      expect(await store.tenants.settings()).toEqual([]);
    });
  });

  describe(`leases in ${name}`, () => {
    const time = (nowMs: number) => ({ nowMs, forMs: 1000 });

    test('belong to one owner until they end or are given up', async () => {
      const a = await store.leases.acquire({ name: 'poller', owner: 'a' }, time(T0));
      expect(await store.leases.acquire({ name: 'poller', owner: 'b' }, time(T0 + 999))).toBeNull();
      expect(await store.leases.acquire({ name: 'poller', owner: 'a' }, time(T0 + 500))).toEqual(a);
      const b = await store.leases.acquire({ name: 'poller', owner: 'b' }, time(T0 + 1500));
      expect(b?.fence).toBe(a!.fence + 1);
      await store.leases.release(b!);
      const again = await store.leases.acquire({ name: 'poller', owner: 'a' }, time(T0 + 1501));
      expect(again?.fence).toBe(a!.fence + 2);
    });

    test('refuse the writes of an owner that lost them', async () => {
      const a = await store.leases.acquire({ name: 'poller', owner: 'a' }, time(T0));
      const write: Parameters<Store['leases']['fenced']>[1] = async (db) => {
        await db.insertInto('gw_meta').values({ key: 'k', value: 'a' }).execute();
      };
      await store.leases.acquire({ name: 'poller', owner: 'b' }, time(T0 + 2000));
      expect(await store.leases.fenced(a!, write)).toBe(false);
      expect(await store.keep('k', () => 'b')).toEqual({ value: 'b', isNew: true });
    });
  });

  test(`values that are made once in ${name} stay`, async () => {
    expect(await store.keep('secret', () => 'one')).toEqual({ value: 'one', isNew: true });
    expect(await store.keep('secret', () => 'two')).toEqual({ value: 'one', isNew: false });
    await store.ping();
  });
}

const amounts = (load: number, meetings = 0, users = 0) => ({ load, meetings, users });

/** @param open - An empty board. */
export function describeBoard(name: string, open: () => Promise<Board>): void {
  let board: Board;
  const entry = async (id = 'a') => (await board.view([id])).entries.get(id);
  const seed = async (id: string, seeded: Amounts) =>
    board.seed(id, seeded, (await board.view([id])).version);
  beforeEach(async () => {
    board = await open();
  });

  describe(`the board in ${name}`, () => {
    test('has no entry for a server until one is seeded or polled', async () => {
      await board.add('a', amounts(1));
      expect(await entry()).toBeUndefined();
      await seed('a', amounts(2.5, 1, 3));
      await seed('a', amounts(9));
      expect(await entry()).toEqual(amounts(2.5, 1, 3));
    });

    test('seeds only on the state on which the entry was seen to be missing', async () => {
      const { version } = await board.view(['a', 'b']);
      await board.seed('a', amounts(1), version);
      await board.seed('b', amounts(2), version);
      expect([await entry('a'), await entry('b')]).toEqual([amounts(1), amounts(2)]);
      const { version: before } = await board.view(['a', 'c']);
      await board.clear('c');
      await board.seed('c', amounts(3), before);
      expect(await entry('c')).toBeUndefined();
    });

    test('reserves only on the state that was seen, once', async () => {
      await seed('a', amounts(0));
      await seed('b', amounts(0));
      const { version } = await board.view(['a', 'b']);
      const tries = await Promise.all(
        ['a', 'b', 'a', 'b'].map((id) => board.reserve(id, amounts(1, 1), version)),
      );
      expect(tries.filter((reservation) => reservation !== null)).toHaveLength(1);
      expect(await board.reserve('gone', amounts(1), (await board.view([])).version)).toBeNull();
    });

    test('does not call a board changed for a join', async () => {
      await seed('a', amounts(0));
      const { version } = await board.view(['a']);
      await board.add('a', amounts(1, 0, 1));
      expect((await board.view(['a'])).version).toBe(version);
      expect(await entry()).toEqual(amounts(1, 0, 1));
    });

    test('keeps what was added while a poll was under way, and drops what it settled', async () => {
      await seed('a', amounts(5, 1, 5));
      await board.add('a', amounts(1));
      const window = await board.openWindow('a');
      await board.add('a', amounts(2, 1));
      expect(await entry()).toEqual(amounts(8, 2, 5));
      await board.settle('a', amounts(10, 3, 7), window);
      expect(await entry()).toEqual(amounts(12, 4, 7));
    });

    test('keeps everything through a poll that failed', async () => {
      await seed('a', amounts(0));
      await board.add('a', amounts(1));
      await board.openWindow('a');
      await board.add('a', amounts(1));
      const second = await board.openWindow('a');
      expect(await entry()).toEqual(amounts(2));
      await board.settle('a', amounts(7), second);
      expect(await entry()).toEqual(amounts(7));
    });

    test('takes a reservation back only while it counts', async () => {
      await seed('a', amounts(0));
      const reserve = async () =>
        (await board.reserve('a', amounts(1, 1), (await board.view(['a'])).version))!;
      const [first, second] = [await reserve(), await reserve()];
      await board.undo(first);
      expect(await entry()).toEqual(amounts(1, 1));
      const window = await board.openWindow('a');
      const third = await reserve();
      await board.settle('a', amounts(4, 2), window);
      await board.undo(second);
      expect(await entry()).toEqual(amounts(5, 3));
      await board.undo(third);
      expect(await entry()).toEqual(amounts(4, 2));
    });

    test('takes a reservation of an open poll back from the older windows', async () => {
      await seed('a', amounts(3));
      const reservation = await board.reserve('a', amounts(1), (await board.view(['a'])).version);
      await board.openWindow('a');
      await board.undo(reservation!);
      expect(await entry()).toEqual(amounts(3));
    });

    test('forgets a server that is cleared', async () => {
      await seed('a', amounts(3));
      await board.keepMeetings('a', '<x/>', 60_000);
      await board.clear('a');
      expect(await entry()).toBeUndefined();
      expect(await board.keptMeetings('a', 60_000)).toBeNull();
      await seed('a', amounts(1));
      expect(await entry()).toEqual(amounts(1));
    });

    test('takes no result of a poll that began before the entry was cleared', async () => {
      await seed('a', amounts(3));
      const window = await board.openWindow('a');
      await board.clear('a');
      await board.settle('a', amounts(5), window);
      expect(await entry()).toBeUndefined();
      await board.settle('a', amounts(6), await board.openWindow('a'));
      expect(await entry()).toEqual(amounts(6));
    });

    test('takes no result of a poll that is older than the one it has', async () => {
      const [first, second] = [await board.openWindow('a'), await board.openWindow('a')];
      await board.settle('a', amounts(7), second);
      await board.settle('a', amounts(1), first);
      expect(await entry()).toEqual(amounts(7));
    });

    test('takes back nothing that it was never given', async () => {
      await seed('a', amounts(3));
      // As of another board, which was used until a moment ago.
      await board.undo({ serverId: 'a', amounts: amounts(1), window: 50 });
      expect(await entry()).toEqual(amounts(3));
    });

    test('keeps meeting lists for their time', async () => {
      await board.keepMeetings('a', '<m>ü</m>', 60_000);
      expect(await board.keptMeetings('a', 60_000)).toBe('<m>ü</m>');
      expect(await board.keptMeetings('a', 0)).toBeNull();
      expect(await board.keptMeetings('b', 60_000)).toBeNull();
    });

    test('counts users of tenants from polls and joins', async () => {
      await board.addTenantUsers('t', 2);
      expect(await board.tenantUsers('t')).toBe(2);
      await board.openTenantWindow();
      expect(await board.tenantUsers('t')).toBe(2);
      await board.settleTenantUsers(new Map([['t', 5]]));
      await board.addTenantUsers('t', 1);
      expect(await board.tenantUsers('t')).toBe(6);
      await board.openTenantWindow();
      // Those who join while servers are asked may not be in their answers.
      await board.addTenantUsers('t', 4);
      expect(await board.tenantUsers('t')).toBe(10);
      await board.settleTenantUsers(new Map([['t', 6]]));
      expect(await board.tenantUsers('t')).toBe(10);
      await board.openTenantWindow();
      await board.settleTenantUsers(new Map());
      expect(await board.tenantUsers('t')).toBe(0);
    });
  });
}

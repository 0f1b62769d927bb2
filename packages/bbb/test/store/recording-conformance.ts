/** What every storage must do with recordings, run against each of them. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { RecordingFilter } from '../../src/store/recording-filter.ts';
import type { RecordingFacts } from '../../src/store/recording-rows.ts';
import type { Store } from '../../src/store/store.ts';

const T0 = 1_700_000_000_123;
const RULES = { isPublished: true, isProtected: false };

function facts(recordId: string, change: Partial<RecordingFacts> = {}): RecordingFacts {
  return {
    recordId,
    meetingId: 'room-1',
    name: 'Algebra',
    startMs: T0,
    endMs: T0 + 60_000,
    participants: 3,
    rawSizeBytes: 5_000_000_000,
    isBreakout: false,
    metadata: new Map(),
    format: format('presentation'),
    ...change,
  };
}

function format(type: string, thumbnailCount = 0): RecordingFacts['format'] {
  return {
    type,
    url: `/${type}/x`,
    lengthMinutes: 60,
    processingTimeMs: 7,
    sizeBytes: 3_000_000_000,
    thumbnails: Array.from({ length: thumbnailCount }, (_, i) => ({
      width: 176,
      height: 136,
      alt: `slide ${i}`,
      url: `/t/${i}.png`,
    })),
  };
}

/** @param open - An empty store. */
export function describeRecordingStore(name: string, open: () => Promise<Store>): void {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });
  const add = async (recordId: string, change: Partial<RecordingFacts> = {}): Promise<void> => {
    await store.recordings.upsert(facts(recordId, change), RULES);
  };
  const idsOf = async (filter: RecordingFilter): Promise<string[]> =>
    (await store.recordings.list(filter)).map(({ recordId }) => recordId);

  describe(`recordings in ${name}`, () => {
    test('keep everything that an archive says of them, to the millisecond', async () => {
      const metadata = new Map([
        ['course', 'Maths & more'],
        ['empty', ''],
        ['tenant-id', 't1'],
      ]);
      await add('rec-1', { metadata, format: format('presentation', 2) });
      await add('rec-1', { format: format('video') });
      const [found] = await store.recordings.list({});
      expect(found).toMatchObject({
        recordId: 'rec-1',
        meetingId: 'room-1',
        name: 'Algebra',
        isPublished: true,
        state: 'published',
        startMs: T0,
        endMs: T0 + 60_000,
        participants: 3,
        isProtected: false,
        isPublishUpdated: false,
        isBreakout: false,
        rawSizeBytes: 5_000_000_000,
        sizeBytes: 6_000_000_000,
        tenantId: 't1',
        deletedMs: null,
      });
      expect(found!.metadata).toEqual(metadata);
      expect(found!.formats.map(({ type }) => type)).toEqual(['presentation', 'video']);
      expect(found!.formats[0]).toEqual(format('presentation', 2));
      expect(await store.recordings.countByState()).toEqual(new Map([['published', 1]]));
    });

    test('imported again keep keys that are not mentioned, and lose surplus thumbnails', async () => {
      await add('rec-1', { metadata: new Map([['a', '1']]), format: format('presentation', 3) });
      await add('rec-1', { metadata: new Map([['b', '2']]), format: format('presentation', 1) });
      const [found] = await store.recordings.list({});
      expect(Object.fromEntries(found!.metadata)).toEqual({ a: '1', b: '2' });
      expect(found!.formats[0]!.thumbnails).toHaveLength(1);
    });

    test('keep the flag that somebody set, until they are deleted or indexed anew', async () => {
      await add('rec-1');
      await store.recordings.setPublished('rec-1', false);
      await add('rec-1');
      expect(await store.recordings.find('rec-1')).toMatchObject({
        isPublished: false,
        state: 'unpublished',
        isPublishUpdated: true,
      });
      const forced = { ...RULES, isForced: true };
      await store.recordings.upsert(facts('rec-1'), forced);
      expect(await store.recordings.find('rec-1')).toMatchObject({ state: 'published' });
      await store.recordings.markDeleted('rec-1', T0 + 1);
      expect(await store.recordings.list({ states: ['deleted'] })).toMatchObject([
        { deletedMs: T0 + 1, isPublished: false, formats: [] },
      ]);
      await add('rec-1');
      expect(await store.recordings.find('rec-1')).toMatchObject({
        state: 'published',
        deletedMs: null,
      });
    });

    test('are found by the beginning of their ids: no sign is special, and case counts', async () => {
      for (const id of ['foo01-1', 'foo_2', 'fOo-3', 'fo%4', 'bar-5']) await add(id);
      const of = async (...recordIdPrefixes: string[]): Promise<string[]> =>
        (await idsOf({ recordIdPrefixes })).toSorted();
      expect(await of('foo')).toEqual(['foo01-1', 'foo_2']);
      expect(await of('FOO')).toEqual([]);
      expect(await of('fo_')).toEqual([]);
      expect(await of('fo%')).toEqual(['fo%4']);
      expect(await of('bar', 'foo0')).toEqual(['bar-5', 'foo01-1']);
      expect(await of('\0')).toEqual([]);
    });

    test('are listed newest first, then by id, in pages', async () => {
      await add('b', { startMs: T0 });
      await add('a', { startMs: T0 });
      await add('c', { startMs: T0 + 1 });
      expect(await idsOf({})).toEqual(['c', 'a', 'b']);
      const page = await store.recordings.list({}, { limit: 2, offset: 1 });
      expect(page.map(({ recordId }) => recordId)).toEqual(['a', 'b']);
      expect(await store.recordings.count({})).toBe(3);
    });

    test('fit what a filter asks, sign for sign', async () => {
      const cases: [filter: RecordingFilter, ids: string[]][] = [
        [{ metadata: [{ key: 'COURSE', values: ['Maths'] }] }, ['1']],
        [{ metadata: [{ key: 'course', values: ['maths'] }] }, []],
        [{ metadata: [{ key: 'course', values: ['Ma%'] }] }, ['1', '2']],
        [{ metadata: [{ key: 'course', values: ['%ths'] }] }, ['1']],
        [{ metadata: [{ key: 'course', values: ['%at%'] }] }, ['1', '2']],
        [{ metadata: [{ key: 'course', values: ['%AT%'] }] }, []],
        [{ metadata: [{ key: 'course', values: ['%'] }] }, ['1', '2', '3']],
        [{ metadata: [{ key: 'course', values: ['M_ths', 'Café'] }] }, ['3']],
        [{ metadata: [{ key: 'course', values: ['Caf%'] }] }, ['3']],
        [{ metadata: [{ key: 'course', values: ['%fé'] }] }, ['3']],
        [{ metadata: [{ key: 'x', values: ["' or 1=1 --"] }] }, []],
        [{ text: 'ALGE' }, ['1', '2', '3']],
        [{ text: '2' }, ['2']],
        [{ tenantId: 't1' }, ['2']],
        [{ tenantId: '' }, []],
        [{ meetingIds: ['room-9', 'room-3'] }, ['3']],
        [{ meetingIds: [] }, []],
        [{ recordIds: ['3', '2', '9'] }, ['2', '3']],
        [{ states: ['unpublished'] }, []],
        [{ startedBeforeMs: T0 + 3 }, ['1', '2']],
      ];
      await add('1', { metadata: new Map([['course', 'Maths']]), startMs: T0 + 1 });
      const second = new Map([
        ['course', 'Matter'],
        ['tenant-id', 't1'],
      ]);
      await add('2', { metadata: second, startMs: T0 + 2 });
      const third = { metadata: new Map([['course', 'Café']]), meetingId: 'room-3' };
      await add('3', { ...third, startMs: T0 + 3 });
      for (const [filter, ids] of cases) {
        expect((await idsOf(filter)).toSorted(), JSON.stringify(filter)).toEqual(ids);
      }
    });

    test('fit one of several metadata filters, or all of them', async () => {
      await add('1', { metadata: new Map([['a', '1']]) });
      await add('2', { metadata: new Map([['b', '2']]) });
      const both = new Map([
        ['a', '1'],
        ['b', '3'],
      ]);
      await add('3', { metadata: both });
      const metadata = [
        { key: 'a', values: ['1'] },
        { key: 'b', values: ['2', '3'] },
      ];
      expect((await idsOf({ metadata })).toSorted()).toEqual(['1', '2', '3']);
      expect(await idsOf({ metadata, metadataMatch: 'all' })).toEqual(['3']);
    });

    test('change all together, and take their tenant from their metadata', async () => {
      await add('1', { metadata: new Map([['a', '1']]) });
      await add('2');
      const rows = await store.recordings.rows(['1', '2', '3']);
      expect(rows).toHaveLength(2);
      const metadata = new Map([
        ['a', null],
        ['b', 'x'],
        ['tenant-id', 't2'],
      ]);
      await store.recordings.update(rows, { metadata, isProtected: true });
      for (const { metadata: stored, isProtected, tenantId } of await store.recordings.list({})) {
        expect([Object.fromEntries(stored), isProtected, tenantId]).toEqual([
          { b: 'x', 'tenant-id': 't2' },
          true,
          't2',
        ]);
      }
    });

    test('without a tenant are given to one, also those that are deleted', async () => {
      for (const id of ['1', '2']) await add(id);
      await add('3', { metadata: new Map([['tenant-id', 't1']]) });
      await store.recordings.markDeleted('2', T0);
      expect(await store.recordings.addToTenant('t2')).toBe(2);
      expect((await idsOf({ tenantId: 't2' })).toSorted()).toEqual(['1', '2']);
      expect(await store.recordings.addToTenant('t2')).toBe(0);
    });

    test('of more than a thousand are listed with what hangs on each', async () => {
      for (let i = 0; i < 1001; i++) {
        await add(`r${i}`, { metadata: new Map([['n', String(i)]]) });
      }
      const all = await store.recordings.list({});
      expect(all).toHaveLength(1001);
      expect(all.every(({ recordId, metadata }) => recordId === `r${metadata.get('n')}`)).toBe(
        true,
      );
      expect(all.every(({ formats }) => formats.length === 1)).toBe(true);
    });
  });

  describe(`captions, tokens and claims in ${name}`, () => {
    test('a track replaces one of its kind and language', async () => {
      await add('1');
      const { id } = (await store.recordings.find('1'))!;
      const key = { recording_id: id, kind: 'captions', lang: 'en' };
      await store.textTracks.put({ ...key, label: 'English', content: 'WEBVTT\n' });
      await store.textTracks.put({ ...key, label: 'British', content: 'WEBVTT\n\n' });
      expect(await store.textTracks.list(id)).toEqual([{ ...key, label: 'British' }]);
      expect(await store.textTracks.find(key)).toBe('WEBVTT\n\n');
      await store.recordings.markDeleted('1', T0);
      expect(await store.textTracks.list(id)).toEqual([]);
    });

    test('a token is used once, whoever asks, until it is forgotten', async () => {
      const uses = await Promise.all(
        Array.from({ length: 10 }, async () => store.usedTokens.use('t', T0)),
      );
      expect(uses.filter(Boolean)).toHaveLength(1);
      await store.usedTokens.dropExpired(T0 - 1);
      expect(await store.usedTokens.use('t', T0)).toBe(false);
      await store.usedTokens.dropExpired(T0);
      expect(await store.usedTokens.use('t', T0)).toBe(true);
    });

    test('a recording has one worker, and one that died leaves a trace', async () => {
      const work = store.recordingWork;
      const a = { recordId: '1', owner: 'a' };
      const b = { recordId: '1', owner: 'b' };
      expect(await work.claim(a, { nowMs: T0, forMs: 10 })).toBe(true);
      expect(await work.claim(b, { nowMs: T0 + 9, forMs: 10 })).toBe(false);
      expect(await work.claim(a, { nowMs: T0 + 9, forMs: 10 })).toBe(true);
      expect(await work.abandoned(T0 + 18)).toEqual([]);
      expect(await work.abandoned(T0 + 19)).toEqual(['1']);
      expect(await work.claim(b, { nowMs: T0 + 19, forMs: 10 })).toBe(true);
      await work.finish(a);
      await work.expireAll();
      expect(await work.abandoned(1)).toEqual(['1']);
      await work.finish(b);
      expect(await work.abandoned(T0 + 99)).toEqual([]);
    });
  });
}

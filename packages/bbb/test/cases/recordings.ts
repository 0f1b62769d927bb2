/** Cases 80 to 98 of the contract: the calls about recordings. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { beforeEach, describe, expect, test } from 'vitest';
import { childOf, childrenOf, textOf } from '../../src/sound-xml.ts';
import type { RecordingRow } from '../../src/store/recording-rows.ts';
import type { CallOptions, CallResult, Harness } from './harness.ts';

export function describeRecordings(storage: string, harness: () => Harness): void {
  describe(`recordings on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
      await h.resetRecordings();
    });

    interface Added {
      readonly meetingId?: string;
      readonly startMs?: number;
      readonly metadata?: Readonly<Record<string, string>>;
      readonly isPublished?: boolean;
    }

    /** A recording in the index and in its tree. */
    async function add(recordId: string, options: Added = {}): Promise<void> {
      const { isPublished = true } = options;
      await h.store.recordings.upsert(
        {
          recordId,
          meetingId: options.meetingId ?? 'm1',
          name: 'Algebra <1> & "2"',
          startMs: options.startMs ?? 1_700_000_000_000,
          endMs: 1_700_000_060_000,
          participants: 3,
          rawSizeBytes: null,
          isBreakout: false,
          metadata: new Map(Object.entries(options.metadata ?? {})),
          format: {
            type: 'presentation',
            url: `/playback/presentation/2.3/${recordId}`,
            lengthMinutes: 60,
            processingTimeMs: 5,
            sizeBytes: null,
            thumbnails: [{ width: 176, height: 136, alt: 'a "b"', url: '/t.png' }],
          },
        },
        { isPublished, isProtected: false },
      );
      write(isPublished ? h.folders.published : h.folders.unpublished, recordId);
    }

    function write(tree: string, recordId: string): void {
      const folder = join(tree, 'presentation', recordId);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'metadata.xml'), '<recording/>');
    }

    const has = (tree: 'published' | 'unpublished', recordId: string): boolean =>
      existsSync(join(h.folders[tree], 'presentation', recordId));
    const row = async (recordId: string): Promise<RecordingRow> =>
      (await h.store.recordings.find(recordId))!;

    async function list(
      parameters: Record<string, string> = {},
      options: CallOptions = {},
    ): Promise<CallResult> {
      return h.call('getRecordings', parameters, options);
    }

    function elementsOf(answer: CallResult): XmlElement[] {
      const recordings = childOf(parseXml(answer.text).root!, 'recordings')!;
      return childrenOf(recordings, 'recording');
    }

    async function idsOf(
      parameters: Record<string, string>,
      options: CallOptions = {},
    ): Promise<string[]> {
      return elementsOf(await list(parameters, options)).map((one) => textOf(one, 'recordID'));
    }

    test('80: getRecordings without any', async () => {
      const { text } = await list();
      expect(text).toContain('<returncode>SUCCESS</returncode><recordings/>');
      expect(text).toContain('<messageKey>noRecordings</messageKey><message>');
    });

    test('81: by meetings, by ids, by both', async () => {
      await add('r1', { meetingId: 'a' });
      await add('r2', { meetingId: 'b' });
      await add('r3', { meetingId: 'c' });
      expect(await idsOf({ meetingID: 'a,b' })).toEqual(['r1', 'r2']);
      expect(await idsOf({ recordID: 'r2,r3' })).toEqual(['r2', 'r3']);
      expect(await idsOf({ meetingID: 'a,b', recordID: 'r2,r3' })).toEqual(['r2']);
      const page = new URLSearchParams({ meetingID: 'a,b' }).toString();
      const post = { method: 'POST', headers: { 'content-type': FORM }, body: page };
      const moodle = await h.callRaw('getRecordings', '', { algorithm: 'sha1', init: post });
      expect(elementsOf(moodle)).toHaveLength(2);
    });

    test('82: an id is matched by its beginning, sign for sign', async () => {
      for (let i = 0; i < 20; i++) await add(`foo01-${i}`);
      expect(await idsOf({ recordID: 'foo' })).toHaveLength(20);
      for (const recordID of ['FOO', 'fo_', 'fo%']) expect(await idsOf({ recordID })).toEqual([]);
    });

    test('83: by state', async () => {
      await add('published');
      await add('unpublished', { isPublished: false });
      await add('deleted');
      await h.gateway.context.recordings.delete('deleted');
      await add('processing');
      await setState('processing', 'processing');
      expect(await idsOf({})).toHaveLength(2);
      expect(await idsOf({ state: 'unpublished' })).toEqual(['unpublished']);
      expect(await idsOf({ state: 'any' })).toHaveLength(4);
      expect(await idsOf({ state: 'published,any' })).toHaveLength(4);
      expect(await idsOf({ state: 'published,processing' })).toHaveLength(2);
      expect(await idsOf({ state: 'nonsense' })).toEqual([]);
    });

    test('84: by metadata, one or all', async () => {
      await add('r1', { metadata: { a: '1' } });
      await add('r2', { metadata: { b: '2' } });
      await add('r3', { metadata: { a: '1', b: '3' } });
      await add('r4', { metadata: { a: '2' } });
      const filters = { meta_a: '1', meta_b: '2,3' };
      expect(await idsOf(filters)).toEqual(['r1', 'r2', 'r3']);
      h.configure({ get_recordings_meta_match: 'all' });
      expect(await idsOf(filters)).toEqual(['r3']);
      expect(await idsOf({ meta_A: '1' })).toEqual(['r1', 'r3']);
    });

    test('86: in pages', async () => {
      for (let i = 0; i < 5; i++) await add(`r${i}`, { startMs: 1_700_000_000_000 - i });
      const page = await list({ limit: '2', offset: '2' });
      expect(elementsOf(page).map((one) => textOf(one, 'recordID'))).toEqual(['r2', 'r3']);
      expect(page.text).toMatch(/<totalElements>5<\/totalElements><\/response>$/);
      for (const limit of ['0', 'x', '101', '-1']) {
        const all = await list({ limit });
        expect([elementsOf(all).length, all.text.includes('totalElements')]).toEqual([5, false]);
      }
      const beyond = await list({ limit: '2', offset: '9' });
      expect(beyond.text).toMatch(/noRecordings.*<totalElements>5<\/totalElements><\/response>$/);
    });

    test('87: an element for everything, and nothing from outside is markup', async () => {
      await add('r1', { metadata: { empty: '', value: '<b>&', 'no name': 'x', '1st': 'y' } });
      const { text } = await list();
      expect(text).toContain('<empty><![CDATA[]]></empty><value>&lt;b&gt;&amp;</value></metadata>');
      expect(text).not.toContain('no name');
      expect(text).not.toContain('1st');
      const [one] = elementsOf(await list());
      expect(one!.children.map((child) => (child as XmlElement).name)).toEqual([
        'recordID',
        'meetingID',
        'internalMeetingID',
        'name',
        'isBreakout',
        'published',
        'state',
        'startTime',
        'endTime',
        'participants',
        'metadata',
        'playback',
      ]);
      expect(textOf(one!, 'name')).toBe('Algebra <1> & "2"');
      expect(textOf(one!, 'startTime')).toBe('1700000000000');
      const format = childOf(childOf(one!, 'playback')!, 'format')!;
      expect(textOf(format, 'url')).toBe(`${h.origin}/playback/presentation/2.3/r1`);
      expect([textOf(format, 'length'), textOf(format, 'processingTime')]).toEqual(['60', '5']);
      const image = childOf(childOf(childOf(format, 'preview')!, 'images')!, 'image')!;
      expect([image.attributes, image.text]).toEqual([
        { alt: 'a "b"', width: '176', height: '136' },
        `${h.origin}/t.png`,
      ]);
      h.configure({ public_url: 'https://watch.example.com' });
      expect((await list()).text).toContain('<url>https://watch.example.com/playback/');
    });

    test('88: filtered mode wants to know which', async () => {
      await add('r1');
      h.configure({ get_recordings_filtered: true });
      expect((await list()).result).toBe('missingParameters');
      expect((await list({ state: 'any' })).result).toBe('missingParameters');
      expect(await idsOf({ meetingID: 'm1' })).toEqual(['r1']);
    });

    test('89: publishing moves the files, there and back', async () => {
      await add('r1');
      const publish = async (value: string): Promise<CallResult> =>
        h.call('publishRecordings', { recordID: 'r1', publish: value });
      expect((await publish('false')).text).toContain('<published>false</published>');
      expect([has('published', 'r1'), has('unpublished', 'r1')]).toEqual([false, true]);
      expect(await row('r1')).toMatchObject({
        isPublished: false,
        state: 'unpublished',
        isPublishUpdated: true,
      });
      expect((await publish('true')).text).toContain('<published>true</published>');
      expect([has('published', 'r1'), has('unpublished', 'r1')]).toEqual([true, false]);
      expect((await publish('TRUE')).text).toContain('<published>true</published>');
      expect(await row('r1')).toMatchObject({ isPublished: true, state: 'published' });
      expect((await publish('yes')).text).toContain('<published>false</published>');
    });

    test('90: publishing what is not there', async () => {
      await add('r1');
      await h.gateway.context.recordings.delete('r1');
      const resultOf = async (parameters: Record<string, string>): Promise<string> =>
        (await h.call('publishRecordings', parameters)).result;
      expect(await resultOf({ publish: 'true' })).toBe('missingParamRecordID');
      expect(await resultOf({ recordID: 'r1' })).toBe('missingParamPublish');
      expect(await resultOf({ recordID: 'r2', publish: 'true' })).toBe('notFound');
      expect(await resultOf({ recordID: 'r1', publish: 'true' })).toBe('notFound');
    });

    test('91: publishing with files in neither tree, and in both', async () => {
      await add('r1');
      rmSync(join(h.folders.published, 'presentation', 'r1'), { recursive: true });
      const hide = { recordID: 'r1', publish: 'false' };
      const before = await row('r1');
      expect((await h.call('publishRecordings', hide)).result).toBe('internalError');
      expect(await row('r1')).toEqual(before);
      write(h.folders.published, 'r1');
      write(h.folders.unpublished, 'r1');
      expect((await h.call('publishRecordings', hide)).result).toBe('SUCCESS');
      expect([has('published', 'r1'), has('unpublished', 'r1')]).toEqual([false, true]);
    });

    test('92, 94, 95: metadata and protection are set for all that are named', async () => {
      await add('r1', { metadata: { 'tenant-id': 't' } });
      await add('r2');
      const update = async (parameters: Record<string, string>): Promise<string> =>
        /<updated>(\w+)</.exec((await h.call('updateRecordings', parameters)).text)![1]!;
      const keysOf = async (id: string): Promise<Record<string, string>> =>
        Object.fromEntries(
          (await h.store.recordings.list({ recordIds: [id] }))[0]!.metadata.entries(),
        );
      const recordID = 'r1';
      expect(await update({ recordID, meta_Foo: 'x' })).toBe('true');
      expect(await keysOf('r1')).toEqual({ 'tenant-id': 't', foo: 'x' });
      expect(await update({ recordID, meta_foo: 'y' })).toBe('true');
      expect((await keysOf('r1'))['foo']).toBe('y');
      expect(await update({ recordID, meta_foo: '' })).toBe('true');
      expect(await keysOf('r1')).toEqual({ 'tenant-id': 't' });
      for (const ignored of ['meta_tenant-id', 'meta_tenant-name', 'meta_1x', 'meta_', 'name']) {
        expect(await update({ recordID, [ignored]: 'z' })).toBe('false');
      }
      expect(await keysOf('r1')).toEqual({ 'tenant-id': 't' });
      expect(await update({ recordID: 'r1,r2', protect: 'true' })).toBe('true');
      expect([(await row('r1')).isProtected, (await row('r2')).isProtected]).toEqual([true, true]);
      expect(await update({ recordID: 'r2', protect: 'false' })).toBe('true');
      expect((await row('r2')).isProtected).toBe(false);
      expect(await update({ recordID, protect: 'maybe' })).toBe('false');
      expect(await update({ recordID })).toBe('false');
      const { result } = await h.call('updateRecordings', { meta_a: 'b' });
      expect(result).toBe('missingParamRecordID');
    });

    test('93: one unknown id changes nothing', async () => {
      await add('r1');
      const { text } = await h.call('updateRecordings', { recordID: 'r1,r9', meta_a: 'b' });
      expect(text).toContain('<updated>false</updated>');
      expect((await h.store.recordings.list({}))[0]!.metadata.size).toBe(0);
    });

    test('96: deleting takes the files and leaves the row', async () => {
      await add('r1');
      await add('r2', { isPublished: false });
      await add('r3');
      const remove = async (recordID: string): Promise<string> => {
        const { text, result } = await h.call('deleteRecordings', { recordID });
        return /<deleted>(\w+)</.exec(text)?.[1] ?? result;
      };
      expect(await remove('r1,r2')).toBe('true');
      for (const id of ['r1', 'r2']) {
        expect([has('published', id), has('unpublished', id)]).toEqual([false, false]);
        expect(await row(id)).toMatchObject({ state: 'deleted', isPublished: false });
      }
      expect(has('published', 'r3')).toBe(true);
      expect(await remove('r1')).toBe('true');
      expect(await remove('r9')).toBe('notFound');
      expect(await remove('')).toBe('missingParamRecordID');
    });

    test('97: recordings switched off are neither served nor imported', async () => {
      await add('r1');
      h.configure({ recordings_enabled: false });
      expect((await h.raw('/presentation/r1/metadata.xml')).status).toBe(404);
      expect(await h.gateway.importer.round()).toBeNull();
    });

    test('98: captions', async () => {
      await add('r1');
      const put = async (
        parameters: Record<string, string>,
        content: string | null = SRT,
      ): Promise<{ messageKey: string }> => {
        const body = new FormData();
        if (content !== null) body.set('file', new Blob([content]), 'captions.srt');
        else body.set('nothing', 'here');
        const answer = await h.call('putRecordingTextTrack', parameters, {
          init: { method: 'POST', body },
        });
        expect(answer.headers.get('content-type')).toBe('application/json');
        return (JSON.parse(answer.text) as { response: { messageKey: string } }).response;
      };
      const good = { recordID: 'r1', kind: 'subtitles', lang: 'en', label: 'English' };
      expect((await put(good)).messageKey).toBe('upload_text_track_success');
      expect((await put({ ...good, label: 'British' })).messageKey).toBe(
        'upload_text_track_success',
      );
      expect((await put({ ...good, kind: 'x' })).messageKey).toBe('invalidKind');
      expect((await put({ ...good, lang: 'e!' })).messageKey).toBe('invalidLang');
      expect((await put({ ...good, lang: '' })).messageKey).toBe('paramError');
      expect((await put({ ...good, recordID: 'r9' })).messageKey).toBe('noRecordings');
      for (const content of ['', 'no captions', null]) {
        expect((await put(good, content)).messageKey).toBe('empty_uploaded_text_track');
      }
      const shipped = join(h.folders.published, 'presentation', 'r1');
      const captions = [{ locale: 'de', localeName: 'Deutsch' }];
      writeFileSync(join(shipped, 'captions.json'), JSON.stringify(captions));
      writeFileSync(join(shipped, 'caption_de.vtt'), 'WEBVTT\n');
      const answer = await h.call('getRecordingTextTracks', { recordID: 'r1' });
      const { response } = JSON.parse(answer.text) as {
        response: { returncode: string; tracks: { href: string }[] };
      };
      expect(response).toEqual({
        returncode: 'SUCCESS',
        tracks: [
          {
            href: `${h.origin}/textTrack/r1/subtitles_en.vtt`,
            kind: 'subtitles',
            label: 'British',
            lang: 'en',
            source: 'upload',
          },
          {
            href: `${h.origin}/presentation/r1/caption_de.vtt`,
            kind: 'subtitles',
            label: 'Deutsch',
            lang: 'de',
            source: 'live',
          },
        ],
      });
      const uploaded = await fetch(response.tracks[0]!.href);
      expect(uploaded.headers.get('content-type')).toBe('text/vtt; charset=utf-8');
      expect(await uploaded.text()).toBe(
        'WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500\nHello <b>you</b>\n',
      );
      expect((await fetch(response.tracks[1]!.href)).status).toBe(200);
      expect((await h.raw('/textTrack/r1/subtitles_fr.vtt')).status).toBe(404);
      const { text } = await h.call('getRecordingTextTracks', {});
      expect(text).toContain('missingParamRecordID');
      expect((await h.request('getRecordingTextTracks?recordID=r1')).text).toContain(
        '"messageKey":"checksumError"',
      );
    });

    /** What no call sets. */
    async function setState(recordId: string, state: string): Promise<void> {
      const lease = await h.store.leases.acquire(
        { name: 'test', owner: 'test' },
        { nowMs: Date.now(), forMs: 60_000 },
      );
      await h.store.leases.fenced(lease!, async (db) => {
        await db
          .updateTable('recordings')
          .set({ state })
          .where('record_id', '=', recordId)
          .execute();
      });
    }
  });
}

const FORM = 'application/x-www-form-urlencoded';
const SRT = '1\r\n00:00:01,000 --> 00:00:02,500\r\nHello <b>you</b>\r\n';

/** Cases 99 to 105 of the contract: archives on their way in. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type ArchiveDefect, buildArchive, tarOf } from '@balancer/fake-bbb';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Recording } from '../../src/store/recording-rows.ts';
import type { Harness } from './harness.ts';

export function describeImports(storage: string, harness: () => Harness): void {
  describe(`imports on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
      await h.resetRecordings();
    });

    const room = { recordId: 'rec-1', meetingId: 'room-1' };
    const inTree = (tree: 'published' | 'unpublished', path: string): string =>
      join(h.folders[tree], path);
    const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

    async function only(): Promise<Recording> {
      const all = await h.store.recordings.list({});
      expect(all).toHaveLength(1);
      return all[0]!;
    }

    test('99: an archive becomes a recording with its formats, and goes', async () => {
      const path = h.spool({
        ...room,
        name: 'Algebra & more',
        formats: [
          { type: 'presentation', durationMs: 3_600_000, thumbnailCount: 2 },
          { type: 'video', durationMs: 3_600_000 },
        ],
        metadata: { course: 'Maths' },
        endMs: 1_700_003_600_000,
      });
      const { archives } = await h.importAll();
      expect(archives).toEqual([{ file: 'rec-1.tar', outcome: 'imported', detail: 'rec-1' }]);
      expect(await only()).toMatchObject({
        recordId: 'rec-1',
        meetingId: 'room-1',
        name: 'Algebra & more',
        state: 'published',
        startMs: 1_700_000_000_000,
        endMs: 1_700_003_600_000,
        participants: 2,
        rawSizeBytes: 1000,
        sizeBytes: 4000,
        formats: [
          {
            type: 'presentation',
            url: '/playback/presentation/2.3/rec-1',
            lengthMinutes: 60,
            processingTimeMs: 1000,
            thumbnails: [
              { alt: 'Slide 1', url: '/presentation/rec-1/thumbnails/thumb-1.png' },
              { alt: 'Slide 2', url: '/presentation/rec-1/thumbnails/thumb-2.png' },
            ],
          },
          { type: 'video', url: '/video/rec-1/', lengthMinutes: 60, thumbnails: [] },
        ],
      });
      expect(Object.fromEntries((await only()).metadata)).toEqual({ course: 'Maths' });
      const folder = inTree('published', 'presentation/rec-1');
      expect(namesIn(folder).toSorted()).toEqual(['index.html', 'metadata.xml']);
      expect(statSync(folder).mode & 0o777).toBe(0o755);
      expect(statSync(join(folder, 'index.html')).mode & 0o777).toBe(0o644);
      expect([existsSync(path), namesIn(h.folders.work)]).toEqual([false, []]);
      const { text } = await h.call('getRecordings', { meetingID: 'room-1' });
      expect(text).toContain('<type>video</type>');
    });

    test('the metrics count archives, recordings and calls', async () => {
      await h.importArchive(room);
      h.spool({ recordId: 'rec-2', meetingId: 'room-2' });
      const text = await (await fetch(`${h.adminOrigin}/metrics`)).text();
      expect(text).toMatch(/^balancer_bbb_recordings\{state="published"\} 1$/m);
      expect(text).toMatch(/^balancer_bbb_spool_files 1$/m);
      expect(text).toMatch(/^balancer_bbb_imports_total\{result="imported"\} [1-9]/m);
    });

    test('100: an import of what somebody unpublished leaves it so', async () => {
      const again = { ...room, metadata: { b: '2' }, formats: [{ type: 'presentation' }] };
      await h.importArchive({ ...room, metadata: { a: '1' } });
      await h.call('publishRecordings', { recordID: 'rec-1', publish: 'false' });
      const files = { 'index.html': 'new' };
      await h.importArchive({ ...again, formats: [{ type: 'presentation', files }] });
      const recording = await only();
      expect(recording).toMatchObject({ state: 'unpublished', isPublished: false });
      expect(Object.fromEntries(recording.metadata)).toEqual({ a: '1', b: '2' });
      expect(recording.formats).toHaveLength(1);
      expect(existsSync(inTree('published', 'presentation/rec-1'))).toBe(false);
      const index = inTree('unpublished', 'presentation/rec-1/index.html');
      expect(readFileSync(index, 'utf8')).toBe('new');
    });

    test('101: a recording starts as it is meant to', async () => {
      await h.importArchive({ ...room, published: false });
      expect(await only()).toMatchObject({ state: 'unpublished' });
      await h.importArchive({ ...room, state: 'available' });
      expect(await only()).toMatchObject({ state: 'published' });
      expect(existsSync(inTree('unpublished', 'presentation/rec-1'))).toBe(false);
      h.configure({ recordings_import_unpublished: true });
      await h.importArchive({ ...room, formats: [{ type: 'video' }] });
      expect(await only()).toMatchObject({ state: 'unpublished' });
      // A recording is in one tree, whenever its formats came.
      expect(namesIn(inTree('unpublished', '')).toSorted()).toEqual(['presentation', 'video']);
      expect(existsSync(inTree('published', 'presentation/rec-1'))).toBe(false);
      expect(existsSync(inTree('unpublished', 'presentation/rec-1'))).toBe(true);
    });

    test('a deleted recording that is imported again lives again', async () => {
      await h.importArchive(room);
      await h.call('deleteRecordings', { recordID: 'rec-1' });
      await h.importArchive(room);
      expect(await only()).toMatchObject({ state: 'published', deletedMs: null });
      expect(existsSync(inTree('published', 'presentation/rec-1/index.html'))).toBe(true);
    });

    test('102: what is broken is put aside, and the next archive is imported', async () => {
      const broken = { type: 'video', metadataXml: '<recording>' };
      h.spool({ ...room, formats: [{ type: 'presentation' }, broken] });
      const bad = { recordId: 'rec-2', meetingId: 'room-2', formats: [broken] };
      h.spool(bad);
      h.spool({ recordId: 'rec-3', meetingId: 'room-3', defect: 'not-tar' });
      h.spool({ recordId: 'rec-4', meetingId: 'room-4', defect: 'truncated' });
      h.spool({ recordId: 'rec-5', meetingId: 'room-5' });
      const { archives } = await h.importAll();
      expect(Object.fromEntries(archives.map(({ file, outcome }) => [file, outcome]))).toEqual({
        'rec-1.tar': 'imported',
        'rec-2.tar': 'refused',
        'rec-3.tar': 'refused',
        'rec-4.tar': 'refused',
        'rec-5.tar': 'imported',
      });
      const ids = (await h.store.recordings.list({})).map(({ recordId }) => recordId);
      expect(ids.toSorted()).toEqual(['rec-1', 'rec-5']);
      expect(existsSync(inTree('published', 'video'))).toBe(false);
      expect(namesIn(h.folders.spool)).toEqual([]);
      expect(namesIn(h.folders.failed)).toHaveLength(6);
      expect(readFileSync(join(h.folders.failed, 'rec-2.tar.error.txt'), 'utf8')).toMatch(
        /^video: metadata\.xml is no sound XML: .*\n$/,
      );
      expect((await h.importAll()).archives).toEqual([]);
    });

    test.each<ArchiveDefect>(['parent-path', 'absolute-path', 'symlink', 'hardlink', 'device'])(
      '103: an archive with a %s is refused, and nothing of it stays',
      async (defect) => {
        await h.importArchive({ ...room, defect });
        expect(namesIn(h.folders.failed)).toEqual(['rec-1.tar', 'rec-1.tar.error.txt']);
        expect(await h.store.recordings.list({})).toEqual([]);
        expect([namesIn(h.folders.work), namesIn(h.folders.published)]).toEqual([[], []]);
        expect(existsSync('/tmp/escaped')).toBe(false);
      },
    );

    test('an archive beyond the limits is refused', async () => {
      h.configure({ recordings_archive_max_entries: 2 });
      await h.importArchive(room);
      h.configure({ recordings_archive_max_bytes: 1024 });
      const files = { big: Buffer.alloc(1025) };
      await h.importArchive({ ...room, recordId: 'rec-2', formats: [{ type: 'video', files }] });
      const reasons = ['rec-1', 'rec-2'].map((id) =>
        readFileSync(join(h.folders.failed, `${id}.tar.error.txt`), 'utf8'),
      );
      expect(reasons).toEqual([
        'the archive has more than 2 entries\n',
        'the archive has more than 1024 bytes\n',
      ]);
    });

    test('a metadata.xml that is about another recording is refused', async () => {
      const xml =
        '<recording><id>rec-9</id><playback><format>presentation</format></playback></recording>';
      await h.importArchive({ ...room, formats: [{ type: 'presentation', metadataXml: xml }] });
      expect(readFileSync(join(h.folders.failed, 'rec-1.tar.error.txt'), 'utf8')).toContain(
        'metadata.xml is about presentation/rec-9, its folder is presentation/rec-1',
      );
    });

    test('a metadata.xml with an entity bomb is refused', async () => {
      const xml = `<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><recording>&b;</recording>`;
      await h.importArchive({ ...room, formats: [{ type: 'presentation', metadataXml: xml }] });
      expect(readFileSync(join(h.folders.failed, 'rec-1.tar.error.txt'), 'utf8')).toContain(
        'has a DOCTYPE',
      );
    });

    test('104: an archive is not touched before it has settled', async () => {
      h.configure({ recordings_import_settle_seconds: 3600 });
      const path = h.spool(room);
      expect(await h.importAll()).toEqual({ archives: [], unsettledCount: 1 });
      expect(await h.importAll()).toEqual({ archives: [], unsettledCount: 1 });
      appendFileSync(path, 'x');
      expect(await h.importAll()).toEqual({ archives: [], unsettledCount: 1 });
      writeFileSync(path, buildArchive(room).content);
      const hidden = join(h.folders.spool, '.coming.tar');
      writeFileSync(hidden, 'half');
      h.configure({ recordings_import_settle_seconds: 0 });
      const { archives } = await h.importAll();
      expect(archives.map(({ outcome }) => outcome)).toEqual(['imported']);
      expect(existsSync(hidden)).toBe(true);
    });

    test('the oldest archive comes first', async () => {
      const paths = ['c', 'a', 'b'].map((recordId) => h.spool({ ...room, recordId }));
      // Names sort one way, times the other.
      const { utimesSync } = await import('node:fs');
      for (const [i, path] of paths.entries()) utimesSync(path, 1000 + i, 1000 + i);
      const { archives } = await h.importAll();
      expect(archives.map(({ file }) => file)).toEqual(['c.tar', 'a.tar', 'b.tar']);
    });

    test('names longer than a header are read, by pax and by GNU', async () => {
      const long = `${'d'.repeat(120)}/${'f'.repeat(120)}.png`;
      const name = `presentation/rec-1/${long}`;
      const record = (text: string): string => {
        const length = text.length + 2;
        const total = length + String(length + String(length).length).length;
        return `${total} ${text}\n`;
      };
      const { content } = buildArchive(room);
      const plain = content.subarray(0, content.length - 1024);
      for (const [i, extension] of [
        tarOf([{ name: 'pax', content: record(`path=${name}`), kind: 'pax' }]),
        tarOf([{ name: '././@LongLink', content: `${name}\0`, kind: 'gnu-long-name' }]),
      ].entries()) {
        const entry = tarOf([{ name: 'short', content: `picture ${i}` }]);
        const archive = Buffer.concat([plain, extension.subarray(0, -1024), entry]);
        mkdirSync(h.folders.spool, { recursive: true });
        writeFileSync(join(h.folders.spool, 'rec-1.tar'), archive);
        await h.importAll();
        const picture = inTree('published', `presentation/rec-1/${long}`);
        expect(readFileSync(picture, 'utf8')).toBe(`picture ${i}`);
      }
    });

    test('105: an import that was cut short is done again to the same end', async () => {
      const path = h.spool(room);
      const { content } = buildArchive(room);
      await h.importAll();
      // As after a kill: the row is there, the folder is not, work lies about, the archive too.
      const target = inTree('published', 'presentation/rec-1');
      renameSync(target, inTree('published', 'presentation/.balancer-left'));
      writeFileSync(path, content);
      await h.store.recordingWork.claim(
        { recordId: 'rec-1', owner: 'dead' },
        { nowMs: 0, forMs: 1 },
      );
      await h.importAll();
      expect(await only()).toMatchObject({ formats: [{ type: 'presentation' }] });
      expect(existsSync(join(target, 'index.html'))).toBe(true);
      expect(await h.store.recordingWork.abandoned(Date.now())).toEqual([]);
    });

    test('a publish that was cut short is undone, a delete is finished', async () => {
      await h.importArchive(room);
      await h.importArchive({ ...room, recordId: 'rec-2' });
      const died = async (recordId: string): Promise<void> => {
        await h.store.recordingWork.claim({ recordId, owner: 'dead' }, { nowMs: 0, forMs: 1 });
      };
      mkdirSync(inTree('unpublished', 'presentation'), { recursive: true });
      renameSync(
        inTree('published', 'presentation/rec-1'),
        inTree('unpublished', 'presentation/rec-1'),
      );
      await died('rec-1');
      await h.store.recordings.markDeleted('rec-2', Date.now());
      await died('rec-2');
      await h.importAll();
      expect(existsSync(inTree('published', 'presentation/rec-1'))).toBe(true);
      expect(existsSync(inTree('published', 'presentation/rec-2'))).toBe(false);
    });

    test('an archive that was put aside is tried again when told so', async () => {
      h.spool({ ...room, defect: 'truncated' });
      await h.importAll();
      writeFileSync(join(h.folders.failed, 'rec-1.tar'), buildArchive(room).content);
      const { runOperation } = await import('../../src/index.ts');
      const before = await runOperation(h.gateway, 'imports.list', {});
      expect(before).toMatchObject({
        current: null,
        waiting: [],
        failed: [{ file: 'rec-1.tar', reason: 'the archive ends early' }],
      });
      await runOperation(h.gateway, 'imports.retry', { file: 'rec-1.tar' });
      await expect(
        runOperation(h.gateway, 'imports.retry', { file: '../rec-1.tar' }),
      ).rejects.toThrow('there is no failed archive');
      await h.importAll();
      expect((await only()).recordId).toBe('rec-1');
      expect(namesIn(h.folders.failed)).toEqual([]);
    });
  });
}

/** Archives and XML of any shape: refused or taken, and nothing else happens. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildArchive, type TarEntry, tarOf } from '@balancer/fake-bbb';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMetadata } from '../../src/recordings/metadata-xml.ts';
import { ArchiveError } from '../../src/recordings/tar.ts';
import { unpack } from '../../src/recordings/unpack.ts';
import { readAnswer } from '../../src/upstream/answer.ts';
import { readMeetingList } from '../../src/upstream/meeting-list.ts';
import { temporaryFolder } from '../temporary.ts';

const isLong = process.env['BALANCER_TEST_LONG'] === '1';
const ARCHIVE_RUNS = isLong ? 50_000 : 300;
const XML_RUNS = isLong ? 1_000_000 : 3000;
const LIMITS = { bytesMax: 100_000, entriesMax: 50 };
const BLOCK_BYTES = 512;

const sample = buildArchive({
  recordId: 'rec-1',
  meetingId: 'm1',
  formats: [{ type: 'presentation', thumbnailCount: 2 }, { type: 'video' }],
});

/** Names that lead out, are odd, or are too long for a header's fields. */
const name = fc.oneof(
  fc.constantFrom(
    'presentation/rec-1/a',
    'presentation/rec-1/../../b',
    '/etc/passwd',
    'presentation/rec-2/a',
    'presentation/rec-1/metadata.xml/x',
    'presentation//rec-1/./a',
    'presentation/rec-1/\u0000',
    '..',
    '',
    'x'.repeat(100),
  ),
  fc.string({ maxLength: 90 }),
);
const entry: fc.Arbitrary<TarEntry> = fc
  .record({
    name,
    content: fc.string({ maxLength: 700 }),
    kind: fc.constantFrom(
      ...(['file', 'folder', 'symlink', 'hardlink', 'device', 'pax', 'gnu-long-name'] as const),
    ),
    linkName: fc.constantFrom('', '/etc', '../x'),
  })
  .filter((one) => Buffer.byteLength(one.name) <= 100);

/** Bytes of a sound archive that are others; with a header's sum put right half of the time. */
const mutated = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(sample.content.length - 1), fc.nat(255)), { maxLength: 8 }),
    fc.boolean(),
    fc.nat(sample.content.length),
  )
  .map(([changes, isSumRight, length]) => {
    const bytes = Buffer.from(sample.content);
    for (const [at, value] of changes) {
      bytes[at] = value;
      if (isSumRight) putSumRight(bytes, at - (at % BLOCK_BYTES));
    }
    // Most are cut nowhere: what is cut ends early, whatever else is in it.
    return length % 4 === 0 ? bytes.subarray(0, length) : bytes;
  });

function putSumRight(bytes: Buffer, at: number): void {
  const header = bytes.subarray(at, at + BLOCK_BYTES);
  if (header.toString('latin1', 257, 262) !== 'ustar') return;
  header.write(' '.repeat(8), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}

/** Sizes of all files, by path. */
function filesIn(folder: string): Map<string, number> {
  return new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((path) => [path, statSync(join(folder, path))] as const)
      .filter(([, stats]) => stats.isFile())
      .map(([path, { size }]) => [path, size]),
  );
}

test(`${ARCHIVE_RUNS} archives of any shape leave nothing beside the folder of their recording`, async () => {
  const folder = temporaryFolder();
  const archive = join(folder, 'a.tar');
  const work = join(folder, 'work');
  const archives = fc.oneof(
    mutated,
    fc.array(entry, { maxLength: 6 }).map((entries) => tarOf(entries)),
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(archives, async (bytes) => {
      rmSync(work, { recursive: true, force: true });
      mkdirSync(work);
      writeFileSync(archive, bytes);
      let recordId: string | null = null;
      try {
        ({ recordId } = await unpack(archive, work, LIMITS));
      } catch (error) {
        expect(error).toBeInstanceOf(ArchiveError);
      }
      expect(readdirSync(folder).toSorted()).toEqual(['a.tar', 'work']);
      expect(existsSync('/etc/passwd/x')).toBe(false);
      const files = filesIn(work);
      expect(files.size).toBeLessThanOrEqual(LIMITS.entriesMax);
      const sizeBytes = [...files.values()].reduce((sum, size) => sum + size, 0);
      expect(sizeBytes).toBeLessThanOrEqual(LIMITS.bytesMax);
      if (recordId === null) return;
      for (const path of files.keys()) expect(path).toMatch(`/${recordId}/`);
    }),
    { numRuns: ARCHIVE_RUNS },
  );
}, 3_600_000);

const METADATA = sample.content.toString('latin1').match(/<\?xml[^]*?<\/recording>/)![0];
const LIST =
  '<response><returncode>SUCCESS</returncode><meetings><meeting><meetingID>t~m</meetingID><participantCount>2</participantCount><metadata><tenant-id>t</tenant-id></metadata></meeting></meetings></response>';

const xmlOf = (sound: string): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.tuple(
        fc.nat(sound.length),
        fc.nat(12),
        fc.oneof(
          fc.constantFrom('<', '>', '&', '&#0;', '&#xD800;', ']]>', '<!DOCTYPE a>', '\u0000', '"'),
          fc.constantFrom('<![CDATA[', '<?x ?>', '<!--', '99999999999999999999', '-1', '1e9'),
          fc.string({ maxLength: 5 }),
        ),
      ),
      { maxLength: 4 },
    )
    .map((edits) => {
      let text = sound;
      for (const [at, removed, added] of edits) {
        text = text.slice(0, at) + added + text.slice(at + removed);
      }
      return Buffer.from(text, 'utf8');
    });

test(`${XML_RUNS} answers and metadata of any shape are read or refused`, () => {
  fc.assert(
    fc.property(xmlOf(LIST), xmlOf(METADATA), (list, metadata) => {
      const answer = readAnswer(list);
      if (answer.kind === 'success') {
        for (const { participants, xml } of readMeetingList(answer)) {
          expect(Number.isSafeInteger(participants)).toBe(true);
          // What is told on is an element again.
          expect(readAnswer(Buffer.from(xml))).toMatchObject({
            reason: 'the answer has no returncode',
          });
        }
      }
      try {
        const { startMs, format } = parseMetadata(metadata);
        expect(Number.isSafeInteger(startMs)).toBe(true);
        expect(format.url === '' || format.url.startsWith('/')).toBe(true);
      } catch (error) {
        expect(String(error)).toMatch(/^Error: metadata\.xml/);
      }
    }),
    { numRuns: XML_RUNS },
  );
}, 3_600_000);

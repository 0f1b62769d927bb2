import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ArchiveDefect, buildArchive } from '../src/index.ts';

const run = promisify(execFile);
const recording = { recordId: 'rec-1', meetingId: 'room-1' };

async function folderWith(archive: { fileName: string; content: Buffer }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-archive-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, archive.fileName), archive.content);
  return folder;
}

describe('an archive', () => {
  test('unpacks with tar into one folder per format', async () => {
    const archive = buildArchive({
      ...recording,
      formats: [
        { type: 'presentation', durationMs: 3_600_000, thumbnailCount: 2 },
        { type: 'video', files: { 'video-0.m4v': Buffer.from([0, 1, 2]) } },
      ],
      metadata: { course: 'Maths & more' },
    });
    const folder = await folderWith(archive);
    await run('tar', ['-xf', 'rec-1.tar'], { cwd: folder });
    const xml = await readFile(join(folder, 'presentation/rec-1/metadata.xml'), 'utf8');
    expect(xml).toContain('<duration>3600000</duration>');
    expect(xml.match(/<image /g)).toHaveLength(2);
    expect(xml).toContain('<course>Maths &amp; more</course>');
    expect([...(await readFile(join(folder, 'video/rec-1/video-0.m4v')))]).toEqual([0, 1, 2]);
  });

  test.each<[ArchiveDefect, RegExp]>([
    ['parent-path', /presentation\/\.\.\/\.\.\/escaped/],
    ['absolute-path', /\/tmp\/escaped/],
    ['symlink', /presentation\/link -> \/etc/],
    ['hardlink', /presentation\/link link to \/etc\/passwd/],
    ['device', /^c.*presentation\/device/m],
  ])('with the defect %s holds the entry that makes it so', async (defect, line) => {
    const folder = await folderWith(buildArchive({ ...recording, defect }));
    const { stdout } = await run('tar', ['-tvPf', 'rec-1.tar'], { cwd: folder });
    expect(stdout).toMatch(line);
  });

  test.each<ArchiveDefect>(['truncated', 'not-tar'])(
    'that is %s cannot be read',
    async (defect) => {
      const folder = await folderWith(buildArchive({ ...recording, defect }));
      await expect(run('tar', ['-tf', 'rec-1.tar'], { cwd: folder })).rejects.toThrow('tar');
    },
  );
});

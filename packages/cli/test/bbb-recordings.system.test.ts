/** Recordings as operators handle them: commands, a gateway that is killed, a disk that is full. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ArchiveOptions } from '@balancer/fake-bbb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayFixture, namesIn } from './gateway-fixture.ts';
import { until } from './support.ts';

let gateway: GatewayFixture;
beforeEach(async () => {
  gateway = await GatewayFixture.open();
});
afterEach(async () => gateway.close());

describe('commands about recordings', () => {
  test('import, show, hide, protect, delete and forget', async () => {
    gateway.spool('rec-1', { name: 'Algebra' });
    gateway.spool('rec-2', { defect: 'truncated' });
    const imported = await gateway.bbb('recordings', 'import', '--once');
    expect([imported.code, imported.stdout]).toEqual([
      1,
      expect.stringContaining('rec-1.tar: imported: rec-1\n'),
    ]);
    expect(imported.stdout).toContain('rec-2.tar: refused: the archive ends early\n');
    const { stdout } = await gateway.bbb('recordings', 'list');
    expect(stdout).toMatch(/^RECORDING  MEETING  NAME .*\nrec-1 {6}room-1 {3}Algebra  published/);
    const imports = await gateway.bbb('recordings', 'imports', '--json');
    expect(JSON.parse(imports.stdout)).toMatchObject({
      waiting: [],
      failed: [{ file: 'rec-2.tar' }],
    });
    expect((await gateway.bbb('recordings', 'retry', 'rec-2.tar')).stdout).toBe(
      'rec-2.tar: waits again\n',
    );
    expect((await gateway.bbb('recordings', 'unpublish', 'rec-1')).stdout).toBe(
      'rec-1: unpublished\n',
    );
    expect(namesIn(gateway.recordings('unpublished', 'presentation'))).toEqual(['rec-1']);
    expect((await gateway.bbb('recordings', 'publish', 'rec-1')).code).toBe(0);
    expect((await gateway.bbb('recordings', 'protect', 'rec-1')).code).toBe(0);
    const listed = JSON.parse((await gateway.bbb('recordings', 'list', '--json')).stdout) as object;
    expect(listed).toMatchObject({
      total: 1,
      recordings: [{ record_id: 'rec-1', protected: true, state: 'published' }],
    });
    const unknown = await gateway.bbb('recordings', 'publish', 'rec-9');
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('there is no recording rec-9'),
    ]);
    const asked = await gateway.bbb('recordings', 'delete', 'rec-1');
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('Give --yes')]);
    const dry = await gateway.bbb('recordings', 'prune', '--older-than', '1', '--dry-run');
    expect(dry.stdout).toBe('rec-1: would be deleted\n1 recording\n');
    const pruned = await gateway.bbb('recordings', 'prune', '--older-than', '1', '--yes');
    expect(pruned.stdout).toBe('rec-1: deleted\n1 recording\n');
    expect(namesIn(gateway.recordings('published', 'presentation'))).toEqual([]);
    expect((await gateway.bbb('deliveries', 'list', '--json')).stdout).toBe('[]\n');
  });

  test('bring files and index together', async () => {
    gateway.spool('rec-1');
    gateway.spool('rec-2', { published: false });
    expect((await gateway.bbb('recordings', 'import', '--once')).code).toBe(0);
    // What is served must not hold what is hidden.
    mkdirSync(gateway.recordings('published', 'video', 'rec-2'), { recursive: true });
    expect((await gateway.bbb('recordings', 'fix')).stdout).toBe('rec-2: moved\n1 recording\n');
    expect(namesIn(gateway.recordings('published', 'video'))).toEqual([]);
    rmSync(gateway.recordings('unpublished', 'video'), { recursive: true });
    for (const name of readdirSync(gateway.folder)) {
      if (name.startsWith('gateway.db')) rmSync(join(gateway.folder, name));
    }
    const { code, stdout } = await gateway.bbb('recordings', 'reindex');
    expect([code, stdout]).toEqual([0, 'rec-1: indexed\nrec-2: indexed\n2 recordings\n']);
    const listed = JSON.parse((await gateway.bbb('recordings', 'list', '--json')).stdout) as {
      recordings: { record_id: string; state: string }[];
    };
    expect(listed.recordings.map((one) => [one.record_id, one.state])).toEqual([
      ['rec-1', 'published'],
      ['rec-2', 'unpublished'],
    ]);
    await gateway.bbb('tenants', 'add', 'school-a', 's1');
    const given = await gateway.bbb('recordings', 'add-to-tenant', 'school-a');
    expect(given.stdout).toBe('school-a: 2 recordings\n');
  });
});

/** Imports that may end before the gateway is killed. */
const ATTEMPTS = 10;

describe('a gateway with recordings that is killed', () => {
  const files = Object.fromEntries(
    Array.from({ length: 400 }, (_, i) => [`slide-${i}.png`, Buffer.alloc(20_000, i)]),
  );

  /** Leaves an archive, and waits until it is being unpacked; a fast gateway may be done with it by then. */
  async function beginImport(
    recordId: string,
    formats: NonNullable<ArchiveOptions['formats']>,
  ): Promise<void> {
    gateway.spool(recordId, { formats });
    await until(
      'the archive is being unpacked',
      () =>
        namesIn(gateway.recordings('work')).length > 0 ||
        namesIn(gateway.recordings('spool')).length === 0,
    );
  }

  /** Kills a gateway that unpacks an archive. Returns the recording's name. */
  async function killInTheMiddle(): Promise<string> {
    for (let i = 1; i <= ATTEMPTS; i++) {
      // oxlint-disable-next-line no-await-in-loop -- a gateway after the other
      const { running } = await gateway.start();
      const recordId = `rec-${i}`;
      // oxlint-disable-next-line no-await-in-loop -- as above
      await beginImport(recordId, [{ type: 'presentation', files }, { type: 'video' }]);
      // oxlint-disable-next-line no-await-in-loop -- as above
      await running.end('SIGKILL');
      if (namesIn(gateway.recordings('spool')).includes(`${recordId}.tar`)) return recordId;
    }
    throw new Error(`${ATTEMPTS} imports were done before the gateway could be killed`);
  }

  test('105: in the middle of an import finishes it when it is back', async () => {
    const recordId = await killInTheMiddle();
    const { origin } = await gateway.start();
    await until('the recording is there', () => namesIn(gateway.recordings('spool')).length === 0);
    const text = await gateway.call(origin, 'getRecordings', `recordID=${recordId}`);
    expect(text.match(/<recording>/g)).toHaveLength(1);
    expect(text.match(/<format>/g)).toHaveLength(2);
    const published = (type: string): string => gateway.recordings('published', type, recordId);
    expect(readdirSync(published('presentation'))).toHaveLength(401);
    expect(namesIn(published('video'))).not.toEqual([]);
    // The archive goes first, what was unpacked of it after that.
    await until('nothing is left of it', () => namesIn(gateway.recordings('work')).length === 0);
  });

  test('105: SIGTERM lets it finish the archive at hand', async () => {
    const { running } = await gateway.start();
    await beginImport('rec-1', [{ type: 'presentation', files }]);
    running.child.kill('SIGTERM');
    await until('it has ended', () => running.child.exitCode !== null);
    expect(running.child.exitCode).toBe(0);
    expect([namesIn(gateway.recordings('spool')), namesIn(gateway.recordings('work'))]).toEqual([
      [],
      [],
    ]);
    expect(readdirSync(gateway.recordings('published', 'presentation', 'rec-1'))).toHaveLength(401);
  });

  test('right after an answered publish and delete has both, and owes what it owed', async () => {
    const first = await gateway.start();
    await gateway.bbb(
      'servers',
      'add',
      gateway.fake.url,
      gateway.fake.secret,
      '--id',
      'bbb1',
      '--enable',
    );
    await gateway.bbb('poll', 'once');
    const ready = encodeURIComponent('http://127.0.0.1:1/ready');
    const query = `name=x&meetingID=room-1&meta_bn-recording-ready-url=${ready}`;
    expect(await gateway.call(first.origin, 'create', query)).toContain('SUCCESS');
    for (const id of ['rec-1', 'rec-2']) gateway.spool(id);
    await until('both are imported', () => namesIn(gateway.recordings('spool')).length === 0);
    await gateway.call(first.origin, 'publishRecordings', 'recordID=rec-1&publish=false');
    await gateway.call(first.origin, 'deleteRecordings', 'recordID=rec-2');
    await first.running.end('SIGKILL');
    const { origin } = await gateway.start();
    const text = await gateway.call(origin, 'getRecordings', 'state=any');
    expect(text).toMatch(/<recordID>rec-1<.*<state>unpublished</);
    expect(text).toMatch(/<recordID>rec-2<.*<state>deleted</);
    expect(namesIn(gateway.recordings('published', 'presentation'))).toEqual([]);
    const owed = JSON.parse((await gateway.bbb('deliveries', 'list', '--json')).stdout) as object[];
    expect(owed).toMatchObject([
      { kind: 'recording-ready', state: 'pending' },
      { kind: 'recording-ready', state: 'pending' },
    ]);
    // The meeting is found again too.
    expect(await gateway.call(origin, 'getMeetingInfo', 'meetingID=room-1')).toContain('SUCCESS');
  });
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)(`a full disk${isRoot ? '' : ' (skipped: needs root)'}`, () => {
  test('during an import loses nothing, and the import goes on when there is room', async () => {
    const disk = gateway.recordings('disk');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    try {
      gateway.environment['BALANCER_BBB_RECORDINGS_PUBLISH_DIR'] = join(disk, 'published');
      const big = { 'video.m4v': Buffer.alloc(3_000_000, 1) };
      gateway.spool('rec-1', { formats: [{ type: 'video', files: big }] });
      gateway.spool('rec-2');
      const full = await gateway.bbb('recordings', 'import', '--once');
      expect(full.stdout).toMatch(/rec-1\.tar: left: .*ENOSPC/);
      expect(full.stdout).toContain('rec-2.tar: imported: rec-2');
      expect(namesIn(gateway.recordings('spool'))).toEqual(['rec-1.tar']);
      // Nothing is half there.
      expect(namesIn(join(disk, 'published', 'video'))).toEqual([]);
      const before = JSON.parse(
        (await gateway.bbb('recordings', 'list', '--json')).stdout,
      ) as object;
      expect(before).toMatchObject({ total: 1 });
      execFileSync('mount', ['-o', 'remount,size=8m', disk]);
      expect((await gateway.bbb('recordings', 'import', '--once')).stdout).toContain(
        'rec-1.tar: imported: rec-1',
      );
      expect(namesIn(join(disk, 'published', 'video', 'rec-1')).toSorted()).toEqual([
        'metadata.xml',
        'video.m4v',
      ]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('for the work folder leaves the archive where it is', async () => {
    const disk = gateway.recordings('work');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const big = { 'video.m4v': Buffer.alloc(3_000_000, 1) };
      gateway.spool('rec-1', { formats: [{ type: 'video', files: big }] });
      const full = await gateway.bbb('recordings', 'import', '--once');
      expect([full.code, full.stdout]).toEqual([1, expect.stringMatching(/left: .*ENOSPC/)]);
      expect([namesIn(disk), namesIn(gateway.recordings('spool'))]).toEqual([[], ['rec-1.tar']]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

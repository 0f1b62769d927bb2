/** Recordings as operators handle them: commands, a gateway that is killed, a disk that is full. */
import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buildArchive, FakeBbb, signedQuery } from '@balancer/fake-bbb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { main } from '../src/program.ts';
import { type Captured, type Running, startProcessWith, until } from './support.ts';

const SECRET = 'front-end-secret';

let folder: string;
let fake: FakeBbb;
let environment: Record<string, string>;
const started: Running[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'balancer-cli-recordings-'));
  fake = await FakeBbb.start();
  environment = {
    BALANCER_BBB_DATA_DIR: folder,
    BALANCER_BBB_BIND: '127.0.0.1',
    BALANCER_BBB_PORT: '0',
    BALANCER_BBB_ADMIN_PORT: '0',
    BALANCER_BBB_RECORDINGS_IMPORT_POLL_INTERVAL: '100ms',
    BALANCER_BBB_RECORDINGS_IMPORT_SETTLE_SECONDS: '0.05',
    LOADBALANCER_SECRET: SECRET,
  };
});
afterEach(async () => {
  for (const running of started.splice(0)) await running.end('SIGKILL');
  await fake.close();
  rmSync(folder, { recursive: true, force: true });
});

const inFolder = (...names: string[]): string => join(folder, 'recordings', ...names);
const namesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

async function bbb(...args: readonly string[]): Promise<Captured> {
  const output = { stdout: '', stderr: '' };
  const stdin = new PassThrough();
  stdin.end();
  const code = await main(['bbb', ...args], {
    stdout: { write: (text) => void (output.stdout += text) },
    stderr: { write: (text) => void (output.stderr += text) },
    stdin: stdin as unknown as NodeJS.ReadStream,
    environment,
    signals: new EventEmitter(),
  });
  return { code, ...output };
}

async function startGateway(): Promise<{ running: Running; origin: string }> {
  const running = startProcessWith({ environment }, 'bbb', 'run');
  started.push(running);
  const [, port] = await running.says(/"publicPort":(\d+)/);
  return { running, origin: `http://127.0.0.1:${port}` };
}

async function call(origin: string, name: string, query: string): Promise<string> {
  const signed = signedQuery({ call: name, query, secret: SECRET });
  return (await fetch(`${origin}/bigbluebutton/api/${name}?${signed}`)).text();
}

function spool(recordId: string, options: Partial<Parameters<typeof buildArchive>[0]> = {}): void {
  const { fileName, content } = buildArchive({ recordId, meetingId: 'room-1', ...options });
  mkdirSync(inFolder('spool'), { recursive: true });
  writeFileSync(inFolder('spool', `.${fileName}`), content);
  execFileSync('mv', [inFolder('spool', `.${fileName}`), inFolder('spool', fileName)]);
}

describe('commands about recordings', () => {
  test('import, show, hide, protect, delete and forget', async () => {
    spool('rec-1', { name: 'Algebra' });
    spool('rec-2', { defect: 'truncated' });
    const imported = await bbb('recordings', 'import', '--once');
    expect([imported.code, imported.stdout]).toEqual([
      1,
      expect.stringContaining('rec-1.tar: imported: rec-1\n'),
    ]);
    expect(imported.stdout).toContain('rec-2.tar: refused: the archive ends early\n');
    const { stdout } = await bbb('recordings', 'list');
    expect(stdout).toMatch(/^RECORDING  MEETING  NAME .*\nrec-1 {6}room-1 {3}Algebra  published/);
    const imports = await bbb('recordings', 'imports', '--json');
    expect(JSON.parse(imports.stdout)).toMatchObject({
      waiting: [],
      failed: [{ file: 'rec-2.tar' }],
    });
    expect((await bbb('recordings', 'retry', 'rec-2.tar')).stdout).toBe('rec-2.tar: waits again\n');
    expect((await bbb('recordings', 'unpublish', 'rec-1')).stdout).toBe('rec-1: unpublished\n');
    expect(namesIn(inFolder('unpublished', 'presentation'))).toEqual(['rec-1']);
    expect((await bbb('recordings', 'publish', 'rec-1')).code).toBe(0);
    expect((await bbb('recordings', 'protect', 'rec-1')).code).toBe(0);
    const listed = JSON.parse((await bbb('recordings', 'list', '--json')).stdout) as object;
    expect(listed).toMatchObject({
      total: 1,
      recordings: [{ record_id: 'rec-1', protected: true, state: 'published' }],
    });
    const unknown = await bbb('recordings', 'publish', 'rec-9');
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('there is no recording rec-9'),
    ]);
    const asked = await bbb('recordings', 'delete', 'rec-1');
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('Give --yes')]);
    const dry = await bbb('recordings', 'prune', '--older-than', '1', '--dry-run');
    expect(dry.stdout).toBe('rec-1: would be deleted\n1 recording\n');
    const pruned = await bbb('recordings', 'prune', '--older-than', '1', '--yes');
    expect(pruned.stdout).toBe('rec-1: deleted\n1 recording\n');
    expect(namesIn(inFolder('published', 'presentation'))).toEqual([]);
    expect((await bbb('deliveries', 'list', '--json')).stdout).toBe('[]\n');
  });

  test('bring files and index together', async () => {
    spool('rec-1');
    spool('rec-2', { published: false });
    expect((await bbb('recordings', 'import', '--once')).code).toBe(0);
    // What is served must not hold what is hidden.
    mkdirSync(inFolder('published', 'video', 'rec-2'), { recursive: true });
    expect((await bbb('recordings', 'fix')).stdout).toBe('rec-2: moved\n1 recording\n');
    expect(namesIn(inFolder('published', 'video'))).toEqual([]);
    rmSync(inFolder('unpublished', 'video'), { recursive: true });
    for (const name of readdirSync(folder)) {
      if (name.startsWith('gateway.db')) rmSync(join(folder, name));
    }
    const { code, stdout } = await bbb('recordings', 'reindex');
    expect([code, stdout]).toEqual([0, 'rec-1: indexed\nrec-2: indexed\n2 recordings\n']);
    const listed = JSON.parse((await bbb('recordings', 'list', '--json')).stdout) as {
      recordings: { record_id: string; state: string }[];
    };
    expect(listed.recordings.map((one) => [one.record_id, one.state])).toEqual([
      ['rec-1', 'published'],
      ['rec-2', 'unpublished'],
    ]);
    await bbb('tenants', 'add', 'school-a', 's1');
    const given = await bbb('recordings', 'add-to-tenant', 'school-a');
    expect(given.stdout).toBe('school-a: 2 recordings\n');
  });
});

describe('a gateway with recordings that is killed', () => {
  const files = Object.fromEntries(
    Array.from({ length: 400 }, (_, i) => [`slide-${i}.png`, Buffer.alloc(20_000, i)]),
  );

  test('105: in the middle of an import finishes it when it is back', async () => {
    const first = await startGateway();
    spool('rec-1', { formats: [{ type: 'presentation', files }, { type: 'video' }] });
    await until('the archive is being unpacked', () => namesIn(inFolder('work')).length > 0);
    await first.running.end('SIGKILL');
    expect(namesIn(inFolder('spool'))).toEqual(['rec-1.tar']);
    const { origin } = await startGateway();
    await until('the recording is there', () => namesIn(inFolder('spool')).length === 0);
    const text = await call(origin, 'getRecordings', 'meetingID=room-1');
    expect(text.match(/<recording>/g)).toHaveLength(1);
    expect(text.match(/<format>/g)).toHaveLength(2);
    expect(readdirSync(inFolder('published', 'presentation', 'rec-1'))).toHaveLength(401);
    expect([namesIn(inFolder('work')), namesIn(inFolder('published', 'video'))]).toEqual([
      [],
      ['rec-1'],
    ]);
  });

  test('105: SIGTERM lets it finish the archive at hand', async () => {
    const { running } = await startGateway();
    spool('rec-1', { formats: [{ type: 'presentation', files }] });
    await until('the archive is being unpacked', () => namesIn(inFolder('work')).length > 0);
    running.child.kill('SIGTERM');
    await until('it has ended', () => running.child.exitCode !== null);
    expect(running.child.exitCode).toBe(0);
    expect([namesIn(inFolder('spool')), namesIn(inFolder('work'))]).toEqual([[], []]);
    expect(readdirSync(inFolder('published', 'presentation', 'rec-1'))).toHaveLength(401);
  });

  test('right after an answered publish and delete has both, and owes what it owed', async () => {
    const first = await startGateway();
    await bbb('servers', 'add', fake.url, fake.secret, '--id', 'bbb1', '--enable');
    await bbb('poll', 'once');
    const ready = encodeURIComponent('http://127.0.0.1:1/ready');
    const query = `name=x&meetingID=room-1&meta_bn-recording-ready-url=${ready}`;
    expect(await call(first.origin, 'create', query)).toContain('SUCCESS');
    for (const id of ['rec-1', 'rec-2']) spool(id);
    await until('both are imported', () => namesIn(inFolder('spool')).length === 0);
    await call(first.origin, 'publishRecordings', 'recordID=rec-1&publish=false');
    await call(first.origin, 'deleteRecordings', 'recordID=rec-2');
    await first.running.end('SIGKILL');
    const { origin } = await startGateway();
    const text = await call(origin, 'getRecordings', 'state=any');
    expect(text).toMatch(/<recordID>rec-1<.*<state>unpublished</);
    expect(text).toMatch(/<recordID>rec-2<.*<state>deleted</);
    expect(namesIn(inFolder('published', 'presentation'))).toEqual([]);
    const owed = JSON.parse((await bbb('deliveries', 'list', '--json')).stdout) as object[];
    expect(owed).toMatchObject([
      { kind: 'recording-ready', state: 'pending' },
      { kind: 'recording-ready', state: 'pending' },
    ]);
    // The meeting is found again too.
    expect(await call(origin, 'getMeetingInfo', 'meetingID=room-1')).toContain('SUCCESS');
  });
});

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)(`a full disk${isRoot ? '' : ' (skipped: needs root)'}`, () => {
  test('during an import loses nothing, and the import goes on when there is room', async () => {
    const disk = inFolder('disk');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    try {
      environment['BALANCER_BBB_RECORDINGS_PUBLISH_DIR'] = join(disk, 'published');
      const big = { 'video.m4v': Buffer.alloc(3_000_000, 1) };
      spool('rec-1', { formats: [{ type: 'video', files: big }] });
      spool('rec-2');
      const full = await bbb('recordings', 'import', '--once');
      expect(full.stdout).toMatch(/rec-1\.tar: left: .*ENOSPC/);
      expect(full.stdout).toContain('rec-2.tar: imported: rec-2');
      expect(namesIn(inFolder('spool'))).toEqual(['rec-1.tar']);
      // Nothing is half there.
      expect(namesIn(join(disk, 'published', 'video'))).toEqual([]);
      const before = JSON.parse((await bbb('recordings', 'list', '--json')).stdout) as object;
      expect(before).toMatchObject({ total: 1 });
      execFileSync('mount', ['-o', 'remount,size=8m', disk]);
      expect((await bbb('recordings', 'import', '--once')).stdout).toContain(
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
    const disk = inFolder('work');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const big = { 'video.m4v': Buffer.alloc(3_000_000, 1) };
      spool('rec-1', { formats: [{ type: 'video', files: big }] });
      const full = await bbb('recordings', 'import', '--once');
      expect([full.code, full.stdout]).toEqual([1, expect.stringMatching(/left: .*ENOSPC/)]);
      expect([namesIn(disk), namesIn(inFolder('spool'))]).toEqual([[], ['rec-1.tar']]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

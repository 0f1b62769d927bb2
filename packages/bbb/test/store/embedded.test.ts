import { execFile, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Sqlite from 'libsql';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { parseAddresses } from '../../src/store/callback-data.ts';
import { DataLockedError, SchemaTooNewError, StorageError } from '../../src/store/errors.ts';
import { MemoryBoard } from '../../src/store/memory-board.ts';
import { Store } from '../../src/store/store.ts';
import { idHashOf } from '../../src/tenants/meeting-names.ts';
import { temporaryFolder as createFolder } from '../temporary-folder.ts';
import { temporaryFolder } from '../temporary.ts';
import { describeCallbackStore } from './callback-conformance.ts';
import { describeBoard, describeStore } from './conformance.ts';
import { describeRecordingStore } from './recording-conformance.ts';

const opened: { store: Store; remove: () => void }[] = [];
afterEach(async () => {
  for (const { store, remove } of opened.splice(0)) {
    await store.close();
    remove();
  }
});

async function openEmpty(): Promise<Store> {
  const { folder, remove } = createFolder();
  const store = await Store.openEmbedded(folder);
  opened.push({ store, remove });
  return store;
}

describeStore('SQLite', openEmpty);
describeRecordingStore('SQLite', openEmpty);
describeCallbackStore('SQLite', openEmpty);

describeBoard('memory', async () => new MemoryBoard());

const script = (folder: string, body: string): string[] => [
  '--conditions=balancer-source',
  '--import',
  'tsx',
  '--input-type=module',
  '-e',
  `import { Store } from '${new URL('../../src/store/store.ts', import.meta.url).href}';
   const folder = ${JSON.stringify(folder)};
   ${body}`,
];

describe('a data directory', () => {
  test('belongs to one process, which is named by what it holds', async () => {
    const folder = temporaryFolder();
    const store = await Store.openEmbedded(folder);
    const body =
      'try { await Store.openEmbedded(folder) } catch (e) { console.log(e.name, e.message) }';
    const { stdout } = await promisify(execFile)(process.execPath, script(folder, body));
    expect(stdout).toContain('DataLockedError');
    expect(stdout).toContain(`${folder}: another process is using this data directory`);
    await store.ping();
    await store.close();
  });

  test('is free as soon as its process is killed, with every answered write in it', async () => {
    const folder = temporaryFolder();
    const body = `
      const store = await Store.openEmbedded(folder);
      for (let i = 0; ; i++) {
        await store.servers.add({ id: 's' + String(i).padStart(6, '0'), url: 'u', secret: 's' }, i);
        console.log(i);
      }`;
    const child = spawn(process.execPath, script(folder, body));
    onTestFinished(() => void child.kill('SIGKILL'));
    let acknowledged = -1;
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (text: Buffer) => {
        acknowledged = Number(String(text).trim().split('\n').at(-1));
        if (acknowledged >= 20) resolve();
      });
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    const store = await Store.openEmbedded(folder);
    expect((await store.servers.list()).length).toBeGreaterThanOrEqual(acknowledged);
    await store.close();
  });

  test('of an older program gets what it lacks, also for the meetings that run', async () => {
    const folder = temporaryFolder();
    const key = { scope: '', meeting_id: 'm1' };
    const before = await Store.openEmbedded(folder);
    await before.meetings.insert({
      ...key,
      server_id: 'bbb1',
      tenant_id: '',
      moderator_pw: 'pw',
      voice_bridge: '1',
      status: 'active',
      created_at_ms: 1,
      last_seen_at_ms: 1,
    });
    await before.close();
    const db = new Sqlite(join(folder, 'gateway.db'));
    db.exec(`drop index gw_meetings_id_hash; drop index gw_callback_data_id_hash;
      alter table gw_meetings drop column id_hash; alter table callback_data drop column id_hash;
      update gw_meta set value = '3' where key = 'schema_version'`);
    db.close();
    const store = await Store.openEmbedded(folder);
    expect(await store.meetings.findByHash(idHashOf(key))).toMatchObject(key);
    await store.close();
  });

  test('has nobody who leads or works any more once it is opened again', async () => {
    const folder = temporaryFolder();
    const times = { nowMs: 1000, forMs: 3_600_000 };
    const before = await Store.openEmbedded(folder);
    await before.leases.acquire({ name: 'poller', owner: 'dead' }, times);
    await before.recordingWork.claim({ recordId: 'rec-1', owner: 'dead' }, times);
    await before.close();
    const store = await Store.openEmbedded(folder);
    expect(await store.leases.acquire({ name: 'poller', owner: 'new' }, times)).toMatchObject({
      fence: 2,
    });
    expect(await store.recordingWork.abandoned(1000)).toEqual(['rec-1']);
    await store.close();
  });

  test('is readable by its owner only', async () => {
    const folder = join(temporaryFolder(), 'made');
    const store = await Store.openEmbedded(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'gateway.db')).mode & 0o777).toBe(0o600);
    await store.close();
  });

  test('of a newer program is refused, and one that is no directory too', async () => {
    const folder = temporaryFolder();
    await (await Store.openEmbedded(folder)).close();
    const database = new Sqlite(join(folder, 'gateway.db'));
    database.exec(`update gw_meta set value = '99' where key = 'schema_version'`);
    database.close();
    await expect(Store.openEmbedded(folder)).rejects.toThrow(SchemaTooNewError);
    await expect(Store.openEmbedded(folder)).rejects.toThrow('schema version 99');
    await expect(Store.openEmbedded(join(folder, 'gateway.db'))).rejects.toThrow(StorageError);
    expect(DataLockedError.name).toBe('DataLockedError');
  });
});

describe('callback addresses', () => {
  test.each([
    ["---\n:analytics_callback_url: https://a/b?c=d\n:recording_ready_url: 'http://r''s'\n"],
    ['---\nanalytics_callback_url: "https://a/b?c=d"\nrecording_ready_url: http://r\'s\n'],
  ])('are read from the flat forms that Scalelite writes: %j', (text) => {
    expect(parseAddresses(text)).toEqual({
      analyticsCallbackUrl: 'https://a/b?c=d',
      recordingReadyUrl: "http://r's",
    });
  });

  test.each([
    '--- !ruby/object:Kernel {}\n',
    ':analytics_callback_url: !ruby/x y\n',
    ':recording_ready_url: "\n',
    '',
  ])('of any other form are none: %j', (text) => {
    expect(parseAddresses(text)).toEqual({});
  });
});

/**
 * A gateway in a process of its own, so that the load generator's work is not counted as its own. It
 * fills its data as it is told, and then answers questions about its memory. Plain JavaScript on the
 * built packages, as an installed gateway runs, so that no loader of TypeScript counts.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultBbbConfig, Gateway } from '@balancer/bbb';
import { Secret } from '@balancer/kit';
import { fillRecordings } from './fill-recordings.mjs';

/** @type {import('./bench-gateway.ts').BenchSetup} */
const setup = JSON.parse(process.argv[2]);
const directory = mkdtempSync(join(tmpdir(), 'balancer-bbb-bench-'));
const gateway = await Gateway.open({
  config: defaultBbbConfig({
    data_dir: directory,
    secrets: [new Secret(setup.secret)],
    bind: '127.0.0.1',
    port: 0,
    admin_port: 0,
    poll_interval: 3_600_000,
    recordings_import_poll_interval: 3_600_000,
    ...(setup.recordings && {
      recordings_spool_dir: join(directory, 'spool'),
      recordings_work_dir: join(directory, 'work'),
    }),
    ...setup.config,
  }),
});
const { publicPort } = await gateway.start();

const { store } = gateway.context;
const nowMs = Date.now();
const idOf = (i) => `bbb${String(i).padStart(3, '0')}`;
for (const [i, { url, secret }] of setup.servers.entries()) {
  await store.servers.add({ id: idOf(i), url, secret, state: 'enabled' }, nowMs);
  await store.servers.update(idOf(i), { is_online: 1, load: 0, polled_at_ms: nowMs });
}
for (let i = 0; i < setup.recordCount; i++) {
  await store.meetings.insert({
    scope: '',
    meeting_id: `record-${i}`,
    server_id: idOf(i % setup.servers.length),
    tenant_id: '',
    moderator_pw: 'x',
    voice_bridge: `bench-${i}`,
    status: 'active',
    created_at_ms: nowMs - 1,
    last_seen_at_ms: nowMs,
  });
}
if (setup.recordings) await fillRecordings(store, setup.recordings);
gateway.context.directory.forget();

process.on('message', (message) => {
  if (message === 'usage') {
    process.send({ memoryMiB: process.memoryUsage().rss / 2 ** 20, cpu: process.cpuUsage() });
  } else if (message === 'poll') {
    const startMs = Date.now();
    void gateway.poller.round().then((summary) => process.send({ summary, startMs }));
  } else if (message === 'servers') {
    void store.servers.list().then((servers) => process.send({ servers }));
  } else if (message === 'meetings') {
    void store.meetings.list().then((meetings) => process.send({ meetings }));
  } else {
    void gateway.close().then(() => {
      rmSync(directory, { recursive: true, force: true });
      process.exit(0);
    });
  }
});
process.send({ publicPort });

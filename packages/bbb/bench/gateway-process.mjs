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

/** @type {import('./gateway.bench.ts').BenchSetup} */
const setup = JSON.parse(process.argv[2]);
const startMs = performance.now();
const directory = mkdtempSync(join(tmpdir(), 'balancer-bbb-bench-'));
const gateway = await Gateway.open({
  config: defaultBbbConfig({
    data_dir: directory,
    secrets: [new Secret(setup.secret)],
    bind: '127.0.0.1',
    port: 0,
    admin_port: 0,
    poll_interval: 3_600_000,
  }),
});
const { publicPort } = await gateway.start();
const readyMs = performance.now() - startMs;

const { store } = gateway.context;
const nowMs = Date.now();
for (const [i, { url, secret }] of setup.servers.entries()) {
  const id = `bbb${String(i).padStart(3, '0')}`;
  await store.servers.add({ id, url, secret, state: 'enabled' }, nowMs);
  await store.servers.update(id, { is_online: 1, load: 0, polled_at_ms: nowMs });
}
for (let i = 0; i < setup.recordCount; i++) {
  await store.meetings.insert({
    scope: '',
    meeting_id: `record-${i}`,
    server_id: `bbb${String(i % setup.servers.length).padStart(3, '0')}`,
    tenant_id: '',
    moderator_pw: 'x',
    voice_bridge: `bench-${i}`,
    status: 'active',
    created_at_ms: nowMs - 1,
    last_seen_at_ms: nowMs,
  });
}
gateway.context.directory.forget();

process.on('message', (message) => {
  if (message === 'usage') {
    process.send({ memoryMiB: process.memoryUsage().rss / 2 ** 20, cpu: process.cpuUsage() });
  } else if (message === 'poll') {
    void gateway.poller.round().then((summary) => process.send({ summary }));
  } else {
    void gateway.close().then(() => {
      rmSync(directory, { recursive: true, force: true });
      process.exit(0);
    });
  }
});
process.send({ publicPort, readyMs });

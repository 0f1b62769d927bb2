/** Experiments over several processes, with a Redis of the test's own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { type Running, runHere, startProcess } from '../support.ts';
import { HeldAgent } from './held-agent.ts';
import { type RedisPeer, startRedis } from './redis.ts';

const FILES = ['manifest.json', 'runs.csv', 'steps.csv', 'errors.ndjson'];
const STUDY = `
name = "spread"
runs = 6
[pool]
tokens = ["ETH", "CASH"]
weights = [0.5, 0.5]
value = 2000
[time]
steps = 4_000
[price.ETH]
process = "bootstrap"
source = "prices.csv"
meanBlock = 5
[[agents]]
type = "module"
name = "buyer"
file = "agent.mjs"
[[agents]]
type = "arb.closedForm"
[sweep]
"pool.swapFee" = [0.001, 0.003]
[output]
every = 1000
`;

describe.skipIf(!commandPath('redis-server'))(
  `balancer sim on a queue${skipReason('redis-server')}`,
  () => {
    let redis: RedisPeer;
    let folder: string;
    let agent: HeldAgent;
    let expected: string[];
    const running: Running[] = [];
    const bytesOf = (out: string): string[] =>
      FILES.map((file) => readFileSync(join(folder, out, file), 'utf8'));
    const queueFlags = (queue: string): string[] => [
      '--redis',
      redis.url,
      '--store',
      join(folder, `store-${queue}`),
      '--queue',
      queue,
    ];
    const start = (...args: readonly string[]): Running => {
      const child = startProcess('sim', ...args);
      running.push(child);
      return child;
    };
    const worker = (queue: string, ...more: readonly string[]): Running =>
      start('worker', ...queueFlags(queue), '--threads', '1', ...more);
    const study = (out: string, queue: string): Running =>
      start(
        'run',
        join(folder, 'study.toml'),
        '--out',
        join(folder, out),
        ...queueFlags(queue),
        '--no-report',
        '--format',
        'csv',
      );

    beforeAll(async () => {
      redis = await startRedis();
      folder = mkdtempSync(join(tmpdir(), 'simulation-queue-'));
      writeFileSync(join(folder, 'study.toml'), STUDY);
      agent = new HeldAgent(folder);
      const rows = Array.from({ length: 200 }, (_each, i) => `${i * 300},${100 + 3 * Math.sin(i)}`);
      writeFileSync(join(folder, 'prices.csv'), `timestamp,ETH\n${rows.join('\n')}\n`);
      const alone = await runHere(
        'sim',
        'run',
        join(folder, 'study.toml'),
        '--out',
        join(folder, 'alone'),
        '--workers',
        '0',
        '--no-report',
        '--format',
        'csv',
      );
      if (alone.code !== 0) throw new Error(alone.stderr);
      expected = bytesOf('alone');
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map(async ({ end }) => end('SIGKILL')));
      agent.release();
    });
    afterAll(async () => {
      await redis?.close();
      if (folder) rmSync(folder, { recursive: true });
    });

    test('gives the bytes of an undisturbed run when a worker is killed in the middle of a shard', async () => {
      agent.holdAfter(1);
      const [first, second] = [worker('kill', '--lock', '1'), worker('kill', '--lock', '1')];
      const coordinator = study('kill', 'kill');
      await first.says(/shard \d+ done\nshard \d+ started/);
      await first.end('SIGKILL');
      agent.release();
      expect(await coordinator.end()).toBe(0);
      expect(second.output().stdout).toMatch(/shard \d+ done/);
      expect(bytesOf('kill')).toEqual(expected);
      expect(await second.end('SIGTERM')).toBe(0);
    });

    test('gives them when Redis goes away with everything it held, and comes back', async () => {
      agent.holdAfter(1);
      const only = worker('outage');
      const coordinator = study('outage', 'outage');
      await only.says(/shard \d+ done/);
      await redis.stop();
      await coordinator.says(/Redis at 127\.0\.0\.1:\d+ does not answer/);
      await redis.start();
      await coordinator.says(/is back/);
      agent.release();
      expect(await coordinator.end()).toBe(0);
      expect(bytesOf('outage')).toEqual(expected);
    });

    test('gives them when the coordinator is interrupted and run again; no finished shard is run twice', async () => {
      agent.holdAfter(1);
      const only = worker('again');
      const interrupted = study('again', 'again');
      await only.says(/shard \d+ done/);
      expect(await interrupted.end('SIGINT')).toBe(130);
      agent.release();
      expect(interrupted.output().stderr).toMatch(/go on with: balancer sim run .*--queue again/);
      expect(await study('again', 'again').end()).toBe(0);
      expect(bytesOf('again')).toEqual(expected);
      const done = [...only.output().stdout.matchAll(/shard (\d+) done/g)].map(
        ([, shard]) => shard,
      );
      expect(new Set(done).size).toBe(12);
      expect(done).toHaveLength(12);
    });

    test('reports a shard that fails everywhere with its seed', async () => {
      writeFileSync(agent.path, 'throw new Error("not on this machine");');
      try {
        worker('poison');
        const coordinator = study('poison', 'poison');
        expect(await coordinator.end()).toBe(2);
        expect(coordinator.output().stderr).toMatch(
          /shard \d+ of 12 \(runs \d+, \d+, \.\.\.; seed 1\) failed 3 times: .*not on this machine.*sim run <file> --run \d+ --seed 1/s,
        );
      } finally {
        agent.write();
      }
    });
  },
);

describe('balancer sim on a queue, without what it needs', () => {
  test.each([
    [['worker'], '--redis: give the address of Redis, or set REDIS_URL'],
    [
      ['worker', '--redis', 'redis://localhost'],
      '--store: give a folder or bucket that all workers see',
    ],
    [
      ['worker', '--redis', 'localhost:6379', '--store', 'x'],
      '--redis: must be redis://host:port; got localhost:6379',
    ],
    [
      ['worker', '--redis', 'redis://localhost', '--store', 's3+https://s3.example/b'],
      'a bucket needs AWS_ACCESS_KEY_ID',
    ],
    [['worker', '--threads', '0'], '--threads: must be at least 1'],
  ])('sim %s is refused with 2', async (args, message) => {
    const { code, stderr } = await runHere('sim', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../scripts/system-requirements.ts';
import { type Database, startPostgresql, startRedis } from './databases.ts';
import { configOf, dialTo, type RunningBalancer, startBalancer, until } from './support.ts';

const run = promisify(execFile);

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    // oxlint-disable-next-line no-await-in-loop -- the balancer before the database behind it
    await cleanup();
  }
});

async function balance(database: Database): Promise<RunningBalancer> {
  cleanups.push(database.stop);
  const balancer = await startBalancer(configOf({ servers: [database.address] }));
  cleanups.push(balancer.stop);
  return balancer;
}

describe.skipIf(!commandPath('initdb'))(`PostgreSQL behind us${skipReason('initdb')}`, () => {
  test('takes transactions, large rows in both directions and a cancelled query', async () => {
    const balancer = await balance(await startPostgresql());
    const client = commandPath('psql')!;
    const options = ['-h', '127.0.0.1', '-p', String(balancer.port()), '-U', 'balancer', '-XAtq'];
    const argumentsOf = (commands: readonly string[]): string[] => [
      ...options,
      ...commands.flatMap((command) => ['-c', command]),
      'postgres',
    ];
    const psql = async (...commands: readonly string[]): Promise<string> =>
      (await run(client, argumentsOf(commands), { maxBuffer: 2 ** 26 })).stdout.trim();
    await psql('create table t (id int, body text)');
    // 8 MiB, more than every buffer on the way holds.
    await psql(`insert into t select i, repeat(md5(i::text), 1024) from generate_series(1, 256) i`);
    const sent = await psql('select body from t order by id');
    const wanted = Array.from({ length: 256 }, (_, i) =>
      createHash('md5')
        .update(String(i + 1))
        .digest('hex')
        .repeat(1024),
    );
    expect(sent === wanted.join('\n')).toBe(true);
    expect(
      await psql('begin', "insert into t values (0, 'gone')", 'rollback', 'select count(*) from t'),
    ).toBe('256');
    await Promise.all(
      Array.from({ length: 10 }, (_, i) => psql(`insert into t values (${1000 + i}, 'x')`)),
    );
    expect(await psql('select count(*) from t where id >= 1000')).toBe('10');

    // Ctrl-C of psql asks over a second connection to cancel what the first one runs.
    const sleeper = spawn(client, argumentsOf(['select pg_sleep(600)']), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(sleeper, 'exit');
    let complaint = '';
    sleeper.stderr.on('data', (bytes) => (complaint += String(bytes)));
    const sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    let isSleeping = false;
    // oxlint-disable-next-line no-await-in-loop -- until the server runs it
    while (!isSleeping) isSleeping = (await psql(sleeping)) === '1';
    sleeper.kill('SIGINT');
    await exited;
    expect(complaint).toContain('canceling statement due to user request');
    await until('all connections have ended', () => balancer.plane.open === 0);
    const failed = balancer.records.filter(({ end }) => !/^(client|server)_fin$/.test(end));
    expect(failed).toEqual([]);
  });
});

describe.skipIf(!commandPath('redis-server'))(
  `Redis behind us${skipReason('redis-server')}`,
  () => {
    test('answers ten thousand pipelined commands in order, large values and subscribers', async () => {
      const balancer = await balance(await startRedis());
      const client = await dialTo(balancer.port());
      const answers: Buffer[] = [];
      let receivedBytes = 0;
      client.on('data', (bytes: Buffer) => {
        answers.push(bytes);
        receivedBytes += bytes.length;
      });
      const count = 10_000;
      for (let i = 0; i < count; i++) client.write(`INCR counter\r\n`);
      const numbers = Array.from({ length: count }, (_, i) => `:${i + 1}\r\n`).join('');
      await until('all are answered', () => receivedBytes >= numbers.length);
      expect(Buffer.concat(answers.splice(0)).toString() === numbers).toBe(true);

      const value = randomBytes(4 << 20);
      receivedBytes = 0;
      client.write(`*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$${value.length}\r\n`);
      client.write(value);
      client.write('\r\nGET large\r\n');
      const header = Buffer.from(`+OK\r\n$${value.length}\r\n`);
      await until('it is back', () => receivedBytes >= header.length + value.length + 2);
      const wanted = Buffer.concat([header, value, Buffer.from('\r\n')]);
      expect(Buffer.concat(answers.splice(0)).equals(wanted)).toBe(true);

      const subscriber = await dialTo(balancer.port());
      subscriber.write('SUBSCRIBE news\r\n');
      await once(subscriber, 'data');
      client.write('PUBLISH news hello\r\n');
      expect(String((await once(subscriber, 'data'))[0])).toContain('hello');
      subscriber.end();
      client.end();
      await until('both have ended', () => balancer.plane.open === 0);
    });
  },
);

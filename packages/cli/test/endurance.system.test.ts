import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { askAgainAndAgain } from './load.ts';
import {
  type ProcessSettings,
  type Running,
  startProcessWith,
  temporaryFile,
  until,
} from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function startServer(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => server.close());
  return (server.address() as AddressInfo).port;
}

async function startBalancer(
  settings: ProcessSettings,
  upstreamPort: number,
): Promise<{ readonly running: Running; readonly port: number; readonly file: string }> {
  const { file, remove } = await temporaryFile(
    'config.toml',
    `[frontends.web]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
health_check_interval = 0
[backends.out.servers.one]
addr = "127.0.0.1:${upstreamPort}"
`,
  );
  cleanups.push(remove);
  const running = startProcessWith(settings, 'run', file);
  cleanups.push(() => running.end('SIGKILL'));
  const [, port] = await running.says(/"web":\["127\.0\.0\.1:(\d+)"\].*"msg":"ready"/);
  return { running, port: Number(port), file };
}

/** Has a process collect its garbage and tell what is left, whenever it gets this signal. */
const TELLS_MEMORY = [
  '--expose-gc',
  '--import',
  `data:text/javascript,${encodeURIComponent(`process.on('SIGWINCH', () => {
    gc();
    const { heapUsed, rss } = process.memoryUsage();
    console.log('memory', heapUsed, rss, '.');
  });`)}`,
];

/** Memory that a process with {@link TELLS_MEMORY} needs, in bytes. */
async function memoryOf(running: Running): Promise<{ heap: number; resident: number }> {
  const told = (): RegExpMatchArray[] => [
    ...running.output().stdout.matchAll(/memory (\d+) (\d+) \./g),
  ];
  const before = told().length;
  running.child.kill('SIGWINCH');
  await until('it tells its memory', () => told().length > before);
  const [, heap, resident] = told().at(-1)!;
  return { heap: Number(heap), resident: Number(resident) };
}

/** Connects and waits for the first byte or the end. */
async function meet(port: number): Promise<{ readonly socket: Socket; readonly how: string }> {
  const socket = connect(port, '127.0.0.1');
  const how = await new Promise<string>((resolve) => {
    socket.once('data', () => resolve('served'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.once('close', () => resolve('closed'));
  });
  socket.on('error', () => {});
  return { socket, how };
}

describe('a balancer with 256 descriptors', () => {
  test('resets the clients that it has no room for, and serves again when one leaves', async () => {
    const upstreamPort = await startServer((socket) => socket.write('.'));
    const { running, port } = await startBalancer({ descriptorsMax: 256 }, upstreamPort);
    const met = await Promise.all(Array.from({ length: 400 }, () => meet(port)));
    const served = met.filter(({ how }) => how === 'served');
    // (256 - 128 reserved - 1 listener) / 2.
    expect(served).toHaveLength(63);
    expect(met.filter(({ how }) => how === 'ECONNRESET')).toHaveLength(400 - 63);
    expect((await meet(port)).how).toBe('ECONNRESET');
    served[0]!.socket.destroy();
    await until('the departure is noticed', async () => (await meet(port)).how === 'served');
    for (const { socket } of met) socket.destroy();
    expect(running.output().stderr).not.toContain('EMFILE');
  });
});

describe('a balancer under many short connections', () => {
  test('has as many descriptors afterwards as before', async () => {
    const count = process.env['BALANCER_TEST_LONG'] ? 50_000 : 1500;
    const upstreamPort = await startServer((socket) => socket.end('.'));
    const { running, port } = await startBalancer({}, upstreamPort);
    const descriptors = (): number => readdirSync(`/proc/${running.child.pid}/fd`).length;
    const before = descriptors();
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const { socket, how } = await meet(port);
        socket.destroy();
        expect(how).toBe('served');
      }
    };
    await Promise.all(Array.from({ length: 16 }, work));
    await until('the last sockets are closed', () => descriptors() <= before);
  });
});

describe('a balancer that reloads again and again under load', () => {
  test('fails no connection, and holds no more descriptors and memory afterwards', async () => {
    const isLong = process.env['BALANCER_TEST_LONG'] !== undefined;
    const reloadCount = isLong ? 1000 : 45;
    // By then everything that a reload uses is there, and compiled.
    const settledAfter = isLong ? 200 : 30;
    const upstreamPort = await startServer((socket) => socket.pipe(socket));
    const settings = { nodeOptions: TELLS_MEMORY };
    const { running, port, file } = await startBalancer(settings, upstreamPort);
    const config = await readFile(file, 'utf8');
    const contents = (round: number): string =>
      `${config.replace('[backends.out]', `idle_timeout = "${10 + (round % 5)}m"\n[backends.out]`)}weight = ${1 + round}\nmax_connections = ${1000 + round}\n`;
    const descriptors = (): number => readdirSync(`/proc/${running.child.pid}/fd`).length;
    const before = descriptors();
    const reloads = (): number =>
      running.output().stderr.match(/configuration reloaded/g)?.length ?? 0;
    const reload = async (round: number): Promise<void> => {
      const done = reloads();
      await writeFile(file, contents(round));
      running.child.kill('SIGHUP');
      await until(`reload ${round} takes effect`, () => reloads() > done);
    };
    const traffic = askAgainAndAgain(port, 4);
    let memoryBefore = { heap: 0, resident: 0 };
    for (let round = 1; round <= reloadCount; round++) {
      // oxlint-disable-next-line no-await-in-loop -- one reload after the other
      await reload(round);
      // oxlint-disable-next-line no-await-in-loop -- as above
      if (round === settledAfter) memoryBefore = await memoryOf(running);
    }
    const memory = await memoryOf(running);
    const answers = await traffic.stop();
    expect(answers.length).toBeGreaterThan(reloadCount);
    expect(answers.filter((answer) => answer !== 'ping')).toEqual([]);
    await until('the last sockets are closed', () => descriptors() <= before);
    const [heap, resident] = [
      memory.heap / memoryBefore.heap,
      memory.resident / memoryBefore.resident,
    ];
    process.stdout.write(
      `${reloadCount - settledAfter} reloads: ${heap.toFixed(3)} of the heap, ${resident.toFixed(3)} of the resident memory\n`,
    );
    expect(heap).toBeLessThan(1.05);
    if (isLong) expect(resident).toBeLessThan(1.05);
  }, 1_800_000);
});

describe('a balancer that relays in bulk', () => {
  // Buffers that were allocated for every read would be collected several times per MiB.
  test('collects garbage at most 100 times per GiB', async () => {
    const bytes = (process.env['BALANCER_TEST_LONG'] ? 10 : 1) * 2 ** 30;
    const chunk = Buffer.alloc(1 << 20);
    const upstreamPort = await startServer((socket) => {
      let left = bytes;
      const push = (): void => {
        while (left > 0 && socket.writableLength < chunk.length) {
          left -= chunk.length;
          socket.write(chunk);
        }
        if (left <= 0) socket.end();
      };
      push();
      socket.on('drain', push);
    });
    const { running, port } = await startBalancer({ nodeOptions: ['--trace-gc'] }, upstreamPort);
    const collections = (): number => running.output().stdout.match(/Scavenge/g)?.length ?? 0;
    const before = collections();
    let received = 0;
    const reader = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer: Buffer.alloc(1 << 18),
        callback: (count) => {
          received += count;
          return true;
        },
      },
    });
    await once(reader, 'close');
    expect(received).toBe(bytes);
    expect(collections() - before).toBeLessThanOrEqual((bytes / 2 ** 30) * 100);
  });
});

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import { askAgainAndAgain, exchange } from './load.ts';
import { type Serving, startServing, until } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

const IS_LONG = process.env['BALANCER_TEST_LONG'] !== undefined;

/** Times that the flapping server dies and comes back: for ten minutes in the long form. */
const FLAPS = IS_LONG ? 170 : 4;

/** A server that sends back what it gets, and can die and come back on its port. */
class FlappingServer {
  port = 0;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();

  async listen(): Promise<void> {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      socket.pipe(socket);
    });
    if (this.port === 0) this.port = await freePort();
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async die(): Promise<void> {
    const closed = once(this.server!, 'close');
    this.server!.close();
    for (const socket of this.sockets) socket.resetAndDestroy();
    await closed;
  }
}

/** Sends 1 MiB over one connection again and again, in both directions at once. */
async function sendInBulk(port: number): Promise<void> {
  const bytes = Buffer.alloc(1 << 20, 'x');
  const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
  socket.on('error', () => {});
  socket.resume();
  await closed(socket);
}

/** Holds a connection for as long as the server lives, speaking now and then. */
async function converse(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1', () => socket.write('.'));
  socket.on('error', () => {});
  let exchanges = 0;
  socket.on('data', () => {
    if (++exchanges < 100) socket.write('.');
    else socket.end();
  });
  await closed(socket);
}

/** Resolves when a socket is closed, in whichever way. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

interface Soaked extends Omit<Serving, 'end'> {
  readonly config: string;
}

test('flaps, edits and a new binary under mixed load leave nothing stuck, and memory as it was', async () => {
  const [steady, flapping] = [new FlappingServer(), new FlappingServer()];
  await Promise.all([steady.listen(), flapping.listen()]);
  cleanups.push(() => steady.die());
  const soaked = await start(steady, flapping);
  const { running, statistics } = soaked;
  const [, calmPort] = await running.says(/"calm":\["127\.0\.0\.1:(\d+)"\]/);
  const [, portText] = await running.says(/"web":\["127\.0\.0\.1:(\d+)"\].*"msg":"ready"/);
  const port = Number(portText);
  const stateOfFlapping = async (): Promise<string | undefined> =>
    (await statistics()).backends['out']!.server_stats[`127.0.0.1:${flapping.port}`]?.state;

  let isRunning = true;
  cleanups.push(async () => void (isRunning = false));
  let answered = 0;
  const again = async (work: () => Promise<unknown>): Promise<void> => {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    while (isRunning) await work();
  };
  const traffic = [
    ...Array.from({ length: 4 }, () =>
      again(async () => {
        if ((await exchange(port)) === 'ping') answered++;
      }),
    ),
    ...Array.from({ length: 2 }, () => again(() => converse(port))),
    again(() => sendInBulk(port)),
  ];
  // What happens to another server, to the file and to the process is no concern of these.
  const calm = askAgainAndAgain(Number(calmPort), 1);
  let memoryBefore = 0;
  for (let flap = 0; flap < FLAPS; flap++) {
    const pause = IS_LONG ? 1000 : 0;
    const answeredBefore = answered;
    // oxlint-disable no-await-in-loop -- down and up, again and again
    await flapping.die();
    await until('it is seen down', async () => (await stateOfFlapping()) === 'down');
    await until('the other one serves', () => answered > answeredBefore);
    await edit(soaked, flap);
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (flap === Math.floor(FLAPS / 4)) await replaceBinary(soaked);
    await flapping.listen();
    await until('it is seen up', async () => (await stateOfFlapping()) === 'up');
    await new Promise((resolve) => setTimeout(resolve, pause));
    // The heap of the new process finds its size.
    if (flap === Math.floor(FLAPS / 2)) memoryBefore = (await statistics()).process.rss;
    // oxlint-enable no-await-in-loop
  }
  isRunning = false;
  await Promise.all(traffic);
  const answers = await calm.stop();
  expect(answers.length).toBeGreaterThan(FLAPS);
  expect(answers.filter((answer) => answer !== 'ping')).toEqual([]);
  await flapping.die();
  await until('nothing is open', async () => (await statistics()).current_connections === 0);
  const { backends, frontends, process: last } = await statistics();
  expect(backends['out']!.current_connections).toBe(0);
  expect(backends['out']!.queue).toBe(0);
  expect(frontends['web']!.bytes_rx).toBeGreaterThan(0);
  expect(last.pid).not.toBe(running.child.pid);
  process.stdout.write(
    `${FLAPS} flaps: ${answered} answers beside the flapping server, ${answers.length} elsewhere; ${(last.rss / memoryBefore).toFixed(3)} of the memory at half-time\n`,
  );
  if (IS_LONG) expect(last.rss / memoryBefore).toBeLessThan(1.25);
  process.kill(last.pid, 'SIGTERM');
  await until('nobody serves', async () => (await exchange(port)) === 'ECONNREFUSED');
}, 1_800_000);

async function start(steady: FlappingServer, flapping: FlappingServer): Promise<Soaked> {
  const admin = `127.0.0.1:${await freePort()}`;
  const config = `[frontends.web]
listen_addr = "127.0.0.1:${await freePort()}"
backend = "out"
[frontends.calm]
listen_addr = "127.0.0.1:${await freePort()}"
backend = "alone"
[backends.out]
health_check_interval = "200ms"
retry_delay = "20ms"
[backends.out.health]
fast_interval = "50ms"
[backends.out.servers.steady]
addr = "127.0.0.1:${steady.port}"
weight = 1
[backends.out.servers.flapping]
addr = "127.0.0.1:${flapping.port}"
[backends.alone]
health_check_interval = 0
[backends.alone.servers.steady]
addr = "127.0.0.1:${steady.port}"
[stats]
listen_addr = "${admin}"
`;
  const { end, ...serving } = await startServing(config, admin);
  cleanups.push(end);
  return { ...serving, config };
}

/** A mistake that is refused, and its correction. */
async function edit({ file, config, statistics }: Soaked, round: number): Promise<void> {
  const error = async (): Promise<string | null> => (await statistics()).process.config_error;
  await writeFile(file, config.replace('weight = 1', 'weight = -1'));
  await until('the mistake is refused', async () => (await error()) !== null);
  const weight = 1 + (round % 2);
  await writeFile(file, config.replace('weight = 1', `weight = ${weight}`));
  await until('the correction is taken', async () => (await error()) === null);
}

/** Another process takes over the sockets; the admin listener is nobody's for a moment. */
async function replaceBinary({ running, statistics }: Soaked): Promise<void> {
  running.child.kill('SIGUSR2');
  await running.says(/a new process has taken over/);
  await until('the new process answers', () =>
    statistics().then(
      (document) => document.process.pid !== running.child.pid,
      () => false,
    ),
  );
}

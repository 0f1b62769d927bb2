import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Statistics } from '@balancer/lb';
import { freePort } from '@balancer/kit';
import { exchange } from './load.ts';
import { residentBytes, startProcess, temporaryFile, until } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

const IS_LONG = process.env['BALANCER_TEST_LONG'] !== undefined;

/** Times that the flapping server dies and comes back, one second each in the long form. */
const FLAPS = IS_LONG ? 300 : 4;

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
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    ({ port: this.port } = this.server.address() as AddressInfo);
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

test('mixed load on a server that flaps leaves nothing stuck and memory as it was', async () => {
  const [steady, flapping] = [new FlappingServer(), new FlappingServer()];
  await Promise.all([steady.listen(), flapping.listen()]);
  cleanups.push(() => steady.die());
  const admin = `127.0.0.1:${await freePort()}`;
  const { file, remove } = await temporaryFile(
    'config.toml',
    `[frontends.web]
listen_addr = "127.0.0.1:0"
backend = "out"
[backends.out]
health_check_interval = "200ms"
retry_delay = "20ms"
[backends.out.health]
fast_interval = "50ms"
[backends.out.servers.steady]
addr = "127.0.0.1:${steady.port}"
[backends.out.servers.flapping]
addr = "127.0.0.1:${flapping.port}"
[stats]
listen_addr = "${admin}"
`,
  );
  cleanups.push(remove);
  const running = startProcess('run', file);
  cleanups.push(() => running.end('SIGKILL'));
  const [, portText] = await running.says(/"web":\["127\.0\.0\.1:(\d+)"\].*"msg":"ready"/);
  const port = Number(portText);
  const statistics = async (): Promise<Statistics> =>
    (await (await fetch(`http://${admin}/stats.json`)).json()) as Statistics;
  const stateOfFlapping = async (): Promise<string | undefined> =>
    (await statistics()).backends['out']!.server_stats[`127.0.0.1:${flapping.port}`]?.state;

  let isRunning = true;
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
  let rssBefore = 0;
  for (let flap = 0; flap < FLAPS; flap++) {
    const pause = IS_LONG ? 1000 : 0;
    const answeredBefore = answered;
    // oxlint-disable no-await-in-loop -- down and up, again and again
    await flapping.die();
    await until('it is seen down', async () => (await stateOfFlapping()) === 'down');
    await until('the other one serves', () => answered > answeredBefore);
    await new Promise((resolve) => setTimeout(resolve, pause));
    await flapping.listen();
    await until('it is seen up', async () => (await stateOfFlapping()) === 'up');
    await new Promise((resolve) => setTimeout(resolve, pause));
    // oxlint-enable no-await-in-loop
    // The heap finds its size in the first tenth.
    if (flap === Math.floor(FLAPS / 10)) rssBefore = residentBytes(running);
  }
  isRunning = false;
  await Promise.all(traffic);
  await flapping.die();
  await until('nothing is open', async () => (await statistics()).current_connections === 0);
  const { backends, frontends } = await statistics();
  expect(backends['out']!.current_connections).toBe(0);
  expect(backends['out']!.queue).toBe(0);
  expect(frontends['web']!.bytes_rx).toBeGreaterThan(0);
  if (IS_LONG) expect(residentBytes(running) / rssBefore).toBeLessThan(1.25);
  expect(await running.end('SIGTERM')).toBe(0);
}, 1_800_000);

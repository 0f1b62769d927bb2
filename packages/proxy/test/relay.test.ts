import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  configOf,
  dialTo,
  ending,
  type Ending,
  fetchAll,
  holdTime,
  type RunningBalancer,
  startBalancer,
  startEcho,
  startUpstream,
  until,
  type Upstream,
} from './support.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function withServer(
  onConnection: (socket: Socket) => void,
  frontend = '',
): Promise<{ balancer: RunningBalancer; upstream: Upstream }> {
  const upstream = await startUpstream(onConnection);
  const balancer = await startBalancer(configOf({ servers: [upstream.address], frontend }));
  cleanups.push(balancer.stop, upstream.close);
  return { balancer, upstream };
}

/** Clients that stop reading. */
const STALLED = process.env['BALANCER_TEST_LONG'] ? 100 : 20;

describe('relay', () => {
  test('delivers a greeting before the client has said anything', async () => {
    const { balancer } = await withServer((socket) => socket.end('220 ready'));
    const { received, how } = await fetchAll(balancer.port());
    expect(received.toString()).toBe('220 ready');
    expect(how).toBe('fin');
  });

  test('delivers an answer that comes after the client has finished sending', async () => {
    const { balancer } = await withServer((socket) => {
      let request = '';
      socket.on('data', (chunk) => (request += String(chunk)));
      socket.on('end', () => setTimeout(() => socket.end(`answer to ${request}`), 300));
    });
    const client = await dialTo(balancer.port());
    client.end('12345');
    const { received, how } = await ending(client);
    expect(received.toString()).toBe('answer to 12345');
    expect(how).toBe('fin');
    expect(await balancer.record()).toMatchObject({ end: 'client_fin', bytes_tx: 5, bytes_rx: 15 });
  });

  test('takes what the client sends after the server has finished sending', async () => {
    let request = '';
    const { balancer } = await withServer((socket) => {
      socket.end('bye');
      socket.on('data', (chunk) => (request += String(chunk)));
    });
    const client = await dialTo(balancer.port());
    const { received } = await ending(client);
    expect(received.toString()).toBe('bye');
    client.end('late');
    await until('the late bytes arrive', () => request === 'late');
    expect((await balancer.record()).end).toBe('server_fin');
  });

  test('passes a reset of the client on to the server at once', async () => {
    let atServer: Promise<Ending> | undefined;
    const { balancer } = await withServer((socket) => {
      socket.write('hello');
      atServer = ending(socket);
    });
    const client = await dialTo(balancer.port());
    await once(client, 'data');
    client.resetAndDestroy();
    expect((await atServer)?.how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('client_reset');
  });

  test('passes a reset of the server on to the client at once', async () => {
    const { balancer, upstream } = await withServer((socket) => socket.write('hello'));
    const client = await dialTo(balancer.port());
    await once(client, 'data');
    for (const socket of upstream.sockets) socket.resetAndDestroy();
    const { how } = await ending(client);
    expect(how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('server_reset');
  });

  test('relays writes of random sizes both ways without a changed byte', async () => {
    const echo = await startEcho();
    const balancer = await startBalancer(configOf({ servers: [echo.address] }));
    cleanups.push(balancer.stop, echo.close);
    const writeCount = process.env['BALANCER_TEST_LONG'] ? 12_500 : 250;
    const exchanges = Array.from({ length: 8 }, async () => {
      const client = await dialTo(balancer.port());
      const sent = createHash('sha256');
      const got = createHash('sha256');
      let sentBytes = 0;
      let gotBytes = 0;
      client.on('data', (chunk: Buffer) => {
        got.update(chunk);
        gotBytes += chunk.length;
      });
      const pool = randomBytes(1 << 20);
      for (let i = 0; i < writeCount; i++) {
        // Small and large writes alike: the exponent is uniform.
        const size = Math.max(1, Math.floor(2 ** (Math.random() * 17)));
        const chunk = pool.subarray(0, size);
        sent.update(chunk);
        sentBytes += size;
        // oxlint-disable-next-line no-await-in-loop -- backpressure
        if (!client.write(chunk)) await once(client, 'drain');
      }
      client.end();
      await once(client, 'end');
      expect(gotBytes).toBe(sentBytes);
      expect(got.digest('hex')).toBe(sent.digest('hex'));
      return sentBytes;
    });
    const totals = await Promise.all(exchanges);
    const total = totals.reduce((sum, bytes) => sum + bytes, 0);
    await until('all connections are closed', () => balancer.plane.open === 0);
    const { counters } = balancer.loadBalancer.frontends.get('in')!;
    expect([counters.bytesTx, counters.bytesRx]).toEqual([total, total]);
    expect(balancer.records.map((record) => record.end)).toEqual(Array(8).fill('client_fin'));
  });

  test('stops reading from a server whose client does not read', async () => {
    const chunk = Buffer.alloc(1 << 20, 7);
    let written = 0;
    const push = (socket: Socket): void => {
      while (socket.writableLength === 0) {
        written += chunk.length;
        socket.write(chunk);
      }
    };
    const { balancer, upstream } = await withServer((socket) => {
      push(socket);
      socket.on('drain', () => push(socket));
    });
    const { counters } = balancer.loadBalancer.frontends.get('in')!;
    const bytesBefore = ownBytes();
    const clients = await Promise.all(
      Array.from({ length: STALLED }, () => dialTo(balancer.port())),
    );
    for (const client of clients) client.pause();
    let last = '';
    await until('the servers are stalled', () => {
      const now = `${written} ${counters.bytesRx}`;
      const stalled = now === last;
      last = now;
      return stalled && upstream.sockets.size === STALLED && counters.bytesRx > 0;
    });
    // What is on its way sits in the kernel; our share is a buffer of 64 KiB per direction.
    expect(ownBytes() - bytesBefore).toBeLessThan(64 << 20);
    const relayed = counters.bytesRx;
    clients[0]!.resume();
    await until('a reader that goes on gets more', () => counters.bytesRx > relayed + (4 << 20));
    for (const client of clients) client.resetAndDestroy();
    await until('all connections are closed', () => balancer.plane.open === 0);
  });
});

/** Memory of this thread alone, which others of the process are none of. */
function ownBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('timeouts', () => {
  test('resets a connection on which nothing happened for idle_timeout', async () => {
    const time = holdTime();
    const { balancer, upstream } = await withServer(() => {}, 'idle_timeout = "300ms"');
    const client = await dialTo(balancer.port());
    const ended = ending(client);
    await until('the server is reached', () => upstream.sockets.size === 1);
    await time.advance(299);
    expect(balancer.plane.open).toBe(1);
    // A tick of the wheel is 50 ms, and it may be two late.
    await time.advance(101);
    expect((await ended).how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('idle_timeout');
  });

  test('counts the idle time from the last byte in either direction', async () => {
    const time = holdTime();
    const { balancer } = await withServer((socket) => socket.resume(), 'idle_timeout = "300ms"');
    const { counters } = balancer.loadBalancer.frontends.get('in')!;
    const client = await dialTo(balancer.port());
    const ended = ending(client);
    for (let bytes = 1; bytes <= 9; bytes++) {
      client.write('x');
      // oxlint-disable-next-line no-await-in-loop -- a byte, and then a third of the idle time
      await until('it is relayed', () => counters.bytesTx === bytes);
      // oxlint-disable-next-line no-await-in-loop -- as above
      await time.advance(100);
    }
    expect(balancer.plane.open).toBe(1);
    await time.advance(300);
    expect((await ended).how).toBe('ECONNRESET');
  });

  test('ends a half-closed connection whose other side stays silent', async () => {
    const { balancer } = await withServer(
      (socket) => socket.resume(),
      'half_close_timeout = "200ms"',
    );
    const client = await dialTo(balancer.port());
    client.end('request');
    expect((await ending(client)).how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('half_close_timeout');
  });

  test('ends a connection at max_connection_age however busy it is', async () => {
    const { balancer } = await withServer(
      (socket) => socket.resume(),
      'max_connection_age = "200ms"',
    );
    const client = await dialTo(balancer.port());
    const timer = setInterval(() => client.write('x'), 20);
    const { how } = await ending(client);
    clearInterval(timer);
    expect(how).toMatch(/ECONNRESET|EPIPE/);
    expect((await balancer.record()).end).toBe('max_age');
  });

  test('has the system watch over both sides of a connection that lasts', async () => {
    const { balancer, upstream } = await withServer((socket) => void socket.resume());
    const client = await dialTo(balancer.port());
    await until('the server is reached', () => upstream.sockets.size === 1);
    const [accepted] = upstream.sockets;
    // Our ends: the one that the client reached, and the one that reached the server.
    const ports = [client.localPort!, accepted!.remotePort!] as const;
    await until('keep-alive probes are planned on both', () => {
      return watched({ remote: ports[0] }) && watched({ local: ports[1] });
    });
    expect(balancer.plane.open).toBe(1);
    client.destroy();
  });
});

/** Does the kernel plan keep-alive probes on this end of a connection? */
function watched({
  local,
  remote,
}: {
  readonly local?: number;
  readonly remote?: number;
}): boolean {
  const portOf = (endpoint: string): number => Number.parseInt(endpoint.split(':')[1]!, 16);
  return readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim().split(/\s+/))
    .some(
      ([, from, to, , , timer]) =>
        (local === undefined ? portOf(to!) === remote : portOf(from!) === local) &&
        // The kind of the running timer: 2 is keep-alive.
        timer!.startsWith('02:'),
    );
}

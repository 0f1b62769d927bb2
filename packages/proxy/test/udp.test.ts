import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { freePort } from '@balancer/kit';
import { parseProxyHeader } from '@balancer/lb';
import { afterEach, describe, expect, test } from 'vitest';
import { configOf, holdTime, type RunningBalancer, startBalancer, until } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function open(
  onMessage?: (bytes: Buffer, from: RemoteInfo, socket: Socket) => void,
): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('error', () => {});
  if (onMessage) socket.on('message', (bytes, from) => onMessage(bytes, from, socket));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanups.push(async () => closeQuietly(socket));
  return socket;
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // A test closed it already.
  }
}

function addressOf(socket: Socket): string {
  return `127.0.0.1:${socket.address().port}`;
}

/** Answers every datagram with a name and the datagram. */
function startNamed(name: string): Promise<Socket> {
  return open((bytes, from, socket) => {
    socket.send(Buffer.concat([Buffer.from(name), bytes]), from.port, from.address);
  });
}

async function balance(
  servers: readonly string[],
  { frontend = '', backend = '' } = {},
): Promise<RunningBalancer> {
  const toml = configOf({ servers, frontend: `protocol = "udp"\n${frontend}`, backend });
  const balancer = await startBalancer(toml);
  cleanups.push(balancer.stop);
  return balancer;
}

async function ask(client: Socket, port: number, bytes: string | Buffer): Promise<Buffer> {
  const answer = once(client, 'message', { signal: AbortSignal.timeout(60_000) });
  client.send(bytes, port, '127.0.0.1');
  return ((await answer) as [Buffer])[0];
}

describe('UDP', () => {
  test('datagrams from 0 to 65507 bytes keep their boundaries', async () => {
    const server = await startNamed('');
    const balancer = await balance([addressOf(server)]);
    const client = await open();
    for (const size of [0, 1, 512, 1472, 9000, 65_507]) {
      const bytes = randomBytes(size);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect((await ask(client, balancer.port(), bytes)).equals(bytes)).toBe(true);
    }
    const { udp, bytesRx } = balancer.loadBalancer.frontends.get('in')!.counters;
    expect([udp.datagramsTx, udp.datagramsRx, bytesRx]).toEqual([6, 6, 76_492]);
  });

  test('a client stays with its server, and clients share the servers', async () => {
    const servers = await Promise.all([startNamed('A'), startNamed('B')]);
    const balancer = await balance(servers.map(addressOf));
    const clients = await Promise.all(Array.from({ length: 4 }, () => open()));
    const answers: string[] = [];
    for (const client of clients) {
      for (let i = 0; i < 2; i++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        answers.push(String(await ask(client, balancer.port(), '.')));
      }
    }
    expect(answers.join(' ')).toBe('A. A. B. B. A. A. B. B.');
    expect(balancer.plane.open).toBe(4);
  });

  test('a session ends after idle_timeout without a datagram', async () => {
    const time = holdTime();
    const server = await startNamed('A');
    const frontend = '[frontends.in.udp]\nidle_timeout = "150ms"';
    const balancer = await balance([addressOf(server)], { frontend });
    await ask(await open(), balancer.port(), '.');
    await time.advance(149);
    expect(balancer.plane.open).toBe(1);
    await time.advance(101);
    expect(await balancer.record()).toMatchObject({
      end: 'idle_timeout',
      bytes_tx: 1,
      bytes_rx: 2,
    });
    expect(balancer.plane.open).toBe(0);
  });

  test('max_responses ends the session, so that a small question has one answer at most', async () => {
    const chatty = await open((bytes, from, socket) => {
      for (let i = 0; i < 5; i++) socket.send(bytes, from.port, from.address);
    });
    const frontend = '[frontends.in.udp]\nmax_responses = 2';
    const balancer = await balance([addressOf(chatty)], { frontend });
    let answers = 0;
    const client = await open(() => answers++);
    client.send('.', balancer.port(), '127.0.0.1');
    expect((await balancer.record()).end).toBe('server_fin');
    await until('both answers arrive', () => answers === 2);
    expect(balancer.loadBalancer.frontends.get('in')!.counters.udp.datagramsRx).toBe(2);
  });

  test('max_requests sends the next datagram to another server, and answers still come', async () => {
    const servers = await Promise.all([startNamed('A'), startNamed('B')]);
    const frontend = '[frontends.in.udp]\nmax_requests = 1';
    const balancer = await balance(servers.map(addressOf), { frontend });
    const client = await open();
    expect(String(await ask(client, balancer.port(), '.'))).toBe('A.');
    expect(String(await ask(client, balancer.port(), '.'))).toBe('B.');
  });

  test('the least recently active session makes room for a new one', async () => {
    const server = await startNamed('A');
    const frontend = '[frontends.in.udp]\nmax_sessions = 2';
    const balancer = await balance([addressOf(server)], { frontend });
    const [first, second, third] = [await open(), await open(), await open()];
    for (const client of [first, second, first, third]) {
      // oxlint-disable-next-line no-await-in-loop -- the order is what is tested
      await ask(client, balancer.port(), '.');
    }
    const record = await balancer.record();
    expect(record.client).toBe(addressOf(second));
    expect(balancer.loadBalancer.frontends.get('in')!.counters.udp.dropped.evicted).toBe(1);
    expect(balancer.plane.open).toBe(2);
  });

  test('a closed port drops the session, and the next datagram picks again', async () => {
    const deadAddress = `127.0.0.1:${await freePort()}`;
    const live = await startNamed('B');
    const balancer = await balance([deadAddress, addressOf(live)]);
    const client = await open();
    client.send('lost', balancer.port(), '127.0.0.1');
    expect((await balancer.record()).end).toBe('server_reset');
    expect(String(await ask(client, balancer.port(), '.'))).toBe('B.');
    const [server] = balancer.loadBalancer.backends.get('out')!.servers;
    expect(server!.counters.connectFailures.refused).toBe(1);
  });

  test('sessions move to another server when theirs is removed', async () => {
    const servers = await Promise.all([startNamed('A'), startNamed('B')]);
    const balancer = await balance([addressOf(servers[0])]);
    const client = await open();
    expect(String(await ask(client, balancer.port(), '.'))).toBe('A.');
    await balancer.apply(
      configOf({ servers: [addressOf(servers[1])], frontend: 'protocol = "udp"' }),
    );
    expect(String(await ask(client, balancer.port(), '.'))).toBe('B.');
  });

  test('an answer that comes after its frontend was removed goes nowhere, and harms nobody', async () => {
    const heard: RemoteInfo[] = [];
    const server = await open((_bytes, from) => heard.push(from));
    const toml = (name: string): string =>
      configOf({ servers: [addressOf(server)], frontend: 'protocol = "udp"' }).replace(
        '[frontends.in]',
        `[frontends.${name}]`,
      );
    const balancer = await startBalancer(toml('in'));
    cleanups.push(balancer.stop);
    const client = await open();
    client.send('question', balancer.port(), '127.0.0.1');
    await until('the server hears it', () => heard.length === 1);
    await balancer.apply(toml('other'));
    const [from] = heard;
    server.send('answer', from!.port, from!.address);
    const [traffic] = balancer.loadBalancer.backends.get('out')!.servers;
    await until('the answer comes', () => traffic!.counters.bytesRx === 6);
    client.send('question', balancer.port('other'), '127.0.0.1');
    await until('the server hears the next', () => heard.length === 2);
    expect(balancer.plane.open).toBe(2);
  });

  test('every datagram to a server may start with a PROXY header', async () => {
    const heard: Buffer[] = [];
    const server = await open((bytes) => heard.push(bytes));
    const balancer = await balance([addressOf(server)], { backend: 'send_proxy_protocol = "v2"' });
    const client = await open();
    client.send('one', balancer.port(), '127.0.0.1');
    client.send('two', balancer.port(), '127.0.0.1');
    await until('both arrive', () => heard.length === 2);
    for (const [index, bytes] of heard.entries()) {
      const parsed = parseProxyHeader(bytes, 'v2');
      expect(bytes[13]).toBe(0x12);
      expect(parsed).toMatchObject({
        header: { endpoints: { source: { ip: '127.0.0.1', port: client.address().port } } },
      });
      const headerBytes = parsed.state === 'done' ? parsed.headerBytes : 0;
      expect(bytes.toString('utf8', headerBytes)).toBe(index === 0 ? 'one' : 'two');
    }
  });

  test('datagrams of denied clients, and those without a server, are dropped and counted', async () => {
    const server = await startNamed('A');
    const balancer = await balance([addressOf(server)], { frontend: 'deny = ["127.0.0.1"]' });
    const client = await open();
    const { counters } = balancer.loadBalancer.frontends.get('in')!;
    client.send('.', balancer.port(), '127.0.0.1');
    await until('it is counted', () => counters.udp.dropped.acl === 1);
    await balancer.apply(configOf({ servers: [addressOf(server)], frontend: 'protocol = "udp"' }));
    balancer.loadBalancer.backends.get('out')!.servers[0]!.setAdminState('maint');
    client.send('.', balancer.port(), '127.0.0.1');
    await until('it is counted', () => counters.udp.dropped.no_backend === 1);
    expect(balancer.plane.open).toBe(0);
  });
});

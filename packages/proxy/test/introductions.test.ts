import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { freePort } from '@balancer/kit';
import { writeProxyV1, writeProxyV2 } from '@balancer/lb';
import { afterEach, describe, expect, test } from 'vitest';
import {
  configOf,
  dialTo,
  ending,
  type Ending,
  fetchAll,
  type RunningBalancer,
  startBalancer,
  startEcho,
  startNamed,
  startUpstream,
  until,
} from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function start(toml: string): Promise<RunningBalancer> {
  const balancer = await startBalancer(toml);
  cleanups.push(balancer.stop);
  return balancer;
}

async function startEchoing(frontend: string, backend = ''): Promise<RunningBalancer> {
  const echo = await startEcho();
  cleanups.push(echo.close);
  return start(configOf({ servers: [echo.address], frontend, backend }));
}

/** Sends the pieces one by one, each in a segment of its own, then finishes. */
async function send(port: number, pieces: readonly (string | Uint8Array)[]): Promise<Ending> {
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const ended = ending(client);
  for (const piece of pieces) {
    if (client.destroyed) break;
    // oxlint-disable-next-line no-await-in-loop -- one segment after the other
    await new Promise((resolve) => client.write(piece, resolve));
  }
  client.end();
  return ended;
}

const ENDPOINTS = {
  source: { ip: '192.168.0.1', port: 56_324 },
  destination: { ip: '192.168.0.11', port: 443 },
};
const EXPECT_ANY = 'proxy_protocol = "any"\nproxy_protocol_trusted = ["127.0.0.0/8"]';

describe('a PROXY header from a client', () => {
  test.each([
    ['v1', writeProxyV1(ENDPOINTS)],
    ['v2', writeProxyV2(ENDPOINTS, { checksum: true, tlvs: { authority: 'a.example' } })],
  ])('of %s is read one byte at a time and not forwarded', async (_name, header) => {
    const balancer = await startEchoing(EXPECT_ANY);
    const { received, how } = await send(
      balancer.port(),
      [...header].map((b) => Uint8Array.of(b)),
    );
    expect([received.toString(), how]).toEqual(['', 'fin']);
    expect((await balancer.record()).proxy_src).toBe('192.168.0.1:56324');
  });

  test('may share a segment with the payload', async () => {
    const balancer = await startEchoing(EXPECT_ANY);
    const bytes = Buffer.concat([writeProxyV2(ENDPOINTS), Buffer.from('payload')]);
    expect((await send(balancer.port(), [bytes])).received.toString()).toBe('payload');
    expect(await balancer.record()).toMatchObject({ end: 'client_fin', bytes_rx: 7 });
  });

  test.each([
    ['malformed', EXPECT_ANY, 'GET / HTTP/1.0\r\n\r\n'],
    [
      'of the other version',
      'proxy_protocol = "v2"\nproxy_protocol_trusted = ["127.0.0.1"]',
      writeProxyV1(ENDPOINTS),
    ],
    [
      'from an untrusted address',
      'proxy_protocol = "any"\nproxy_protocol_trusted = ["10.0.0.0/8"]',
      writeProxyV1(ENDPOINTS),
    ],
  ])('that is %s resets the client, and no server hears of it', async (_name, frontend, bytes) => {
    const balancer = await startEchoing(frontend);
    expect((await send(balancer.port(), [bytes])).how).toMatch(/ECONNRESET|EPIPE/);
    expect((await balancer.record()).end).toBe('preread');
    expect(balancer.loadBalancer.frontends.get('in')!.counters.refused.preread).toBe(1);
    expect(balancer.loadBalancer.backends.get('out')!.servers[0]!.counters.total).toBe(0);
  });

  test('that does not come within preread_timeout resets the client', async () => {
    const balancer = await startEchoing(`${EXPECT_ANY}\npreread_timeout = "200ms"`);
    const client = await dialTo(balancer.port());
    client.write('PROXY TCP4');
    expect((await ending(client)).how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('preread');
  });
});

describe('a PROXY header to a server', () => {
  test.each(['v1', 'v2'])('of %s carries the client through two balancers', async (version) => {
    const echo = await startEcho();
    cleanups.push(echo.close);
    const inner = await start(
      configOf({
        servers: [echo.address],
        frontend: `proxy_protocol = "${version}"\nproxy_protocol_trusted = ["127.0.0.1"]`,
      }),
    );
    const outer = await start(
      configOf({
        servers: [`127.0.0.1:${inner.port()}`],
        backend: `send_proxy_protocol = "${version}"\nproxy_protocol_tlv = ["crc32c", "unique_id"]`,
      }),
    );
    const client = await dialTo(outer.port(), '127.0.0.1', '127.0.0.7');
    const { localPort } = client;
    const ended = ending(client);
    client.end('through both');
    expect((await ended).received.toString()).toBe('through both');
    expect((await inner.record()).proxy_src).toBe(`127.0.0.7:${localPort}`);
  });

  test('comes before any payload and after a failed server', async () => {
    const heard = startHearing();
    const upstream = await heard.upstream;
    cleanups.push(upstream.close);
    const dead = `127.0.0.1:${await freePort()}`;
    const balancer = await start(
      configOf({
        servers: [dead, upstream.address],
        backend: 'send_proxy_protocol = "v1"',
      }),
    );
    await send(balancer.port(), ['hello']);
    await until('the server has heard it all', () => heard.text().endsWith('hello'));
    expect(heard.text()).toMatch(/^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello$/);
  });
});

describe('the server name of a ClientHello', () => {
  const RANDOM = '11'.repeat(32);
  const HELLO = Buffer.from(
    `16030100430100003f0303${RANDOM}00000213010100001400000010000e00000b6578616d706c652e636f6d`,
    'hex',
  );

  async function startRouting(backend: string): Promise<RunningBalancer> {
    const [echo, other] = [await startEcho(), await startNamed('other')];
    cleanups.push(echo.close, other.close);
    return start(`[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "${backend}"
[[frontends.in.sni]]
hosts = ["*.com"]
backend = "named"
[backends.named]
health_check_interval = 0
[backends.named.servers.s]
addr = "${echo.address}"
[backends.other]
health_check_interval = 0
[backends.other.servers.s]
addr = "${other.address}"
`);
  }

  test('chooses the backend, and the bytes arrive unchanged', async () => {
    const balancer = await startRouting('other');
    const pieces = [...HELLO].map((byte) => Uint8Array.of(byte));
    expect((await send(balancer.port(), pieces)).received).toEqual(HELLO);
    expect(await balancer.record()).toMatchObject({ sni: 'example.com', backend: 'named' });
  });

  test('is missed by plain text, which goes to the backend of the frontend', async () => {
    const balancer = await startRouting('other');
    expect((await send(balancer.port(), ['GET /'])).received.toString()).toBe('other');
    expect(await balancer.record()).toMatchObject({ sni: '', backend: 'other' });
  });

  test('that nobody serves resets the client when there is no backend for the rest', async () => {
    const balancer = await startRouting('');
    expect((await send(balancer.port(), ['GET /'])).how).toMatch(/ECONNRESET|EPIPE/);
    expect((await balancer.record()).end).toBe('no_backend');
  });

  test('is waited for no longer than preread_timeout', async () => {
    const echo = await startEcho();
    cleanups.push(echo.close);
    const sni = 'preread_timeout = "150ms"\n[[frontends.in.sni]]\nhosts = ["a"]\nbackend = "out"';
    const balancer = await start(configOf({ servers: [echo.address], frontend: sni }));
    expect((await fetchAll(balancer.port())).how).toBe('ECONNRESET');
    expect((await balancer.record()).end).toBe('preread');
  });
});

/** A server that notes what it hears. */
function startHearing(): { upstream: ReturnType<typeof startUpstream>; text: () => string } {
  let text = '';
  const onConnection = (socket: Socket): void => {
    socket.on('data', (chunk) => (text += String(chunk)));
    void once(socket, 'end').then(() => socket.end());
  };
  return { upstream: startUpstream(onConnection), text: () => text };
}

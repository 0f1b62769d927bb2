import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '@balancer/kit';
import { commandPath, skipReason } from '../../../scripts/system-requirements.ts';
import { certificateFile } from './certificates.ts';
import {
  configOf,
  dialTo,
  ending,
  listening,
  type RunningBalancer,
  startBalancer,
  startEcho,
  startNamed,
  until,
} from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    // oxlint-disable-next-line no-await-in-loop -- in reverse order of creation
    await cleanup();
  }
});

/** Runs a peer in the foreground with a configuration file, until it listens. */
async function runPeer(
  command: string,
  args: (file: string) => readonly string[],
  { config, port }: { readonly config: string; readonly port: number },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-peer-'));
  const file = join(folder, 'peer.conf');
  await writeFile(file, config);
  const child: ChildProcess = spawn(commandPath(command)!, args(file), {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  cleanups.push(async () => {
    if (child.exitCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await rm(folder, { recursive: true });
  });
  await listening(port);
}

function runHaproxy(config: string, port: number): Promise<void> {
  const preamble = 'defaults\n  timeout connect 2s\n  timeout client 10s\n  timeout server 10s\n';
  return runPeer('haproxy', (file) => ['-db', '-f', file], { config: preamble + config, port });
}

async function start(toml: string): Promise<RunningBalancer> {
  const balancer = await startBalancer(toml);
  cleanups.push(balancer.stop);
  return balancer;
}

/** Asks over HTTP. @returns Our own address and the body of the answer. */
async function askHttp(port: number): Promise<{ readonly own: string; readonly body: string }> {
  const client = await dialTo(port, '127.0.0.1', '127.0.0.9');
  const own = `127.0.0.9:${client.localPort}`;
  const ended = ending(client);
  client.write('GET / HTTP/1.0\r\n\r\n');
  const answer = (await ended).received.toString();
  client.destroy();
  return { own, body: answer.split('\r\n\r\n')[1]?.trim() ?? '' };
}

describe.skipIf(!commandPath('haproxy'))(`with HAProxy${skipReason('haproxy')}`, () => {
  test.each(['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id'])(
    'in front, its "%s" header is understood',
    async (option) => {
      const echo = await startEcho();
      cleanups.push(echo.close);
      const frontend = 'proxy_protocol = "any"\nproxy_protocol_trusted = ["127.0.0.1"]';
      const balancer = await start(configOf({ servers: [echo.address], frontend }));
      const port = await freePort();
      await runHaproxy(
        `listen l\n  mode tcp\n  unique-id-format %{+X}o\\ %ci\n  bind 127.0.0.1:${port}\n  server s 127.0.0.1:${balancer.port()} ${option}\n`,
        port,
      );
      const client = await dialTo(port, '127.0.0.1', '127.0.0.9');
      const { localPort } = client;
      const ended = ending(client);
      client.end('hello');
      expect((await ended).received.toString()).toBe('hello');
      const sources = (): string[] => balancer.records.map(({ proxy_src }) => proxy_src);
      const source = `127.0.0.9:${localPort}`;
      await until('the record is written', () => sources().includes(source));
      expect(sources()).toContain(source);
    },
  );

  test.each(['v1', 'v2'])('behind, it understands our %s header', async (version) => {
    const port = await freePort();
    await runHaproxy(
      `frontend f\n  mode http\n  bind 127.0.0.1:${port} accept-proxy\n  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port]"\n`,
      port,
    );
    const backend = `send_proxy_protocol = "${version}"\nproxy_protocol_tlv = ["crc32c", "unique_id", "authority"]`;
    const balancer = await start(configOf({ servers: [`127.0.0.1:${port}`], backend }));
    const { own, body } = await askHttp(balancer.port());
    expect(body).toBe(own);
  });

  test('routes by server name as it does', async () => {
    const [one, other] = [await startNamed('one'), await startNamed('other')];
    cleanups.push(one.close, other.close);
    const balancer = await start(`[frontends.in]
listen_addr = "127.0.0.1:0"
backend = "other"
[[frontends.in.sni]]
hosts = ["one.example"]
backend = "one"
[backends.one]
health_check_interval = 0
[backends.one.servers.s]
addr = "${one.address}"
[backends.other]
health_check_interval = 0
[backends.other.servers.s]
addr = "${other.address}"
`);
    const port = await freePort();
    await runHaproxy(
      `frontend f
  mode tcp
  bind 127.0.0.1:${port}
  tcp-request inspect-delay 5s
  tcp-request content accept if { req_ssl_hello_type 1 }
  use_backend one if { req_ssl_sni -i one.example }
  default_backend other
backend one
  server s ${one.address}
backend other
  server s ${other.address}
`,
      port,
    );
    for (const name of ['one.example', 'ONE.example', 'two.example']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const [ours, theirs] = [await helloTo(balancer.port(), name), await helloTo(port, name)];
      expect(`${name} ${ours}`).toBe(`${name} ${theirs}`);
    }
  });
});

describe.skipIf(!commandPath('nginx'))(`with nginx${skipReason('nginx')}`, () => {
  test('behind, it understands our v1 and v2 headers through TLS', async () => {
    const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), 'balancer-nginx-'))];
    cleanups.push(() => rm(folder, { recursive: true }));
    const config = `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${port} ssl proxy_protocol;
    ssl_certificate ${certificateFile('one.example.crt')};
    ssl_certificate_key ${certificateFile('one.example.key')};
    location / { default_type text/plain; return 200 "$proxy_protocol_addr:$proxy_protocol_port"; }
  }
}`;
    await runPeer('nginx', (file) => ['-p', folder, '-c', file, '-e', `${folder}/log`], {
      config,
      port,
    });
    for (const version of ['v1', 'v2']) {
      const backend = `send_proxy_protocol = "${version}"
[backends.out.tls]
servername = "one.example"
ca = "${certificateFile('ca.crt')}"`;
      // oxlint-disable-next-line no-await-in-loop -- one version after the other
      const balancer = await start(configOf({ servers: [`127.0.0.1:${port}`], backend }));
      // oxlint-disable-next-line no-await-in-loop -- as above
      const { own, body } = await askHttp(balancer.port());
      expect(body).toBe(own);
    }
  });
});

/** Sends the ClientHello of a real client, for a name. @returns Which server answered. */
async function helloTo(port: number, name: string): Promise<string> {
  const client = await dialTo(port);
  const ended = ending(client);
  client.write(await clientHello(name));
  const answer = (await ended).received.toString();
  client.destroy();
  return answer;
}

function clientHello(name: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _encoding, done) => {
        resolve(bytes);
        done();
      },
    });
    connect({ socket: wire, servername: name }).on('error', () => {});
  });
}

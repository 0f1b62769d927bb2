/**
 * Servers behind full NAT learn who their clients are: nginx by a PROXY header, anyone who looks by a TCP option.
 * Every byte arrives, whatever is lost on the way.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES, type Family } from '../../../../examples/l4-netns/network.ts';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';

type Machine = Lab['machine'];

const NEEDED = ['nginx', 'curl', 'nft', 'tcpdump'] as const;
const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const SKIPPED = NO_ROOT || NEEDED.map((command) => skipReason(command)).join('');
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
const UPLOAD_BYTES = IS_LONG ? 100_000_000 : 10_000_000;
/** Only what hangs gets there. */
const PATIENCE = { timeout: 60_000 };
const LOSSY_REQUESTS = IS_LONG ? 60 : 3;
const FAMILIES: readonly Family[] = [4, 6];
const HOOKS = ['tc', 'xdp'] as const;
/** The address of the client. */
const CLIENT_BYTES = { 4: 'c000020a', 6: '20010db8000c00000000000000000010' } as const;
/** Where packets are lost in the short form. */
const LOSSY_FAMILIES: Readonly<Record<(typeof HOOKS)[number], Family>> = { tc: 4, xdp: 6 };
const CERTIFICATES = fileURLToPath(new URL('../../../proxy/test/certificates/', import.meta.url));

/** Answers uploads with whom nginx took for the client, and a hash of what came. */
const HASHING = `
  require('node:http').createServer((request, response) => {
    const hash = require('node:crypto').createHash('sha256');
    request.on('data', (chunk) => hash.update(chunk));
    request.on('end', () => response.end(request.headers.client + ' ' + hash.digest('hex')));
  }).listen(process.argv[1], () => console.log('ready'));
`;

function nginxConfig(folder: string): string {
  return `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  client_max_body_size 0; proxy_request_buffering off; proxy_http_version 1.1;
  server {
    listen 8090 proxy_protocol; listen [::]:8090 proxy_protocol;
    listen 8443 ssl proxy_protocol; listen [::]:8443 ssl proxy_protocol;
    ssl_certificate ${CERTIFICATES}one.example.crt;
    ssl_certificate_key ${CERTIFICATES}one.example.key;
    location / { default_type text/plain; return 200 "$proxy_protocol_addr $connection_requests;"; }
    location /hash { proxy_pass http://unix:${folder}/hash.sock; proxy_set_header Client $proxy_protocol_addr; }
  }
}`;
}

/** nginx and what it hands uploads to, on a server. */
async function startNginx(lab: Lab, server: Machine): Promise<void> {
  const hashing = lab.start(server, ['-e', HASHING, join(lab.folder, 'hash.sock')]);
  await once(hashing.stdout!, 'data');
  const file = join(lab.folder, 'nginx.conf');
  writeFileSync(file, nginxConfig(lab.folder));
  const args = ['-p', lab.folder, '-c', file, '-e', 'stderr'];
  lab.startProgram(server, commandPath('nginx')!, args);
}

/** A frontend of both families for each port, with what their table `l4` says beside the addresses. */
function tables(lab: Lab, ports: Readonly<Record<number, number>>, l4: string): string {
  return FAMILIES.flatMap((family) =>
    Object.entries(ports).map(([port, serverPort]) => {
      const host = family === 4 ? ADDRESSES.service[4] : `[${ADDRESSES.service[6]}]`;
      const name = `f${family}-${port}`;
      return `[frontends.${name}]
listen_addr = "${host}:${port}"
mode = "fnat"
backend = "${name}"
l4 = { local_addresses = ["${ADDRESSES.local[family]}"], ${l4} }
${lab.backend(name, family, serverPort, [1])}`;
    }),
  ).join('');
}

/** A frontend whose clients have IPv6 and whose server has IPv4. */
function translatedTable(lab: Lab, port: number, serverPort: number, l4: string): string {
  return `[frontends.translated]
listen_addr = "[${ADDRESSES.service[6]}]:${port}"
mode = "nat64"
backend = "translated"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"], ${l4} }
${lab.backend('translated', 4, serverPort, [1])}`;
}

function urlOf(family: Family, path: string, scheme: 'http' | 'https' = 'http'): string {
  const host = family === 4 ? ADDRESSES.service[4] : `[${ADDRESSES.service[6]}]`;
  return `${scheme}://${host}${path}`;
}

async function curl(lab: Lab, ...args: readonly string[]): Promise<string> {
  const always = ['-sS', '-k', '--http1.1', '--noproxy', '*', '--max-time', '120'];
  return lab.program(lab.network.client, 'curl', ...always, ...args);
}

/** Loses one in so many packets of flows that come in, and none of the checks. */
async function lose(lab: Lab, machine: Machine, oneIn: number): Promise<void> {
  const { local, service } = ADDRESSES;
  await lab.program(
    machine,
    'nft',
    `add table inet loss; add chain inet loss in { type filter hook input priority 0; }; flush chain inet loss in;
add rule inet loss in ip saddr { ${local[4]}, ${service[4]} } numgen random mod ${oneIn} < 1 drop;
add rule inet loss in ip6 saddr { ${local[6]}, ${service[6]} } numgen random mod ${oneIn} < 1 drop`,
  );
}

async function keepAll(lab: Lab, machine: Machine): Promise<void> {
  await lab.program(machine, 'nft', 'delete table inet loss');
}

async function isUp(lab: Lab, family: Family): Promise<void> {
  const ask = async (): Promise<string> => curl(lab, urlOf(family, '/')).catch(() => '');
  while ((await ask()) === '') await setTimeout(100);
}

/** A segment of a client as the server got it. */
interface Captured {
  /** Behind kind and length; `''` when there is none. */
  readonly toa: string;
  readonly isSyn: boolean;
}

/**
 * Segments in a capture of tcpdump, of packets without IP options or extension headers. Its last part may still be
 * on its way.
 */
function* captured(pcap: Buffer, family: Family): Generator<Captured> {
  const ipBytes = family === 4 ? 20 : 40;
  for (let at = 24; at + 16 <= pcap.length;) {
    const length = pcap.readUInt32LE(at + 8);
    if (at + 16 + length > pcap.length) return;
    const ip = pcap.subarray(at + 16 + 14, at + 16 + length);
    const headerBytes = (ip[ipBytes + 12]! >> 4) * 4;
    const options = ip.subarray(ipBytes + 20, ipBytes + headerBytes);
    const toa = options[0] === 254 ? options.subarray(2, options[1]).toString('hex') : '';
    const isSyn = (ip[ipBytes + 13]! & 2) !== 0;
    yield { toa, isSyn };
    at += 16 + length;
  }
}

describe.skipIf(SKIPPED !== '')(`the address of clients behind full NAT${SKIPPED}`, () => {
  test.each(HOOKS)(
    `%s: nginx has it from a PROXY header, by TLS and keep-alive, and uploads arrive as they were sent while packets are lost`,
    async (hook) => {
      await using lab = new Lab();
      const server = lab.network.servers[0]!;
      lab.network.prepareServers('fnat');
      if (hook === 'xdp') lab.network.prepareForXdp();
      await startNginx(lab, server);
      const ports = { 80: 8090, 443: 8443 };
      lab.configure(lab.settings(hook) + tables(lab, ports, 'proxy_protocol = "v2"'));
      await lab.startBalancer();
      const upload = join(lab.folder, 'upload');
      writeFileSync(upload, randomBytes(UPLOAD_BYTES));
      const sum = createHash('sha256').update(readFileSync(upload)).digest('hex');
      // oxlint-disable no-await-in-loop -- one after the other, so that loss is where it should be
      for (const family of FAMILIES) {
        const client = ADDRESSES.client[family];
        await isUp(lab, family);
        const page = urlOf(family, '/');
        expect(await curl(lab, page, page, page)).toBe(`${client} 1;${client} 2;${client} 3;`);
        expect(await curl(lab, urlOf(family, '/', 'https'))).toBe(`${client} 1;`);
        if (!IS_LONG && family !== LOSSY_FAMILIES[hook]) continue;
        for (const machine of [lab.network.client, server]) await lose(lab, machine, 100);
        const hash = urlOf(family, '/hash');
        expect(await curl(lab, '-T', upload, hash)).toBe(`${client} ${sum}`);
        for (const machine of [lab.network.client, server]) await lose(lab, machine, 10);
        for (let i = 0; i < LOSSY_REQUESTS; i++) expect(await curl(lab, page)).toBe(`${client} 1;`);
        for (const machine of [lab.network.client, server]) await keepAll(lab, machine);
      }
      // oxlint-enable no-await-in-loop
    },
  );

  test.each(HOOKS)('%s: TOA is in what the server gets until it answers', async (hook) => {
    await using lab = new Lab();
    const server = lab.network.servers[0]!;
    lab.network.prepareServers('fnat');
    if (hook === 'xdp') lab.network.prepareForXdp();
    await lab.startServers([8080]);
    lab.configure(
      lab.settings(hook) +
        tables(lab, { 80: 8080 }, 'toa = true') +
        translatedTable(lab, 81, 8080, 'toa = true'),
    );
    await lab.startBalancer();
    const ways = [
      { family: 4, serverFamily: 4, port: 80 },
      { family: 6, serverFamily: 6, port: 80 },
      { family: 6, serverFamily: 4, port: 81 },
    ] as const;
    // oxlint-disable no-await-in-loop -- one after the other: each has a capture of its own
    for (const { family, serverFamily, port } of ways) {
      await isUp(lab, family);
      const local = ADDRESSES.local[serverFamily];
      const filter = `tcp dst port 8080 and src host ${local}`;
      // Headers alone: of whole packets there is room for a few dozen, and the others are lost.
      const headers = ['-s', '160', '-B', '16384'];
      const quick = ['--immediate-mode', '-Uni', 'eth0', '-w', '-'];
      const capture = lab.startProgram(server, 'tcpdump', [...headers, ...quick, filter]);
      const pcap: Buffer[] = [];
      capture.stdout!.on('data', (chunk: Buffer) => pcap.push(chunk));
      await once(capture.stderr!, 'data');
      const told = (): Set<string> => {
        const segments = captured(Buffer.concat(pcap), serverFamily);
        return new Set([...segments].flatMap(({ toa }) => (toa === '' ? [] : [toa])));
      };
      const found = await lab.request({ count: 20, family, port, bytes: 1_000_000 });
      expect(found).toMatchObject({ failed: 0, reason: '', clients: { [local]: 22 } });
      // What tcpdump has not read when it ends, is lost.
      await expect.poll(() => told().size, PATIENCE).toBeGreaterThanOrEqual(21);
      capture.kill('SIGINT');
      await once(capture, 'close');
      const segments = [...captured(Buffer.concat(pcap), serverFamily)];
      // Behind the client's port.
      for (const toa of told()) expect(toa.slice(4)).toBe(CLIENT_BYTES[family]);
      expect(segments.filter(({ isSyn, toa }) => isSyn && toa !== '')).toEqual([]);
      expect(segments.filter(({ isSyn, toa }) => !isSyn && toa === '').length).toBeGreaterThan(0);
    }
    // oxlint-enable no-await-in-loop
  });
});

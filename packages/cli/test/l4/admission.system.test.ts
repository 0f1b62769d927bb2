/** Lists, limits and rates with clients that are real: over HTTP, by ipvsadm and by dpip. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { PlaneDocument } from '@balancer/l4';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES } from '../../../../examples/l4-netns/network.ts';
import { admitted, type Offer } from '../../../l4/test/support/token-bucket.ts';
import { type Captured, runHere } from '../support.ts';

type ServiceDocument = PlaneDocument['services'][number];

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
/** Time for which clients send, in the long form that for which rates are promised to 2 %. */
const SECONDS = IS_LONG ? 10 : 1;
const TOLERANCE = IS_LONG ? 0.02 : 0.05;
const SERVICE = '/l4/services/203.0.113.1-80-tcp';
/** A hang, not a measure. */
const PATIENCE = { timeout: 60_000, interval: 20 };

describe.skipIf(NO_ROOT !== '')(`clients of a packet plane${NO_ROOT}`, () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = new Lab();
    lab.network.prepareServers('fnat');
    await lab.startServers([8080]);
  });

  afterEach(() => lab.close());

  const ipvsadm = async (...args: readonly string[]): Promise<Captured> =>
    runHere('ipvsadm', '--socket', lab.socket, ...args);
  const dpip = async (...args: readonly string[]): Promise<Captured> =>
    runHere('dpip', '--socket', lab.socket, ...args);

  /** A connection that goes on trying until it is let in. */
  function knock(): { readonly open: Promise<unknown> } {
    const script = `require('node:net').connect(80, '${ADDRESSES.service[4]}').on('connect', () => console.log('open'))`;
    const child = lab.start(lab.network.client, ['-e', script]);
    return { open: once(child.stdout!, 'data') };
  }

  async function hits(list: 'deny' | 'allow'): Promise<unknown> {
    return (await lab.call('GET', `${SERVICE}/${list}`)).body;
  }

  test('are denied and allowed by lists over HTTP, by ipvsadm and by sets; hits are shown', async () => {
    const state = `${lab.folder}/state.json`;
    lab.configure(`${lab.settings().replace('[l4]\n', `[l4]\nstate_file = "${state}"\n`)}
[l4.sets.office]
entries = ["198.18.0.0/15", "192.0.2.0/24"]
[frontends.web]
listen_addr = "${ADDRESSES.service[4]}:80"
mode = "fnat"
backend = "web"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"] }
${lab.backend('web', 4, 8080)}`);
    const balancer = await lab.startBalancer();
    expect(await lab.request({ count: 3 })).toMatchObject({ failed: 0 });

    // A network over HTTP: refused while it is there, let in by the retransmission afterwards.
    const put = { networks: ['192.0.2.0/25', '2001:db8::/32'] };
    expect(await lab.call('PUT', `${SERVICE}/deny`, put)).toEqual({ status: 204 });
    const first = knock();
    await expect
      .poll(() => hits('deny'), PATIENCE)
      .toEqual([
        { network: '192.0.2.0/25', hits: expect.toSatisfy((count: number) => count >= 1) },
        { network: '2001:db8::/32', hits: 0 },
      ]);
    expect((await ipvsadm('-B', '-n')).stdout).toMatch(
      /^VIP:VPORT {12}TOTAL {4}DENY {17}HITS\n203\.0\.113\.1:80 {7}2 {8}192\.0\.2\.0\/25 {9}[1-9]\d*\n {30}2001:db8::\/32 {8}0\n$/,
    );
    const { body } = await lab.call('GET', '/l4/services');
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the document of the API
    const [service] = body as ServiceDocument[];
    expect(service).toMatchObject({ deny: { entries: 2 }, allow: { entries: 0, hits: 0 } });
    expect(service!.deny.hits).toBeGreaterThanOrEqual(1);
    expect(await lab.call('DELETE', `${SERVICE}/deny`)).toEqual({ status: 204 });
    await first.open;

    // A set of the file by ipvsadm, on the list of those that may.
    const web = ['-t', '203.0.113.1:80'];
    expect(await ipvsadm('-O', ...web, '-k', 'ipset:office')).toMatchObject({ code: 0 });
    expect(await lab.request({ count: 2 })).toMatchObject({ failed: 0 });
    expect(await hits('allow')).toEqual([{ network: 'ipset:office', hits: 2 }]);
    expect((await ipvsadm('-W', '-n')).stdout).toContain('ipset:office         2\n');
    expect((await ipvsadm('-S', '-n')).stdout).toContain('-O -t 203.0.113.1:80 -k ipset:office\n');

    // What is taken out of the set is not let in, with the same list.
    expect(await dpip('ipset', 'test', 'office', '192.0.2.10')).toMatchObject({ code: 0 });
    expect(await dpip('ipset', 'del', 'office', '192.0.2.0/24')).toMatchObject({ code: 0 });
    expect(await dpip('ipset', 'test', 'office', '192.0.2.10')).toMatchObject({ code: 1 });
    const second = knock();
    const refused = async (): Promise<number> =>
      (await lab.document()).drops['acl_not_allowed']?.packets ?? 0;
    await expect.poll(refused, PATIENCE).toBeGreaterThan(0);
    expect(await dpip('ipset', 'add', 'office', '192.0.2.10')).toMatchObject({ code: 0 });
    await second.open;

    // Errors in one line, with nothing changed.
    const wrong = [
      [await dpip('ipset', 'destroy', 'office'), 'the set office is in use: tcp 203.0.113.1:80'],
      [await dpip('ipset', 'add', 'nobody', '::1'), 'there is no set nobody'],
      [
        await dpip('ipset', 'add', 'office', '192.0.2.10/32'),
        '192.0.2.10/32 is in the set office already',
      ],
      [await dpip('ipset', 'del', 'office', '::1'), '::1 is not in the set office'],
      [await dpip('ipset', 'create', 'office'), 'the set office is there already'],
    ] as const;
    for (const [printed, message] of wrong) {
      expect(printed).toEqual({ code: 2, stdout: '', stderr: `dpip: ${message}\n` });
    }
    expect(await ipvsadm('-U', ...web, '-k', 'ipset:nobody')).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'tcp 203.0.113.1:80: its list names the set nobody, which is not there; there are: office\n',
    });
    expect(await dpip('ipset', 'create', 'bots')).toMatchObject({ code: 0 });
    expect(await ipvsadm('-U', ...web, '-k', 'ipset:bots')).toMatchObject({ code: 0 });

    // What was ordered is saved and holds after a new start, the set with it.
    expect(await lab.call('POST', '/l4/save', {})).toMatchObject({ status: 200 });
    balancer.kill('SIGKILL');
    await once(balancer, 'exit');
    await lab.startBalancer();
    expect((await dpip('ipset', 'show')).stdout).toBe(`Name: office
Type: hash:net
Header: changed since the file was loaded
References: 1
Number of entries: 2
Members:
198.18.0.0/15
192.0.2.10
Name: bots
Type: hash:net
Header: changed since the file was loaded
References: 1
Number of entries: 0
Members:
`);
    expect(await lab.request({ count: 2 })).toMatchObject({ failed: 0 });

    // What dpip reads of the plane and of its machine.
    const address = await lab.command(
      'dpip',
      '--socket',
      lab.socket,
      'addr',
      'show',
      'lo',
      '-s',
      '-4',
    );
    expect(address).toMatchObject({ code: 0, stderr: '' });
    expect(address.stdout).toMatch(
      /inet 10\.0\.0\.100\/32 scope global lo\n {5}valid_lft forever preferred_lft forever sa_used [1-9]\d* sa_free 645\d\d sa_miss 0\n/,
    );
    expect((await dpip('flow', 'show')).stdout).toMatch(
      /^pattern ipv4 dst 10\.0\.0\.100 port 1025-65535 action table l4_ct core all service tcp 203\.0\.113\.1:80 flows \d+\n$/,
    );
    const memory = await runHere(
      'dpip',
      '--config',
      `${lab.folder}/balancer.toml`,
      'eal-mem',
      'show',
    );
    expect(memory.stdout).toMatch(
      /^MAP .*\n(l4_\w+ +\d+ +\d+\+\d+ +\d+\.\d\d MiB\n){20,}total +\d+\.\d\d MiB\n$/,
    );
    expect(memory.stdout).toMatch(/^l4_ct +65536 +40\+128 /m);
  }, 120_000);

  test(`have what limits and rates give them: ${SECONDS} s, ${TOLERANCE * 100} %`, async () => {
    const udp = (name: string, port: number, keys: string): string => `
[frontends.${name}]
listen_addr = "${ADDRESSES.service[4]}:${port}"
protocol = "udp"
mode = "nat"
backend = "echo"
${keys}`;
    lab.configure(`${lab.settings()}
${udp('packets', 9001, 'l4 = { rate = { pps = 1000, burst = "1s" } }')}
${udp('bits', 9002, 'l4 = { rate = { bps = 2000000, burst = "1s" } }')}
${udp('flows', 9003, 'connection_rate = 200\nconnection_burst = 200')}
${udp('sources', 9004, 'connection_rate_per_ip = 100')}
[frontends.few]
listen_addr = "${ADDRESSES.service[4]}:80"
mode = "fnat"
backend = "web"
max_connections_per_ip = 5
l4 = { local_addresses = ["${ADDRESSES.local[4]}"] }
${lab.backend('echo', 4, 8080)}
${lab.backend('web', 4, 8080)}`);
    await secondClient(lab);
    await lab.startBalancer();

    const opened = await opensUpTo(lab, 8);
    expect(opened).toBe(5);

    const [packets, bits, flows, sources] = await Promise.all([
      flood(lab, { port: 9001, perS: 2500, payload: 10, fresh: false, from: [FIRST] }),
      flood(lab, { port: 9002, perS: 800, payload: 1000, fresh: false, from: [FIRST] }),
      flood(lab, { port: 9003, perS: 500, payload: 10, fresh: true, from: [FIRST] }),
      flood(lab, { port: 9004, perS: 500, payload: 10, fresh: true, from: [FIRST, SECOND] }),
    ]);
    const { services } = await lab.document();
    const counted = (port: number): ServiceDocument['counters'] =>
      services.find((service) => service.port === port)!.counters;
    const bitsEach = (HEADER_BYTES + 1000) * 8;
    const shares = {
      packets: counted(9001).in_packets / admitted(packets, 1000),
      bits: (counted(9002).in_bytes * 8) / (admitted(bits, 2_000_000 / bitsEach) * bitsEach),
      flows: counted(9003).conns / admitted(flows, 200),
      sources: counted(9004).conns / (2 * admitted(sources, 100)),
    };
    for (const [name, share] of Object.entries(shares)) {
      expect.soft(share, name).toBeGreaterThan(1 - TOLERANCE);
      expect.soft(share, name).toBeLessThan(1 + TOLERANCE);
    }
  }, 120_000);
});

const FIRST = ADDRESSES.client[4];
const SECOND = '192.0.2.11';

/** A second address for the client's machine. */
async function secondClient(lab: Lab): Promise<void> {
  const args = ['address', 'add', `${SECOND}/24`, 'dev', 'eth0'];
  await lab.program(lab.network.client, 'ip', ...args);
}

/** Opens connections and keeps them. @returns How many were let in when another was refused. */
async function opensUpTo(lab: Lab, count: number): Promise<number> {
  const script = `
    let open = 0;
    for (let i = 0; i < ${count}; i++) {
      require('node:net').connect(80, '${ADDRESSES.service[4]}').on('connect', () => console.log(++open));
    }`;
  const child = lab.start(lab.network.client, ['-e', script]);
  let said = '';
  child.stdout!.on('data', (chunk) => (said += String(chunk)));
  const refused = async (): Promise<number> => (await lab.document()).drops['limit']?.packets ?? 0;
  await expect.poll(() => said.trim().split('\n').length, PATIENCE).toBeGreaterThanOrEqual(5);
  await expect.poll(refused, PATIENCE).toBeGreaterThanOrEqual(count - 5);
  child.kill();
  return said.trim().split('\n').length;
}

/** Of IPv4 and UDP. */
const HEADER_BYTES = 28;

interface Flood {
  readonly port: number;
  /** Datagrams per second and source, above the rate. */
  readonly perS: number;
  readonly payload: number;
  /** Each datagram from a port of its own. */
  readonly fresh: boolean;
  readonly from: readonly string[];
}

/** Sends more than is admitted. @returns The datagrams of each source. */
async function flood(lab: Lab, { port, perS, payload, fresh, from }: Flood): Promise<Offer[]> {
  const script = `
    const [host, port, perS, payload, fresh, seconds, ...from] = process.argv.slice(1);
    const { createSocket } = require('node:dgram');
    const bytes = Buffer.alloc(Number(payload));
    const bound = (address) => new Promise((resolve) => {
      const socket = createSocket('udp4').on('message', () => {});
      socket.bind(0, address, () => resolve(socket));
    });
    (async () => {
      const total = Number(perS) * Number(seconds);
      const count = fresh === 'true' ? total : 1;
      const sockets = [];
      for (const address of from) {
        sockets.push(await Promise.all(Array.from({ length: count }, () => bound(address))));
      }
      // By the clock, so that what a busy machine delays is sent afterwards.
      const start = process.hrtime.bigint();
      const elapsed = () => Number(process.hrtime.bigint() - start) / 1e9;
      // No more at a time than the queues in between hold.
      const most = 64;
      const times = [];
      await new Promise((resolve) => {
        const step = () => {
          const due = Math.floor(elapsed() * Number(perS)) + 1;
          const end = Math.min(total, due, times.length + most);
          while (times.length < end) {
            const number = times.push(elapsed());
            for (const each of sockets) each[number % count].send(bytes, Number(port), host);
          }
          if (end === total) resolve(); else if (end < due) setImmediate(step); else setTimeout(step, 1);
        };
        step();
      });
      process.stdout.write(JSON.stringify(times), () => process.exit());
    })();`;
  const numbers = [port, perS, payload, fresh, SECONDS].map(String);
  const args = ['-e', script, ADDRESSES.service[4], ...numbers, ...from];
  const child = lab.start(lab.network.client, args);
  const [times, errors] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  if (times === '') throw new Error(`the client failed: ${errors}`);
  return (JSON.parse(times) as number[]).map((timeS) => ({ timeS, count: 1 }));
}

/**
 * `balancer run` as the gateway of hosts behind it: the servers of the lab send to an outside server, which is
 * in the client's namespace, from addresses of a pool.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES, type Family } from '../../../../examples/l4-netns/network.ts';
import { CLIENT, SERVER } from '../../../../examples/l4-netns/programs.ts';
import { type Captured, runHereWith } from '../support.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';

const OUTSIDE = ADDRESSES.client;
const POOL = {
  4: ['198.51.100.7', '198.51.100.8'],
  6: ['2001:db8:e::7', '2001:db8:e::8'],
} as const;
const REQUESTS = IS_LONG ? 300 : 9;
const BULK_BYTES = 2_000_000;
const FLOWS = IS_LONG ? 20_000 : 1000;
/** Sockets of one process at a time. */
const FLOWS_AT_ONCE = 250;
const WAIT = { timeout: 60_000 };

/** A flow for each of so many ports, some at a time. Prints how many were answered, and how many sources the outside server saw. */
const MANY = `
  const [host, port, count, atOnce] = process.argv.slice(1);
  const { createSocket } = require('node:dgram');
  const sources = new Map();
  let answered = 0;
  const one = (sport) => new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.bind(sport);
    const again = setInterval(() => socket.send('hello', Number(port), host), 2000);
    const end = () => { clearInterval(again); clearTimeout(late); socket.close(); resolve(); };
    const late = setTimeout(end, 30000);
    socket.once('message', (message) => {
      answered++;
      const [, source] = message.toString().split(' ');
      sources.set(source, (sources.get(source) ?? 0) + 1);
      end();
    });
    socket.send('hello', Number(port), host);
  });
  (async () => {
    for (let done = 0; done < Number(count); done += Number(atOnce)) {
      await Promise.all(Array.from({ length: Number(atOnce) }, (_, i) => one(10000 + done + i)));
    }
    console.log(JSON.stringify({ answered, sources: Object.fromEntries(sources) }));
  })();
`;

/** Says what a connected socket is told about a port that nobody listens to. */
const REFUSED = `
  const [host, port] = process.argv.slice(1);
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', ({ code }) => { console.log(code); process.exit(); });
  socket.connect(Number(port), host, () => setInterval(() => socket.send('hello'), 200));
`;

/** The gateway's file: everything that the hosts send out, and a service of theirs. */
function tables(): string {
  const frontends = ([4, 6] as const).map(
    (family) => `[frontends.out${family}]
mode = "snat"
backend = "wan${family}"
l4 = { match = { src_range = "${family === 4 ? '10.0.0.0/24' : '2001:db8:b::/64'}", oif = "eth0" } }
[backends.wan${family}]
balance = "lvs:wrr"
servers.a = { addr = "${POOL[family][0]}", weight = 2 }
servers.b = { addr = "${POOL[family][1]}" }
`,
  );
  return frontends.join('');
}

async function gateway(hook: 'tc' | 'xdp'): Promise<Lab> {
  const lab = new Lab();
  lab.network.prepareServers('nat');
  if (hook === 'xdp') lab.network.prepareForXdp();
  lab.network.router.run(() => {
    for (const family of [4, 6] as const) {
      for (const address of POOL[family]) {
        ip(`-${family} route add ${address} via ${ADDRESSES.balancer[family]}`);
      }
    }
  });
  const outside = lab.start(lab.network.client, ['-e', SERVER, 'outside', '8080']);
  await once(outside.stdout!, 'data', { signal: AbortSignal.timeout(60_000) });
  await lab.startServers([8080]);
  lab.configure(`${lab.settings(hook)}${tables()}
[frontends.web]
listen_addr = "${ADDRESSES.service[4]}:80"
mode = "fnat"
backend = "web"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"] }
${lab.backend('web', 4, 8080, [2])}`);
  return lab;
}

function ip(args: string): void {
  const { status, stderr } = spawnSync('ip', args.split(' '));
  if (status !== 0) throw new Error(`ip ${args}: ${String(stderr)}`);
}

/** What the outside server saw of requests of the first host. */
async function requests(
  lab: Lab,
  options: { protocol: 'tcp' | 'udp'; family: Family; count?: number; bytes?: number; to?: string },
): Promise<{ failed: number; clients: Record<string, number>; reason: string }> {
  const { protocol, family, count = REQUESTS, bytes = 0, to = OUTSIDE[family] } = options;
  const port = to === ADDRESSES.service[4] ? '80' : '8080';
  const args = ['-e', CLIENT, protocol, to, port, `${count}`, `${bytes}`];
  const { stdout, stderr } = await lab.runIn(lab.network.servers[0]!, args);
  if (stdout === '') throw new Error(`the client failed: ${stderr}`);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof requests>>;
}

async function ping(lab: Lab, from: Lab['machine'], ...args: readonly string[]): Promise<string> {
  const child = lab.startProgram(from, 'ping', ['-c2', '-i0.2', ...args]);
  let printed = '';
  child.stdout!.on('data', (chunk) => (printed += String(chunk)));
  await once(child, 'exit');
  return /\d+ packets transmitted, \d+ received/.exec(printed)?.[0] ?? printed;
}

async function curl(lab: Lab, url: string): Promise<string> {
  return lab.program(lab.network.servers[2]!, 'curl', '-sS', url);
}

describe(`hosts behind the balancer${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '').each(['tc', 'xdp'] as const)(
    'reach an outside server on %s by TCP, UDP and ping, from the pool by weight',
    async (hook) => {
      await using lab = await gateway(hook);
      const before = lab.hostState();
      await lab.startBalancer();
      for (const family of [4, 6] as const) {
        const [first, second] = POOL[family];
        for (const protocol of ['tcp', 'udp'] as const) {
          // oxlint-disable-next-line no-await-in-loop -- one after the other, to count them apart
          const found = await requests(lab, { protocol, family });
          expect({ family, protocol, ...found }).toMatchObject({ failed: 0, reason: '' });
          expect(found.clients).toEqual({ [first]: (REQUESTS / 3) * 2, [second]: REQUESTS / 3 });
        }
        // oxlint-disable-next-line no-await-in-loop
        expect(await ping(lab, lab.network.servers[0]!, OUTSIDE[family])).toBe(
          '2 packets transmitted, 2 received',
        );
        // Both ways in fragments.
        // oxlint-disable-next-line no-await-in-loop
        expect(await ping(lab, lab.network.servers[0]!, '-s4000', OUTSIDE[family])).toBe(
          '2 packets transmitted, 2 received',
        );
        const args = ['-e', REFUSED, OUTSIDE[family], '9'];
        // oxlint-disable-next-line no-await-in-loop
        expect((await lab.runIn(lab.network.servers[0]!, args)).stdout).toBe('ECONNREFUSED\n');
      }

      const page = await curl(lab, `http://${OUTSIDE[4]}:8080/`);
      expect(page).toMatch(/^outside saw 198\.51\.100\.[78]\n$/);

      // A service of ours is served, not left by the pool.
      const inside = await requests(lab, { protocol: 'tcp', family: 4, to: ADDRESSES.service[4] });
      expect(inside.clients).toEqual({ [ADDRESSES.local[4]]: REQUESTS });

      const many = await lab.runIn(lab.network.servers[1]!, [
        '-e',
        MANY,
        OUTSIDE[4],
        '8080',
        `${FLOWS}`,
        `${FLOWS_AT_ONCE}`,
      ]);
      const { answered, sources } = JSON.parse(many.stdout) as {
        answered: number;
        sources: Record<string, number>;
      };
      expect(answered).toBe(FLOWS);
      expect(sources[POOL[4][0]]! / FLOWS).toBeCloseTo(2 / 3, 2);

      // The way outside gets shorter: the router's error has to reach the host that sends.
      lab.network.router.run(() => ip('link set client mtu 1400'));
      for (const family of [4, 6] as const) {
        // oxlint-disable-next-line no-await-in-loop
        const bulk = await requests(lab, { protocol: 'tcp', family, count: 0, bytes: BULK_BYTES });
        expect(bulk).toMatchObject({ failed: 0, reason: '' });
      }

      await lab.endBalancer('SIGTERM');
      await lab.command('l4', 'unload', '--pin-path', lab.pinPath);
      expect(lab.hostState()).toBe(before);
    },
  );

  test.skipIf(NO_ROOT !== '')(
    'keep their flows when the process ends and when their rule is taken away; ipvsadm makes services of ICMP',
    async () => {
      await using lab = await gateway('tc');
      await lab.startBalancer();
      const script = `
        const socket = require('node:net').connect(8080, '${OUTSIDE[4]}');
        const ask = () => socket.write('GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n');
        socket.on('data', (data) => console.log(/outside saw .*/.exec(String(data))?.[0]));
        process.stdin.on('data', ask);
        socket.on('error', ({ code }) => console.log(code));
      `;
      const child = lab.start(lab.network.servers[0]!, ['-e', script]);
      const answer = async (): Promise<string> => {
        const heard = once(child.stdout!, 'data', { signal: AbortSignal.timeout(60_000) });
        child.stdin!.write('x');
        return String(await heard);
      };
      expect(await answer()).toBe(`outside saw ${POOL[4][0]}\n`);

      await lab.endBalancer('SIGKILL');
      expect(await answer()).toBe(`outside saw ${POOL[4][0]}\n`);
      await lab.startBalancer();
      expect(await answer()).toBe(`outside saw ${POOL[4][0]}\n`);
      const { clients } = await requests(lab, { protocol: 'tcp', family: 4, count: 3 });
      expect(Object.values(clients)).toEqual(expect.arrayContaining([2, 1]));

      const { services } = await lab.document();
      const own = services.find(({ service }) =>
        service.startsWith('match proto=tcp,src-range=10'),
      );
      expect(own?.counters.conns).toBe(4);

      const ipvsadm = (args: readonly string[], input = ''): Promise<Captured> =>
        runHereWith(input, 'ipvsadm', '--socket', lab.socket, ...args);
      const out = await ipvsadm(['-D', '-H', own!.service.slice('match '.length)]);
      expect(out).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(await answer()).toBe(`outside saw ${POOL[4][0]}\n`);
      const left = await requests(lab, { protocol: 'tcp', family: 4, count: 1 });
      // Without a rule the kernel forwards, with the address that the host has inside.
      expect(Object.keys(left.clients)).toEqual(['10.0.0.11']);

      // Echoes to a service of ICMP are answered by its server.
      const address = ADDRESSES.service[4];
      const rules = `-A -1 ${address} -s rr\n-a -1 ${address} -r 10.0.0.12 -m\n`;
      expect(await ipvsadm(['-R'], rules)).toMatchObject({ code: 0, stderr: '' });
      const echoes = await ping(lab, lab.network.client, address);
      expect(echoes).toBe('2 packets transmitted, 2 received');
      const { stdout } = await ipvsadm(['-Ln', '--stats', '-1', address]);
      expect(stdout).toMatch(/^ICMP 203\.0\.113\.1:0 +1 +2 +2 /m);
      expect(stdout).toMatch(/^ {2}-> 10\.0\.0\.12:0 +1 +2 +2 /m);
    },
    WAIT.timeout * 3,
  );
});

/** The packet plane over the life of its process: killed, told otherwise, unloaded. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { z } from '@balancer/kit';
import { l4Operations } from '@balancer/l4';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES } from '../../../../examples/l4-netns/network.ts';
import { type Captured, runHereWith } from '../support.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';

/** Routes that answer a document whose shape is promised. */
const DOCUMENTS = ['stats', 'services', 'drops', 'conns', 'findings', 'announcements', 'digest'];

function schemaOf(operation: string): z.ZodType {
  const answer = l4Operations[operation]?.answer;
  if (answer === undefined || typeof answer === 'string') throw new Error(`no ${operation}`);
  return answer;
}

describe.skipIf(NO_ROOT !== '')(`a packet plane${NO_ROOT}`, () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = new Lab();
    lab.network.prepareServers('fnat');
    await lab.startServers([8080]);
    lab.configure(file());
  });

  afterEach(async () => {
    await lab.close();
  });

  /** Full NAT to some of the servers. */
  const file = (servers: readonly number[] = [1, 2, 3], more = ''): string => `${lab.settings()}
[frontends.web]
listen_addr = "${ADDRESSES.service[4]}:80"
mode = "fnat"
backend = "web"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"] }
${more}${lab.backend('web', 4, 8080, servers)}`;

  /** `balancer ipvsadm` in this process: its socket is reached from every namespace. */
  const ipvsadm = async (args: readonly string[], input = ''): Promise<Captured> =>
    runHereWith(input, 'ipvsadm', '--socket', lab.socket, ...args);
  const stdout = async (...args: readonly string[]): Promise<string> =>
    (await ipvsadm(args)).stdout;

  /** Resolves when no end has anything to say any more: from then on, counters stand still. */
  const flowsAreOver = async (): Promise<void> => {
    const states = async (): Promise<unknown[]> => {
      // The admin listener's document.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const flows = (await lab.call('GET', '/l4/conns')).body as { readonly state: string }[];
      return flows.map(({ state }) => state);
    };
    await expect.poll(states, { timeout: 60_000 }).toEqual(Array(4).fill('TIME_WAIT'));
  };

  test('forwards on when its process is killed; the next one takes over numbers, flows and counters', async () => {
    const first = await lab.startBalancer();
    expect(await lab.request({ count: 6 })).toMatchObject({ failed: 0 });
    first.kill('SIGKILL');
    await once(first, 'exit');
    expect(await lab.request({ count: 6 })).toMatchObject({ failed: 0 });
    await lab.startBalancer();
    expect(lab.log).toContain('"unwatched_s"');
    expect(await stdout('-Ln', '--stats')).toMatch(/203\.0\.113\.1:80 +12 /);
    expect(await lab.request({ count: 6 })).toMatchObject({ failed: 0 });
  });

  test('does what ipvsadm orders, all of it or nothing', async () => {
    await lab.startBalancer();
    const rules = [
      '-A -t 203.0.113.1:81 -s wrr',
      '-a -t 203.0.113.1:81 -r 10.0.0.12:8080 -b -w 3',
      '-P -t 203.0.113.1:81 -z 10.0.0.100',
    ];
    const refused = await ipvsadm(['-R'], `${rules.join('\n')}\n-D -t 203.0.113.9:9\n`);
    expect(refused).toEqual({ code: 2, stdout: '', stderr: 'line 4: No such service\n' });
    expect(await stdout('-Sn')).not.toContain('203.0.113.1:81');
    expect(await ipvsadm(['-R'], `${rules.join('\n')}\n`)).toMatchObject({ code: 0, stderr: '' });
    expect(await lab.request({ count: 4, port: 81 })).toMatchObject({
      failed: 0,
      servers: { 'server-2': 4 },
    });
    await flowsAreOver();
    expect(await stdout('-Ln')).toBe(`IP Virtual Server version 1.2.1 (size=65536)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  203.0.113.1:80 wrr
  -> 10.0.0.11:8080               FullNat 1      0          0         
  -> 10.0.0.12:8080               FullNat 1      0          0         
  -> 10.0.0.13:8080               FullNat 1      0          0         
TCP  203.0.113.1:81 wrr
  -> 10.0.0.12:8080               FullNat 3      0          4         
`);
    expect(await stdout('-Lnc')).toMatch(
      /^IPVS connection entries\npro expire state {7}source {13}virtual {12}destination\nTCP 0\d:\d\d {2}\w+ +192\.0\.2\.10:\d+ +203\.0\.113\.1:81 +10\.0\.0\.12:8080 +10\.0\.0\.100:\d+\n/,
    );
    const { code, stderr } = await ipvsadm(['-Ln', '--stats', '--cpu', '60000']);
    const last = /^No such CPU: 60000; this host has 0 to (\d+)\n$/.exec(stderr)?.[1];
    expect([code, last]).toEqual([2, expect.any(String)]);
    const packets = async (...more: readonly string[]): Promise<number> =>
      Number(/203\.0\.113\.1:81 +\d+ +(\d+)/.exec(await stdout('-Ln', '--stats', ...more))?.[1]);
    const ofCpus = await Promise.all(
      Array.from({ length: Number(last) + 1 }, (_, cpu) => packets('--cpu', `${cpu}`)),
    );
    expect(ofCpus.reduce((sum, count) => sum + count)).toBe(await packets());
    expect(await ipvsadm(['-Z'])).toMatchObject({ code: 0 });
    expect(await stdout('-Ln', '--stats', '-t', '203.0.113.1:81')).toMatch(
      /203\.0\.113\.1:81 +0 +0 +0 +0 +0\n/,
    );
    await ipvsadm(['--set', '600', '0', '60']);
    expect(await stdout('-L', '--timeout')).toBe('Timeout (tcp tcpfin udp): 600 120 60\n');
    expect(await ipvsadm(['-A', '-t', '203.0.113.1:81'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'Service already exists\n',
    });
  });

  test('does what the API asks: services, servers, flows; keeps what is saved; tells what happens', async () => {
    const state = `${lab.folder}/state.json`;
    const withState = (servers: readonly number[]): string =>
      file(servers).replace('[l4]\n', `[l4]\nstate_file = "${state}"\n`);
    lab.configure(withState([1, 2, 3]));
    const balancer = await lab.startBalancer();
    const service = '/l4/services/203.0.113.1-81-tcp';
    const events = await lab.listen('/l4/events');
    const servers = [{ address: '10.0.0.12', port: 8080, mode: 'fnat', weight: 3 }];
    const body = { scheduler: 'rr', servers, local_addresses: ['10.0.0.100'] };
    expect(await lab.call('PUT', `${service}?save=true`, body)).toEqual({ status: 204 });
    await events.says(/event: changed/);
    const found = await lab.request({ count: 4, port: 81 });
    expect(found).toMatchObject({ failed: 0, servers: { 'server-2': 4 } });
    for (const name of DOCUMENTS) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time, to name the one that differs
      const { body: answer } = await lab.call('GET', `/l4/${name}`);
      expect([name, schemaOf(`GET /l4/${name}`).safeParse(answer)]).toEqual([
        name,
        expect.objectContaining({ success: true }),
      ]);
    }
    expect(await lab.call('PUT', `${service}/servers/10.0.0.13:8080`, { mode: 'fnat' })).toEqual({
      status: 204,
    });
    expect(await lab.call('DELETE', `${service}/servers/10.0.0.11:8080`)).toEqual({
      status: 409,
      body: { error: 'No such destination' },
    });
    expect(await lab.call('PUT', `${service}/servers/here`, {})).toMatchObject({ status: 400 });
    expect(await lab.call('DELETE', '/l4/services/203.0.113.1-82-tcp')).toMatchObject({
      status: 404,
    });

    const kill = ['l4', 'conns', '--socket', lab.socket, '--kill'] as const;
    expect((await runHereWith('', ...kill)).stderr).toContain('to say which flows to end');
    // What is not over would be reset at its next segment, and counted until then.
    await flowsAreOver();
    const killed = await runHereWith('', ...kill, '--client', '192.0.2.0/24');
    expect(killed.stdout).toBe('4 flows ended\n');
    const { services } = await lab.document();
    expect(services.flatMap(({ backends }) => backends.map(({ inactive }) => inactive))).toEqual(
      Array(5).fill(0),
    );

    lab.configure(withState([1, 2]));
    balancer.kill('SIGHUP');
    await lab.saysInLog(/"msg":"configuration reloaded"/);
    expect(await stdout('-Sn')).toContain(`-A -t 203.0.113.1:81 -s rr
-a -t 203.0.113.1:81 -r 10.0.0.12:8080 -b -w 3
-P -t 203.0.113.1:81 -z 10.0.0.100
`);
    expect(await lab.call('DELETE', service)).toEqual({ status: 204 });
    const { stdout: saved } = await runHereWith('', 'l4', 'save', '--socket', lab.socket);
    expect(saved).toBe(`saved in ${state}\n`);
    expect(JSON.parse(readFileSync(state, 'utf8'))).toEqual({ version: 1, orders: [], sets: [] });
    expect(await lab.call('PUT', service, {})).toEqual({ status: 204 });
    const knock = `require('net').connect(81, '${ADDRESSES.service[4]}'); setImmediate(process.exit);`;
    await lab.runIn(lab.network.client, ['-e', knock]);
    await events.says(
      /event: drop\ndata: .*"reason":"no_backend","service":"tcp 203.0.113.1:81",.*"source":"192.0.2.10"/,
    );
    balancer.kill('SIGTERM');
    await events.ended;
  });

  test('belongs to one process, and leaves nothing on the host after its end and unload', async () => {
    const before = lab.hostState();
    const balancer = await lab.startBalancer();
    expect(lab.hostState()).not.toBe(before);
    const [second, early] = await Promise.all([
      lab.command('run', `${lab.folder}/balancer.toml`),
      lab.command('l4', 'unload', '--pin-path', lab.pinPath),
    ]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`is managed by process ${balancer.pid}`);
    expect([early.code, early.stderr]).toEqual([
      1,
      `balancer: process ${balancer.pid} manages the packet plane at ${lab.pinPath}; stop it first: kill ${balancer.pid}\n`,
    ]);
    balancer.kill('SIGTERM');
    await once(balancer, 'exit');
    const { code, stdout: out } = await lab.command('l4', 'unload', '--pin-path', lab.pinPath);
    expect([code, out]).toEqual([0, expect.stringMatching(/^removed \d+ pins/)]);
    expect(lab.hostState()).toBe(before);
  });

  test('says what is wrong with the host, with the command that mends it', async () => {
    const doctor = async (): Promise<string> => {
      const { code, stdout: out } = await runHereWith('', 'l4', 'doctor', '--socket', lab.socket);
      expect(code).toBe(1);
      return out;
    };
    lab.configure(file().replace('"auto"', '"xdp"'));
    await lab.startBalancer();
    expect(await doctor()).toMatch(
      /interface eth0 does not send frames that XDP redirects to it\n.*ethtool -K <interface> gro on/,
    );
    lab.network.prepareForXdp();
    lab.network.setSysctl('ipv4/ip_forward', 0);
    const found = await doctor();
    expect(found).toMatch(/net\.ipv4\.ip_forward is 0\n.*sysctl -w net\.ipv4\.ip_forward=1/);
    expect(found).not.toContain('does not send');
  });
});

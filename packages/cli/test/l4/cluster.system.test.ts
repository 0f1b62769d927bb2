/** Balancers that share services: the guide's configurations, run with the daemons they are for. */
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FRR_ZEBRA, skipReason } from '../../../../scripts/system-requirements.ts';
import { ADDRESSES, serverAddress } from '../../../../examples/l4-netns/network.ts';
import { type Captured, runHereWith } from '../support.ts';
import { Cluster, template } from './cluster.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const NO_BIRD = NO_ROOT || skipReason('bird');
const NO_FRR = NO_BIRD || skipReason(FRR_ZEBRA);
const NO_EXABGP = NO_BIRD || skipReason('exabgp');
const NO_KEEPALIVED = NO_ROOT || skipReason('keepalived') || skipReason('curl');

const VIP = ADDRESSES.service[4];
const PAIR_VIP = '10.0.0.50';
const BOTH = ['10.0.0.2', '10.0.0.3'];
const TRANSFERS = 200;
/** Longest wait for daemons and a router to agree. */
const AGREE_MS = 60_000;
const LOOK_MS = 100;
/** Five times they agree. */
const PAIR_MS = 5 * AGREE_MS;

let cluster: Cluster;

beforeEach(() => {
  if (NO_ROOT === '') cluster = new Cluster();
});

afterEach(async () => {
  if (NO_ROOT === '') await cluster.close();
});

describe('balancers whose addresses a router learns', () => {
  const startBalancers = async (): Promise<void> => {
    cluster.network.prepareServers('tunnel');
    await Promise.all([1, 2].map((number) => cluster.startBalancer(number, template('ecmp'))));
  };
  const endTunnels = async (): Promise<void> => {
    const [lab] = cluster.labs;
    await Promise.all(
      cluster.network.servers.map((server, index) => {
        const address = ['--interface', 'eth0', '--address', serverAddress(index + 1, 4)];
        return lab!.commandIn(
          server,
          'l4',
          'decap',
          ...address,
          '--pin-path',
          `${lab!.pinPath}-${index}`,
        );
      }),
    );
  };

  test.skipIf(NO_BIRD !== '')(
    `are announced by BIRD once they have servers, and lose no transfer with a machine${NO_BIRD}`,
    async () => {
      const [one, two] = cluster.labs;
      cluster.startRouter({ bfd: true });
      await startBalancers();
      for (const number of [1, 2]) {
        const folder = cluster.openFolder(number);
        const files = ['-s', `${folder}/bird.ctl`, '-P', `${folder}/bird.pid`];
        cluster.startDaemon(number, 'bird', [
          '-f',
          '-c',
          cluster.daemonFile(number, 'bird'),
          ...files,
        ]);
      }
      await expectSoon(() => cluster.sessions(), 2);
      expect(cluster.gateways(VIP)).toEqual([]);
      await endTunnels();
      await one!.startServers([8080]);
      await expectSoon(() => cluster.gateways(VIP), BOTH);

      const peer = ['--peer', `unix:${two!.socket}`];
      // Equal as soon as both have seen every server.
      await expectSoon(async () => (await l4(1, 'digest', ...peer)).code, 0);

      const transfers = one!.start(cluster.network.client, [
        '-e',
        TRANSFER,
        VIP,
        '8080',
        `${TRANSFERS}`,
      ]);
      await once(transfers.stdout!, 'data');
      expect(await packetsIn(1)).toBeGreaterThan(TRANSFERS);
      expect(await packetsIn(2)).toBeGreaterThan(TRANSFERS);
      cluster.network.setBalancerLink(2, false);
      await expectSoon(() => cluster.gateways(VIP), ['10.0.0.2']);
      expect(await ended(transfers)).toEqual({ finished: TRANSFERS, reasons: [] });
    },
  );

  test.skipIf(NO_FRR !== '')(
    `are announced by FRR, and withdrawn when they are drained${NO_FRR}`,
    async () => {
      cluster.startRouter({ bfd: false });
      await startBalancers();
      for (const number of [1, 2]) {
        const folder = cluster.openFolder(number);
        const file = cluster.daemonFile(number, 'frr');
        for (const daemon of ['zebra', 'bgpd']) {
          const args = ['-f', file, '-i', `${folder}/${daemon}.pid`, '-z', `${folder}/zserv`];
          const quiet = ['--vty_socket', folder, '-P', '0', '--log', 'stdout'];
          cluster.startDaemon(number, `/usr/lib/frr/${daemon}`, [...args, ...quiet]);
        }
      }
      await cluster.labs[0]!.startServers([8080]);
      await expectSoon(() => cluster.gateways(VIP), BOTH);
      expect(await l4(1, 'ha', 'drain', '--wait', '60')).toEqual({
        code: 0,
        stdout: `role drain\n  away  ${VIP}  the role is drain\n`,
        stderr: '',
      });
      await expectSoon(() => cluster.gateways(VIP), ['10.0.0.3']);
      await l4(1, 'ha', 'master');
      await expectSoon(() => cluster.gateways(VIP), BOTH);
    },
  );

  test.skipIf(NO_EXABGP !== '')(
    `are announced by ExaBGP, and withdrawn when the quorum is lost${NO_EXABGP}`,
    async () => {
      cluster.startRouter({ bfd: false });
      await startBalancers();
      for (const number of [1, 2]) {
        const settings = ['exabgp.daemon.user=root', 'exabgp.api.ack=false'];
        cluster.startDaemon(number, 'env', [
          ...settings,
          'exabgp',
          cluster.daemonFile(number, 'exabgp'),
        ]);
      }
      const [lab] = cluster.labs;
      await lab!.startServers([8080]);
      await expectSoon(() => cluster.gateways(VIP), BOTH);
      for (const server of lab!.serverProcesses) server.kill('SIGKILL');
      await expectSoon(() => cluster.gateways(VIP), []);
      const { stdout } = await l4(1, 'announcements');
      expect(stdout).toBe(`role master\n  away  ${VIP}  no quorum: tcp ${VIP}:8080\n`);
    },
  );
});

describe('a pair', () => {
  test.skipIf(NO_KEEPALIVED !== '')(
    `serves from one machine, and from the other when the process or the machine is lost${NO_KEEPALIVED}`,
    async () => {
      const [one] = cluster.labs;
      cluster.network.prepareServers('fnat');
      await one!.startServers([8080]);
      const processes = await Promise.all(
        [1, 2].map((number) => cluster.startBalancer(number, template('pair'))),
      );
      expect(holders()).toEqual([]);
      for (const number of [1, 2]) {
        const folder = cluster.openFolder(number);
        const files = ['-p', `${folder}/keepalived.pid`, '-r', `${folder}/vrrp.pid`];
        cluster.startDaemon(number, 'keepalived', [
          '-n',
          '-l',
          '-P',
          '-f',
          cluster.daemonFile(number, 'keepalived'),
          ...files,
        ]);
      }
      await expectSoon(holders, [1]);
      await expectServed();

      processes[0]!.kill('SIGKILL');
      await expectSoon(holders, [2]);
      await expectServed();

      await one!.startBalancer();
      await expectSoon(holders, [1]);
      await expectServed();

      cluster.network.setBalancerLink(1, false);
      await expectSoon(() => holders().includes(2), true);
      await expectServed();
    },
    PAIR_MS,
  );

  /** Balancers that have the pair's address. */
  const holders = (): number[] =>
    [1, 2].filter((number) => cluster.addresses(number).includes(`${PAIR_VIP}/32`));

  const expectServed = async (): Promise<void> => {
    const client = ['-e', ONE_REQUEST, PAIR_VIP];
    const { stdout } = await cluster.labs[0]!.runIn(cluster.network.client, client);
    expect(stdout).toMatch(/^server-[12] /);
  };
});

/** `balancer l4` in this process: sockets are reached from every namespace. */
async function l4(number: number, command: string, ...args: readonly string[]): Promise<Captured> {
  return runHereWith('', 'l4', command, '--socket', cluster.labs[number - 1]!.socket, ...args);
}

async function packetsIn(number: number): Promise<number> {
  const { stdout } = await l4(number, 'stats', '--json');
  const { services } = JSON.parse(stdout) as { services: { counters: { in_packets: number } }[] };
  return services.reduce((sum, { counters }) => sum + counters.in_packets, 0);
}

/** Waits until a look at the network shows what is expected. */
async function expectSoon<T>(look: () => T | Promise<T>, expected: T): Promise<void> {
  const deadlineMs = performance.now() + AGREE_MS;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- the daemons are waited for
    const seen = await look();
    if (JSON.stringify(seen) === JSON.stringify(expected)) return;
    if (performance.now() > deadlineMs) {
      expect(seen, cluster.labs.map(({ log }) => log).join('\n')).toEqual(expected);
    }
    // oxlint-disable-next-line no-await-in-loop
    await wait(LOOK_MS);
  }
}

/** Lets transfers come to their end. */
async function ended(transfers: ChildProcess): Promise<unknown> {
  const output = text(transfers.stdout!);
  transfers.stdin!.end();
  return JSON.parse(await output) as unknown;
}

/**
 * Keeps so many connections busy until its input ends, then makes a last request on each. Some ask at a time,
 * in turn: who has its answer lets the next one ask. Says when all are open, and prints how many came to
 * their end.
 */
const TRANSFER = `
  const [host, port, count] = process.argv.slice(1);
  const http = require('node:http');
  let isEnding = false;
  process.stdin.on('end', () => { isEnding = true; }).resume();
  const once = (agent) => new Promise((resolve, reject) => {
    http.get({ host, port, agent, path: '/?bytes=20000' }, (response) => {
      let bytes = 0;
      response.on('data', (chunk) => { bytes += chunk.length; });
      response.on('end', () => bytes === 20000 ? resolve(response.socket) : reject(new Error(bytes + ' bytes')));
      response.on('error', reject);
    }).on('error', reject);
  });
  let turns = 64;
  const waiting = [];
  const turn = () => turns > 0 ? void turns-- : new Promise((resolve) => waiting.push(resolve));
  const next = () => waiting.length > 0 ? waiting.shift()() : turns++;
  let open = 0;
  const transfer = async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const socket = await once(agent);
    if (++open === Number(count)) process.stdout.write('\\n');
    for (let isLast = false; !isLast;) {
      await turn();
      isLast = isEnding;
      const same = await once(agent).finally(next);
      if (same !== socket) throw new Error('the connection was not kept');
    }
    agent.destroy();
  };
  Promise.allSettled(Array.from({ length: Number(count) }, transfer)).then((results) => {
    const reasons = results.filter(({ status }) => status === 'rejected').map(({ reason }) => String(reason));
    console.log(JSON.stringify({ finished: results.length - reasons.length, reasons }));
  });
`;

/** One request, made again until it is answered: what a client does while a machine is lost. */
const ONE_REQUEST = `
  const [host] = process.argv.slice(1);
  const http = require('node:http');
  const deadline = Date.now() + 60000;
  const attempt = () => {
    const again = () => Date.now() < deadline ? setTimeout(attempt, 100) : process.exit(1);
    const request = http.get({ host, port: 80, agent: false, timeout: 1000 }, (response) => response.pipe(process.stdout));
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', again);
  };
  attempt();
`;

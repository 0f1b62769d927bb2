/**
 * What happens to connections and datagrams while something changes: every one of them is accounted for.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES } from '../../../../examples/l4-netns/network.ts';
import { type LoadResult, startLoad } from './load.ts';
import { tcpCounter } from './tcp-counter.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const IS_LONG = process.env['BALANCER_TEST_LONG'] === '1';
const RESTARTS = IS_LONG ? 20 : 1;
const RELOADS = IS_LONG ? 100 : 4;
const [command, ...args] = ['ip', 'neigh', 'flush', 'dev', 'eth0'] as const;
const FLOWS = IS_LONG ? 201 : 30;
/** New connections per second while processes end and start. */
const RESTART_RATE = IS_LONG ? 1000 : 40;
/** How long the soak lasts; the short form makes a few reloads. */
const SOAK_MS = Number(process.env['BALANCER_TEST_SOAK_S'] ?? (IS_LONG ? 600 : 0)) * 1000;
/** Reloads in either half, at least. */
const RELOADS_MIN = 2;
/** Only what hangs runs into this. */
const RESTARTS_MS = IS_LONG ? 1_200_000 : 120_000;

describe.skipIf(NO_ROOT !== '')(`a packet plane under load${NO_ROOT}`, () => {
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

  /** Full NAT to some of the servers, of connections and datagrams. */
  const file = (servers: readonly number[] = [1, 2, 3]): string => {
    const frontends = (['tcp', 'udp'] as const).map(
      (protocol) => `
[frontends.${protocol}]
listen_addr = "${ADDRESSES.service[4]}:80"
protocol = "${protocol}"
mode = "fnat"
backend = "web"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"] }
`,
    );
    return lab.settings() + frontends.join('') + lab.backend('web', 4, 8080, servers);
  };

  const expectNothingLost = (found: LoadResult): void => {
    const { failed, flows, datagramsLost, datagramsSent } = found;
    expect({ failed, datagramsLost }).toEqual({ failed: {}, datagramsLost: 0 });
    expect(flows.filter(({ broken }) => broken !== '')).toEqual([]);
    expect(datagramsSent).toBeGreaterThan(0);
  };

  test(
    `loses no packet when its process is killed and started again ${RESTARTS} times (${RESTARTS} hand-overs among them)`,
    { timeout: RESTARTS_MS },
    async () => {
      await lab.startBalancer();
      const load = await startLoad(lab, { flows: FLOWS, perSecond: RESTART_RATE, datagrams: 50 });
      for (let round = 0; round < RESTARTS; round++) {
        // oxlint-disable no-await-in-loop -- one after the other
        await lab.endBalancer(round % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
        await load.progress();
        await lab.startBalancer();
        await load.progress();
        await lab.handOver();
        await load.progress();
        // oxlint-enable no-await-in-loop
      }
      expectNothingLost(await load.stop());
    },
  );

  test('a server that gets another MAC address without a word is reached again; no request fails', async () => {
    await lab.startBalancer();
    const load = await startLoad(lab, { flows: FLOWS, perSecond: 40 });
    for (const server of [1, 2]) {
      lab.network.changeServerMac(server);
      // oxlint-disable-next-line no-await-in-loop -- one after the other; every flow is answered again
      await load.progress();
    }
    const { failed, flows, servers } = await load.stop();
    expect([failed, flows.filter(({ broken }) => broken !== '')]).toEqual([{}, []]);
    expect(Object.keys(servers)).toContain('server-1');
  });

  test('fails no request and breaks no flow while neighbours are flushed again and again', async () => {
    await lab.startBalancer();
    const load = await startLoad(lab, { flows: FLOWS, perSecond: 40 });
    for (let round = 0; round < 5; round++) {
      lab.network.balancer.run(() => execFileSync(command, args));
      // oxlint-disable-next-line no-await-in-loop -- one flush after the other
      await load.progress();
    }
    const { failed, flows } = await load.stop();
    expect([failed, flows.filter(({ broken }) => broken !== '')]).toEqual([{}, []]);
  });

  test(`a server that dies takes its own flows along; ${FLOWS} flows go on where they are not its own, and new ones avoid it`, async () => {
    await lab.startBalancer();
    const load = await startLoad(lab, { flows: FLOWS });
    lab.serverProcesses[0]!.kill('SIGKILL');
    await lab.saysInLog(/"msg":"server is down"/);
    // The document waits until the kernel knows it, too.
    await lab.document();
    const after = await startLoad(lab, { flows: FLOWS, perSecond: 40 });
    await Promise.all([load.progress(), after.progress(12)]);
    const [before, found] = await Promise.all([load.stop(), after.stop()]);
    const broken = before.flows.filter(({ broken: why }) => why !== '');
    expect(new Set(broken.map(({ server }) => server))).toEqual(new Set(['server-1']));
    expect(broken).toHaveLength(FLOWS / 3);
    expect(found.failed).toEqual({});
    expect(Object.keys(found.servers).toSorted()).toEqual(['server-2', 'server-3']);
    expect(
      found.flows.filter(({ broken: why, server }) => why !== '' || server === 'server-1'),
    ).toEqual([]);
  });

  test(`follows ${RELOADS} reloads that add and remove servers; nothing fails on those that stay, or on those that go`, async () => {
    const balancer = await lab.startBalancer();
    const load = await startLoad(lab, {
      flows: FLOWS,
      perSecond: IS_LONG ? 200 : 40,
      datagrams: 50,
    });
    for (let reload = 0; reload < RELOADS; reload++) {
      const servers = reload % 2 === 0 ? [1 + (reload % 3)] : [1, 2, 3];
      lab.configure(file(servers));
      balancer.kill('SIGHUP');
      // oxlint-disable-next-line no-await-in-loop -- one reload after the other
      await lab.saysInLog(/"msg":"configuration reloaded"/);
      // oxlint-disable-next-line no-await-in-loop
      await load.progress();
    }
    expectNothingLost(await load.stop());
  });

  test(
    `a soak of ${SOAK_MS / 1000} s and reloads of random servers: nothing is lost, nothing grows, counters add up`,
    { timeout: RESTARTS_MS },
    async () => {
      const balancer = await lab.startBalancer();
      const { pid } = balancer;
      const synsAgain = tcpCounter(lab.network.client, 'TCPSynRetrans');
      const perSecond = SOAK_MS > 0 ? 300 : 40;
      const load = await startLoad(lab, { flows: FLOWS, perSecond, datagrams: 20 });
      const sets = [[1, 2, 3], [1, 2], [1, 3], [1]];
      let current = 0;
      const reload = async (): Promise<Used> => {
        current = (current + 1 + Math.floor(Math.random() * (sets.length - 1))) % sets.length;
        lab.configure(file(sets[current]));
        balancer.kill('SIGHUP');
        await lab.saysInLog(/"msg":"configuration reloaded"/);
        await load.progress();
        return used(pid!);
      };
      /** What the process had at the end of half the time, and the fewest descriptors, without those of checks. */
      const half = async (): Promise<Used> => {
        const end = Date.now() + SOAK_MS / 2;
        const found: Used[] = [];
        while (found.length < RELOADS_MIN || Date.now() < end) {
          // oxlint-disable-next-line no-await-in-loop -- one reload after the other
          found.push(await reload());
        }
        const descriptors = Math.min(...found.map((each) => each.descriptors));
        return { descriptors, memoryKib: found.at(-1)!.memoryKib };
      };
      // The first half shows how much the collector of the runtime lets stand.
      const before = await half();
      const after = await half();
      const found = await load.stop();
      expectNothingLost(found);
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 1);
      // Over seconds the collector alone moves more than this.
      if (SOAK_MS > 0) expect(after.memoryKib).toBeLessThan(before.memoryKib * 1.05);
      const { services } = await lab.document();
      const tcp = services.find(({ protocol }) => protocol === 'tcp');
      const opened = found.requests + found.flows.length;
      expect(tcp!.counters.conns).toBeGreaterThanOrEqual(opened);
      // A server may still know a tuple that is used again; the client's second SYN is then another flow.
      const again = tcpCounter(lab.network.client, 'TCPSynRetrans') - synsAgain;
      expect(tcp!.counters.conns).toBeLessThanOrEqual(opened + again);
    },
  );
});

/** What a process has: open descriptors, and memory. */
interface Used {
  readonly descriptors: number;
  readonly memoryKib: number;
}

function used(pid: number): Used {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    memoryKib: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]),
  };
}

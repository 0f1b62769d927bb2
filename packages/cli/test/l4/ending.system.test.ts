/** Flows that end without their ends saying so: idle for too long, or of a server that was removed. */
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES } from '../../../../examples/l4-netns/network.ts';
import { skipReason } from '../../../../scripts/system-requirements.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
/** Between two looks at what cannot be awaited. */
const LOOK_MS = 100;

/** What a file says beside the frontend. */
interface Given {
  readonly more?: string;
  readonly timeouts?: string;
  readonly servers: readonly number[];
}

/** One connection; asks once, and again for each line it is told. Says what comes of it. */
const CLIENT = `
  const socket = require('node:net').connect(80, '${ADDRESSES.service[4]}');
  const ask = () => socket.write('GET / HTTP/1.1\\r\\nHost: flow\\r\\n\\r\\n');
  socket.on('connect', ask).on('data', () => console.log('answered')).on('error', (error) => console.log(error.code));
  process.stdin.on('data', ask).on('end', process.exit);
`;

describe.skipIf(NO_ROOT !== '')(`flows that are left alone${NO_ROOT}`, () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = new Lab();
    lab.network.prepareServers('fnat');
    await lab.startServers([8080]);
  });

  afterEach(async () => {
    await lab.close();
  });

  /** Full NAT through one local port. */
  const file = (given: Given): string => {
    const { more = '', timeouts = '', servers } = given;
    const settings = lab
      .settings()
      .replace('max_entries = 65536', `max_entries = 65536, timeouts = { ${timeouts} }`);
    return `${settings}${more}
[frontends.web]
listen_addr = "${ADDRESSES.service[4]}:80"
mode = "fnat"
backend = "web"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"], port_range = "50000-50000" }
${lab.backend('web', 4, 8080, servers)}`;
  };

  const reload = async (balancer: ChildProcess, given: Given): Promise<void> => {
    lab.configure(file(given));
    balancer.kill('SIGHUP');
    await lab.saysInLog(/"msg":"configuration reloaded"/);
    // The document waits until the kernel knows it, too.
    await lab.document();
  };

  const openFlow = async (): Promise<{
    readonly tell: () => void;
    /** Tells it, and resolves with what comes of that. */
    readonly ask: () => Promise<string>;
    readonly close: () => Promise<void>;
  }> => {
    const child = lab.start(lab.network.client, ['-e', CLIENT]);
    const lines = createInterface(child.stdout!);
    await once(lines, 'line');
    const tell = (): void => {
      child.stdin!.write('again\n');
    };
    return {
      tell,
      ask: async () => {
        const said = once(lines, 'line');
        tell();
        return ((await said) as [string])[0];
      },
      close: async () => {
        const gone = once(child, 'exit');
        child.stdin!.end();
        await gone;
      },
    };
  };

  const until = async (path: string, isThere: (body: unknown) => boolean): Promise<void> => {
    while (!isThere((await lab.call('GET', path)).body)) await setTimeout(LOOK_MS);
  };
  const noFlows = async (): Promise<void> =>
    until('/l4/conns', (body) => Array.isArray(body) && body.length === 0);

  /** Resolves when all flows are to end. */
  const isClosing = async (): Promise<void> =>
    until('/l4/conns', (body) => {
      // The admin listener's document.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const states = (body as readonly { readonly state: string }[]).map(({ state }) => state);
      return states.length > 0 && states.every((state) => state === 'CLOSING');
    });

  test('an idle flow is collected; its next packet belongs to no flow, its port is free again', async () => {
    lab.configure(file({ servers: [1] }));
    const balancer = await lab.startBalancer();
    const flow = await openFlow();
    // For this flow alone: others may take their time.
    await reload(balancer, { timeouts: 'established = "1s"', servers: [1] });
    await noFlows();
    await reload(balancer, { servers: [1] });
    flow.tell();
    await until(
      '/l4/drops',
      (body) => typeof body === 'object' && body !== null && 'no_conn' in body,
    );
    expect(await lab.request({ count: 1 })).toMatchObject({
      failed: 0,
      servers: { 'server-1': 1 },
    });
    await flow.close();
  });

  test('flows of a server that was removed end when l4.drain_timeout is over', async () => {
    const more = 'drain_timeout = "1s"\n';
    lab.configure(file({ more, servers: [1] }));
    const balancer = await lab.startBalancer();
    const flow = await openFlow();
    await reload(balancer, { more, servers: [2] });
    await isClosing();
    expect(await flow.ask()).toBe('ECONNRESET');
    expect(await lab.request({ count: 1 })).toMatchObject({
      failed: 0,
      servers: { 'server-2': 1 },
    });
    await flow.close();
  });

  test('flows that are killed are reset at their next segment, others go on', async () => {
    lab.configure(file({ servers: [1] }).replace('50000-50000', '50000-50009'));
    await lab.startBalancer();
    const [flow, other] = [await openFlow(), await openFlow()];
    expect(await lab.call('DELETE', '/l4/conns?client=192.0.2.99')).toMatchObject({
      body: { removed: 0 },
    });
    expect(await other.ask()).toBe('answered');
    expect(await lab.call('DELETE', '/l4/conns?client=192.0.2.10')).toMatchObject({
      body: { removed: 2 },
    });
    await isClosing();
    expect(await Promise.all([flow.ask(), other.ask()])).toEqual(['ECONNRESET', 'ECONNRESET']);
    await Promise.all([flow.close(), other.close()]);
  });

  test.skipIf(skipReason('nft') !== '')(
    'flows of a server that goes down are reset with on_marked_down = "close"',
    async () => {
      const closing = file({ servers: [1] }).replace(
        '[backends.web]\n',
        '[backends.web]\non_marked_down = "close"\n',
      );
      lab.configure(closing);
      await lab.startBalancer();
      const flow = await openFlow();
      expect(await flow.ask()).toBe('answered');
      const silence =
        'add table inet t; add chain inet t i { type filter hook input priority 0; }; add rule inet t i tcp dport 8080 drop';
      await lab.program(lab.network.servers[0]!, 'nft', silence);
      await isClosing();
      expect(await flow.ask()).toBe('ECONNRESET');
      await flow.close();
    },
  );
});

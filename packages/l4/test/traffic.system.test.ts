/** Real connections through the tc build, between programs in network namespaces. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { attachTc } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { DROP_REASONS } from '../src/index.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES, type Setup } from '../tools/packets/packet-case.ts';
import { TrafficHost } from './support/traffic.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';

/** Answers each request with the address it came from and a megabyte. */
const SERVER = `
  const server = require('node:http').createServer((request, response) => {
    response.setHeader('from', request.socket.remoteAddress.replace('::ffff:', ''));
    response.end(Buffer.alloc(1 << 20, 'x'));
  });
  server.listen(8080, '::', () => console.log('ready'));
`;

/** Requests one after the other, each on a connection of its own; prints what came back. */
const CLIENT = `
  const get = () => new Promise((resolve, reject) => {
    require('node:http').get({ host: process.argv[1], port: 80, agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (chunk) => (bytes += chunk.length));
      response.on('end', () => resolve(response.headers.from + ' ' + bytes));
    }).on('error', reject);
  });
  (async () => { for (let i = 0; i < 20; i++) console.log(await get()); })();
`;

function node(
  host: TrafficHost['client'],
  script: string,
  ...args: readonly string[]
): ChildProcessWithoutNullStreams {
  return host.run(() => spawn(process.execPath, ['-e', script, ...args]));
}

/** What each of 20 requests through the set-up got: the address the backend saw, and how many bytes; and
 * how often the balancer answered that a packet is too big. */
async function requests(
  setup: Setup,
  { clientMtu }: { clientMtu?: number } = {},
): Promise<{
  readonly answers: string[];
  readonly tooBig: bigint;
}> {
  const host = new TrafficHost();
  if (clientMtu !== undefined) host.limitClientMtu(clientMtu);
  const plane = new DataPlane({ ...setup, network: 'existing' }, 'tc', host);
  const attachments = host.namespace.run(() =>
    host.interfaces.map((ifindex) =>
      attachTc({ program: plane.program, ifindex, direction: 'ingress' }),
    ),
  );
  const server = node(host.backend, SERVER);
  try {
    await once(createInterface(server.stdout), 'line');
    const client = node(host.client, CLIENT, setup.vip ?? NAMES['V']!);
    const [output, errors] = await Promise.all([text(client.stdout), text(client.stderr)]);
    expect(errors).toBe('');
    const tooBig = plane.drops()[DROP_REASONS.frag_needed]!;
    return { answers: output.trim().split('\n'), tooBig };
  } finally {
    server.kill();
    for (const attachment of attachments) attachment.close();
    plane.close();
    host.close();
  }
}

describe(`traffic through the tc build${NO_ROOT}`, () => {
  const ipv6 = { vip: NAMES['V6']!, backends: [{ address: NAMES['B6']! }] };
  const setups: readonly (Setup & { sees: string })[] = [
    { mode: 'nat', sees: NAMES['C']! },
    { ...ipv6, mode: 'nat', sees: NAMES['C6']! },
    {
      ...ipv6,
      mode: 'fnat',
      localAddresses: [NAMES['L6']!],
      portRange: [1025, 65_535],
      sees: NAMES['L6']!,
    },
    {
      mode: 'fnat',
      localAddresses: [NAMES['LIP']!],
      portRange: [1025, 65_535],
      sees: NAMES['LIP']!,
    },
  ];

  test.skipIf(NO_ROOT !== '').each(setups)(
    '20 requests of 1 MiB by $mode: all answered, the backend sees $sees',
    async ({ sees, ...setup }) => {
      const { answers } = await requests(setup);
      expect(answers).toEqual(Array(20).fill(`${sees} ${1 << 20}`));
    },
  );

  // Servers send segments of 1460 bytes, 1440 of IPv6: only answers of the balancer make them smaller.
  test.skipIf(NO_ROOT !== '').each(setups)(
    'the same by $mode to $sees when clients are behind a link that takes 1400 bytes',
    async ({ sees, ...setup }) => {
      const limited = { ...setup, replyPath: 'fib' } as const;
      const { answers, tooBig } = await requests(limited, { clientMtu: 1400 });
      expect(tooBig).toBeGreaterThan(0n);
      expect(answers).toEqual(Array(20).fill(`${sees} ${1 << 20}`));
    },
  );
});

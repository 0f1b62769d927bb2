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

/** Sends datagrams back. */
const ECHO_SERVER = `
  const socket = require('node:dgram').createSocket({ type: 'udp6', ipv6Only: false });
  socket.on('message', (data, { port, address }) => socket.send(data, port, address));
  socket.bind(8080, '::', () => console.log('ready'));
`;

/** Sends a datagram until it comes back, ten times; prints how many bytes came. */
const ECHO_CLIENT = `
  const [host, bytes] = [process.argv[1], Number(process.argv[2])];
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const data = Buffer.alloc(bytes, 'x');
  let left = 10;
  const send = () => socket.send(data, 80, host);
  const again = setInterval(send, 1000);
  socket.on('message', (answer) => {
    console.log(answer.equals(data) ? answer.length : 'damaged');
    if (--left > 0) return send();
    clearInterval(again);
    socket.close();
  });
  send();
`;

function node(
  host: TrafficHost['client'],
  script: string,
  ...args: readonly string[]
): ChildProcessWithoutNullStreams {
  return host.run(() => spawn(process.execPath, ['-e', script, ...args]));
}

/** What programs at both ends of a set-up are, and what the one at the client is told. */
interface Programs {
  readonly server: string;
  readonly client: string;
  readonly args?: readonly string[];
}

/**
 * Lets a client and a server talk through a set-up.
 *
 * @returns The lines that the client prints, and how often the balancer answered that a packet is too big.
 */
async function talk(
  setup: Setup,
  { server: serverScript, client: clientScript, args = [] }: Programs,
  { clientMtu }: { clientMtu?: number } = {},
): Promise<{ readonly answers: string[]; readonly tooBig: bigint }> {
  const host = new TrafficHost();
  if (clientMtu !== undefined) host.limitClientMtu(clientMtu);
  const plane = new DataPlane({ ...setup, network: 'existing' }, 'tc', host);
  const attachments = host.namespace.run(() =>
    host.interfaces.map((ifindex) =>
      attachTc({ program: plane.program, ifindex, direction: 'ingress' }),
    ),
  );
  const server = node(host.backend, serverScript);
  try {
    await once(createInterface(server.stdout), 'line');
    const client = node(host.client, clientScript, setup.vip ?? NAMES['V']!, ...args);
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
  const HTTP = { server: SERVER, client: CLIENT };
  const ipv6 = { vip: NAMES['V6']!, backends: [{ address: NAMES['B6']! }] };
  const nat64: Setup & { sees: string } = {
    mode: 'fnat',
    flags: ['nat64'],
    vip: NAMES['V6']!,
    localAddresses: [NAMES['LIP']!],
    portRange: [1025, 65_535],
    sees: NAMES['LIP']!,
  };
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

  test.skipIf(NO_ROOT !== '').each([...setups, nat64])(
    '20 requests of 1 MiB by $mode: all answered, the backend sees $sees',
    async ({ sees, ...setup }) => {
      const { answers } = await talk(setup, HTTP);
      expect(answers).toEqual(Array(20).fill(`${sees} ${1 << 20}`));
    },
  );

  // Servers send segments of 1460 bytes, 1440 of IPv6: only answers of the balancer make them smaller.
  test.skipIf(NO_ROOT !== '').each([...setups, nat64])(
    'the same by $mode to $sees when clients are behind a link that takes 1400 bytes',
    async ({ sees, ...setup }) => {
      const limited = { ...setup, replyPath: 'fib' } as const;
      const { answers, tooBig } = await talk(limited, HTTP, { clientMtu: 1400 });
      expect(tooBig).toBeGreaterThan(0n);
      expect(answers).toEqual(Array(20).fill(`${sees} ${1 << 20}`));
    },
  );

  test.skipIf(NO_ROOT !== '').each(setups)(
    'datagrams of 4,000 bytes by $mode to $sees, in fragments both ways: all echoed',
    async (setup) => {
      const echo = { server: ECHO_SERVER, client: ECHO_CLIENT, args: ['4000'] };
      const { answers } = await talk({ ...setup, protocol: 'udp' }, echo);
      expect(answers).toEqual(Array(10).fill('4000'));
    },
  );
});

/** Real connections through the tc build, between programs in network namespaces. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { attachTc } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
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
      const host = new TrafficHost();
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
        expect(output.trim().split('\n')).toEqual(Array(20).fill(`${sees} ${1 << 20}`));
      } finally {
        server.kill();
        for (const attachment of attachments) attachment.close();
        plane.close();
        host.close();
      }
    },
  );
});

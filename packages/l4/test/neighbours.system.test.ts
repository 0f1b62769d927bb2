/**
 * Next hops whose MAC is forgotten while connections run: no packet may be lost. At the XDP hook this is the
 * way through lb_neigh, between real programs in network namespaces.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import {
  attachTc,
  attachXdp,
  deleteNeighbour,
  listNeighbours,
  loadObject,
  RingBuffer,
  RouteSocket,
} from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../scripts/system-requirements.ts';
import { readEvent } from '../src/index.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { HOOKS, type Hook } from '../tools/packets/packet-host.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { TrafficHost } from './support/traffic.ts';

const SKIPPED =
  process.getuid?.() === 0
    ? skipReason('ethtool')
    : ' (skipped: needs root for network namespaces)';
const REQUESTS = 100;

const SERVER = `
  require('node:http').createServer((request, response) => response.end('ok'))
    .listen(8080, '::', () => console.log('ready'));
`;

/** Requests one after the other, each on a connection of its own; prints a line for each. */
const CLIENT = `
  const get = () => new Promise((resolve, reject) => {
    require('node:http').get({ host: process.argv[1], port: 80, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    }).on('error', reject);
  });
  (async () => { for (let i = 0; i < ${REQUESTS}; i++) console.log(await get()); })();
`;

/** Puts the programs on both interfaces of the balancer; returns what takes them off. */
function attach(plane: DataPlane, hook: Hook, host: TrafficHost): () => void {
  const { interfaces, namespace } = host;
  if (hook === 'tc') {
    const attachments = namespace.run(() =>
      interfaces.map((ifindex) =>
        attachTc({ program: plane.program, ifindex, direction: 'ingress' }),
      ),
    );
    return () => attachments.forEach((attachment) => attachment.close());
  }
  const object = readFileSync(new URL('../bpf/objects/l4-tc.o', import.meta.url));
  const second = loadObject(object, { programs: ['lb_neigh'] });
  const attachments = namespace.run(() => {
    const ports = plane.loaded.map('l4_tx');
    for (const ifindex of interfaces) ports.set(ifindex, ifindex);
    return interfaces.flatMap((ifindex) => [
      attachXdp({ program: plane.program, ifindex, mode: 'native' }),
      attachTc({ program: second.program('lb_neigh'), ifindex, direction: 'ingress' }),
    ]);
  });
  // A veth's peer hands over unfinished checksums, and takes redirected frames only with NAPI.
  for (const end of [host.client, host.backend]) {
    end.run(() => execFileSync(commandPath('ethtool')!, ['-K', 'eth0', 'tx', 'off', 'gro', 'on']));
  }
  return () => {
    for (const attachment of attachments) attachment.close();
    second.close();
  };
}

/** Deletes a neighbour, unless the kernel does not know it at the moment. */
function forget(socket: RouteSocket, address: string): void {
  const known = listNeighbours(socket).find((neighbour) => neighbour.address === address);
  if (known !== undefined) deleteNeighbour(socket, { ifindex: known.ifindex, address });
}

describe(`forgotten neighbours${SKIPPED}`, () => {
  test.skipIf(SKIPPED !== '').each(HOOKS)(
    `${REQUESTS} connections through %s: all answered while the backend's MAC is forgotten again and again`,
    async (hook) => {
      const host = new TrafficHost();
      const setup = { mode: 'fnat', localAddresses: [NAMES['LIP']!] } as const;
      const plane = new DataPlane(
        { ...setup, portRange: [1025, 65_535], network: 'existing' },
        hook,
        host,
      );
      const detach = attach(plane, hook, host);
      const ring = new RingBuffer(plane.maps.get('l4_events')!);
      const socket = host.namespace.run(() => RouteSocket.open());
      const server = host.backend.run(() => spawn(process.execPath, ['-e', SERVER]));
      const hops = new Set<string>();
      try {
        await once(createInterface(server.stdout), 'line');
        const client = host.client.run(() =>
          spawn(process.execPath, ['-e', CLIENT, NAMES['V']!], {
            stdio: ['ignore', 'pipe', 'pipe'],
          }),
        );
        const lines = createInterface(client.stdout);
        let answered = 0;
        lines.on('line', (line) => {
          if (line === '200') answered++;
          forget(socket, NAMES['B1']!);
        });
        const [errors] = await Promise.all([text(client.stderr), once(client, 'close')]);
        ring.poll((record) => {
          const event = readEvent(record);
          if (event?.type === 'neighbour') hops.add(event.nextHop);
        });
        expect(errors).toBe('');
        expect(answered).toBe(REQUESTS);
        expect([...hops]).toEqual([NAMES['B1']]);
      } finally {
        server.kill();
        socket.close();
        ring.close();
        detach();
        plane.close();
        host.close();
      }
    },
    120_000,
  );
});

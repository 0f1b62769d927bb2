/**
 * A client in one VLAN and a server in another, with nothing between them but the programs: the balancer has no
 * interface in either. What packet cases cannot show of tc, where tags are not in the frame.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import {
  attachTc,
  attachXdp,
  findLink,
  type NetworkNamespace,
  parseMac,
  Program,
  RouteSocket,
  setOffload,
} from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { BACKEND_FLAGS } from '../src/index.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { TrafficHost } from './support/traffic.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';
const REQUESTS = 3;
const ANSWER_BYTES = 1 << 20;

const SERVER = `
  require('node:http').createServer((request, response) => {
    response.setHeader('from', request.socket.remoteAddress.replace('::ffff:', ''));
    response.end(Buffer.alloc(${ANSWER_BYTES}, 'x'));
  }).listen(8080, '::', () => console.log('ready'));
`;
const CLIENT = `
  const get = () => new Promise((resolve, reject) => {
    require('node:http').get({ host: process.argv[1], port: 80, agent: false }, (response) => {
      let bytes = 0;
      response.on('data', (chunk) => (bytes += chunk.length));
      response.on('end', () => resolve(response.headers.from + ' ' + bytes));
    }).on('error', reject);
  });
  (async () => { for (let i = 0; i < ${REQUESTS}; i++) console.log(await get()); })();
`;

/** Eight bytes of a BPF program. */
function instruction(
  opcode: number,
  { to = 0, from = 0, offset = 0 }: { to?: number; from?: number; offset?: number },
  immediate: number = 0,
): number[] {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint8(0, opcode);
  bytes.setUint8(1, to | (from << 4));
  bytes.setInt16(2, offset, true);
  bytes.setInt32(4, immediate, true);
  return [...new Uint8Array(bytes.buffer)];
}

const MOVE = 0xb7;
const CALL = 0x85;
const EXIT = instruction(0x95, {});
const VERDICT_NONE = instruction(MOVE, { to: 0 }, -1);
/** The type of the tag as it stands in memory. */
const TAG_TYPE = 0x0081;
const VLAN_PUSH = 18;
const VLAN_POP = 19;
/** Of the context: the tag beside the frame. */
const CONTEXT_TCI = 24;

/** What a VLAN interface of Linux does, which not every kernel has: a tag on all that leaves, and off what comes in. */
function tagging(vlan: number): { readonly leaving: Program; readonly coming: Program } {
  const load = (name: string, instructions: readonly (readonly number[])[]): Program =>
    Program.load({
      name,
      type: 'tc',
      license: 'GPL',
      instructions: new Uint8Array(instructions.flat()),
    });
  const leaving = load('tag', [
    instruction(MOVE, { to: 2 }, TAG_TYPE),
    instruction(MOVE, { to: 3 }, vlan),
    instruction(CALL, {}, VLAN_PUSH),
    VERDICT_NONE,
    EXIT,
  ]);
  const coming = load('untag', [
    // Frames of other VLANs and without a tag are dropped.
    instruction(0x61, { to: 2, from: 1, offset: CONTEXT_TCI }),
    instruction(0x15, { to: 2, offset: 2 }, vlan),
    instruction(MOVE, { to: 0 }, 2),
    EXIT,
    instruction(CALL, {}, VLAN_POP),
    VERDICT_NONE,
    EXIT,
  ]);
  return { leaving, coming };
}

/** Puts a machine into a VLAN. ARP is no use there: the balancer has no interface in it. */
function moveToVlan(
  machine: NetworkNamespace,
  { vlan, gateway, mac }: { vlan: number; gateway: string; mac: string },
): () => void {
  if (vlan === 0) return () => {};
  const { leaving, coming } = tagging(vlan);
  const attachments = machine.run(() => {
    execFileSync('ip', ['neigh', 'replace', gateway, 'lladdr', mac, 'dev', 'eth0']);
    const socket = RouteSocket.open();
    const { ifindex } = findLink(socket, 'eth0')!;
    socket.close();
    return [
      attachTc({ program: leaving, ifindex, direction: 'egress' }),
      attachTc({ program: coming, ifindex, direction: 'ingress' }),
    ];
  });
  return () => {
    for (const each of [...attachments, leaving, coming]) each.close();
  };
}

function macOf(machine: NetworkNamespace, name: string): string {
  return machine.run(() => {
    const socket = RouteSocket.open();
    const { mac = '' } = findLink(socket, name)!;
    socket.close();
    return mac;
  });
}

describe(`a client and a server in different VLANs${NO_ROOT}`, () => {
  const NAT = { mode: 'nat', sees: NAMES['C']! } as const;
  const FULL_NAT = {
    mode: 'fnat',
    localAddresses: [NAMES['LIP']!],
    portRange: [1025, 65_535],
    sees: NAMES['LIP']!,
  } as const;

  test.skipIf(NO_ROOT !== '').each([
    { ...NAT, hook: 'tc', clientVlan: 100, vlan: 200 },
    { ...NAT, hook: 'tc', clientVlan: 100, vlan: 0 },
    { ...NAT, hook: 'tc', clientVlan: 0, vlan: 200 },
    { ...FULL_NAT, hook: 'tc', clientVlan: 100, vlan: 200 },
    { ...FULL_NAT, hook: 'xdp', clientVlan: 100, vlan: 200 },
    { ...NAT, hook: 'xdp', clientVlan: 100, vlan: 0 },
  ] as const)(
    `$hook, $mode, VLANs $clientVlan and $vlan (0: none): ${REQUESTS} answers of 1 MiB`,
    async ({ hook, sees, clientVlan, vlan, ...setup }) => {
      const host = new TrafficHost();
      const macs = {
        client: macOf(host.namespace, 'c0'),
        backend: macOf(host.namespace, 'b0'),
      };
      const undo = [
        moveToVlan(host.client, { vlan: clientVlan, gateway: '192.0.2.1', mac: macs.client }),
        moveToVlan(host.backend, { vlan, gateway: '10.0.0.1', mac: macs.backend }),
      ];
      if (hook === 'xdp') {
        for (const machine of [host.client, host.backend]) {
          machine.run(() => {
            setOffload('eth0', 'tx-checksum', false);
            setOffload('eth0', 'tx-vlan', false);
            setOffload('eth0', 'rx-gro', true);
          });
        }
      }
      const plane = new DataPlane(
        { ...setup, network: 'existing', replyPath: 'symmetric' },
        hook,
        host,
      );
      const backends = plane.loaded.map('l4_be');
      const value = backends.get(1)!;
      backends.set(1, {
        ...value,
        flags: value.flags | BACKEND_FLAGS.staticL2 | (vlan > 0 ? BACKEND_FLAGS.vlan : 0),
        ifindex: host.interfaces[1]!,
        dmac: parseMac(macOf(host.backend, 'eth0')),
        smac: parseMac(macs.backend),
        vlan_tci: vlan,
      });
      const ports = plane.loaded.map('l4_tx');
      const attachments = host.namespace.run(() =>
        host.interfaces.map((ifindex) => {
          ports.set(ifindex, ifindex);
          return hook === 'tc'
            ? attachTc({ program: plane.program, ifindex, direction: 'ingress' })
            : attachXdp({ program: plane.program, ifindex, mode: 'native' });
        }),
      );
      const server = host.backend.run(() => spawn(process.execPath, ['-e', SERVER]));
      try {
        await once(createInterface(server.stdout), 'line');
        const client = host.client.run(() => spawn(process.execPath, ['-e', CLIENT, NAMES['V']!]));
        const [output, errors] = await Promise.all([text(client.stdout), text(client.stderr)]);
        expect(errors).toBe('');
        expect(output.trim().split('\n')).toEqual(Array(REQUESTS).fill(`${sees} ${ANSWER_BYTES}`));
      } finally {
        server.kill();
        for (const attachment of attachments) attachment.close();
        for (const step of undo) step();
        plane.close();
        host.close();
      }
    },
  );
});

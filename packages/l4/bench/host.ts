/**
 * A host for an engine that is measured: a network namespace, and a connection table that is filled from user
 * space.
 *
 * @module
 */
import { join } from 'node:path';
import {
  addAddress,
  BpfMap,
  changeLink,
  createVeth,
  findLink,
  NetworkNamespace,
  RouteSocket,
} from '@balancer/ebpf';
import { META, MODES, STATES, toMapAddress } from '../src/index.ts';
import type { EngineOptions } from '../src/engine.ts';

export function createHost(): NetworkNamespace {
  const namespace = NetworkNamespace.create();
  namespace.run(() => {
    const socket = RouteSocket.open();
    createVeth(socket, { name: 'eth0', peer: 'other' });
    for (const name of ['eth0', 'other']) {
      changeLink(socket, findLink(socket, name)!.ifindex, { up: true });
    }
    const { ifindex } = findLink(socket, 'eth0')!;
    addAddress(socket, { ifindex, address: '10.0.0.1', prefixLength: 8 });
    socket.close();
  });
  return namespace;
}

/** Options of an engine on that host, with maps of their usual size in a folder. */
export function engineOptions(folder: string): EngineOptions {
  return {
    pinPath: join(folder, 'bpf', 'plane'),
    hook: 'tc',
    interfaces: ['eth0'],
    // The kernel's addresses are not what is measured.
    manageVips: false,
    forcedAddresses: [],
    sizes: {
      flows: 262_144,
      services: 4096,
      backends: 16_384,
      localAddresses: 16,
      rejectWhenFull: false,
    },
  };
}

/** The connection table of the engine with that folder. */
export function openFlows(folder: string): BpfMap {
  return BpfMap.openPinned(join(folder, 'bpf', 'plane', `v${META.schema}`, 'l4_ct'));
}

/** Offsets of what a listing reads. */
const KEY = { bytes: 40, src: 0, dst: 16, sport: 32, dport: 34, protocol: 36 } as const;
const VALUE = { bytes: 128, lastNs: 0, backend: 12, state: 16, mode: 17 } as const;

/** Writes established flows of different clients, seen now, to the first server of 203.0.113.1:80. */
export function fillFlows(table: BpfMap, count: number): void {
  const keys = Buffer.alloc(count * KEY.bytes);
  const values = Buffer.alloc(count * VALUE.bytes);
  const nowNs = process.hrtime.bigint();
  for (let i = 0; i < count; i++) {
    const key = keys.subarray(i * KEY.bytes);
    key.set(toMapAddress(`10.128.${i >> 14}.1`).bytes!, KEY.src);
    key.set(toMapAddress('203.0.113.1').bytes!, KEY.dst);
    key.writeUInt16BE(1024 + (i & 16_383), KEY.sport);
    key.writeUInt16BE(80, KEY.dport);
    key[KEY.protocol] = 6;
    values.writeBigUInt64LE(nowNs, i * VALUE.bytes + VALUE.lastNs);
    values.writeUInt32LE(1, i * VALUE.bytes + VALUE.backend);
    values[i * VALUE.bytes + VALUE.state] = STATES.ESTABLISHED;
    values[i * VALUE.bytes + VALUE.mode] = MODES.nat;
  }
  table.updateBatch({ count, keys, values });
}

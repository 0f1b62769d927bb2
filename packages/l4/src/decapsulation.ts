/**
 * On a server behind tunnels: the program that takes off outer headers, kept attached by a pinned link.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  attachTc,
  isBpfFilesystem,
  Link,
  loadObject,
  mountBpfFilesystem,
  readObject,
} from '@balancer/ebpf';
import { l4TcLayout, type L4Tc } from '../bpf/objects/l4-tc.types.ts';
import { toMapAddress } from './address.ts';
import { findInterfaces } from './links.ts';
import { PlaneError } from './errors.ts';
import { objectUrl } from './objects.ts';
import { TUNNEL_PORTS } from './tunnel.ts';

export interface DecapsulationOptions {
  readonly interfaceName: string;
  /** Outer destinations: addresses of this server. */
  readonly addresses: readonly string[];
  /** Ports on which datagrams are GUE and VXLAN; 0 is none. The usual ones when they are left out. */
  readonly guePort?: number;
  readonly vxlanPort?: number;
  /** Directory in a bpf file system; mounted when it lies in none. */
  readonly pinPath: string;
}

/** The object's maps for forwarding have no use here and are made as small as they can be. */
const USED_MAPS: ReadonlySet<string> = new Set(['l4_decap', 'l4_drop', 'l4_last']);
const SMALLEST_RING_BYTES = 4096;

/**
 * Attaches the program, or replaces it together with its addresses when it is attached already.
 *
 * @throws {PlaneError} without an address or the interface.
 */
export function attachDecapsulation(options: DecapsulationOptions): void {
  const { interfaceName, addresses, pinPath } = options;
  const { guePort: gue = TUNNEL_PORTS.gue, vxlanPort: vxlan = TUNNEL_PORTS.vxlan } = options;
  if (addresses.length === 0) {
    throw new PlaneError('needs --address: an address of this server that tunnels lead to');
  }
  const [link] = findInterfaces([interfaceName]);
  if (!isBpfFilesystem(pinPath) && !isBpfFilesystem(dirname(pinPath))) {
    mountBpfFilesystem(dirname(pinPath));
  }
  mkdirSync(pinPath, { recursive: true, mode: 0o700 });
  const object = readObject(readFileSync(objectUrl('l4-tc')));
  const unused = [...object.maps.values()].filter(({ name }) => !USED_MAPS.has(name));
  const maxEntries = Object.fromEntries(
    unused.map(({ name, type }) => [name, type === 'ringbuf' ? SMALLEST_RING_BYTES : 1]),
  );
  const loaded = loadObject<L4Tc>(object, { layout: l4TcLayout, programs: ['decap'], maxEntries });
  try {
    for (const address of addresses) {
      loaded.map('l4_decap').set(toMapAddress(address), { gue, vxlan });
    }
    const pin = join(pinPath, `decap-${link!.ifindex}`);
    const present = existsSync(pin) ? Link.openPinned(pin) : undefined;
    if (present?.info().ifindex === link!.ifindex) {
      present.update(loaded.program('decap'));
      present.close();
      return;
    }
    present?.close();
    rmSync(pin, { force: true });
    const made = attachTc({
      program: loaded.program('decap'),
      ifindex: link!.ifindex,
      direction: 'ingress',
      place: 'first',
      by: 'link',
    });
    if (!(made instanceof Link)) throw new Error('an attachment by link is none');
    made.pin(pin);
    made.close();
  } finally {
    loaded.close();
  }
}

/** Detaches the program from an interface. @returns Whether it was attached. */
export function detachDecapsulation({
  interfaceName,
  pinPath,
}: Pick<DecapsulationOptions, 'interfaceName' | 'pinPath'>): boolean {
  const [link] = findInterfaces([interfaceName]);
  const pin = join(pinPath, `decap-${link!.ifindex}`);
  if (!existsSync(pin)) return false;
  rmSync(pin);
  if (readdirSync(pinPath).length === 0) rmSync(pinPath, { recursive: true });
  return true;
}

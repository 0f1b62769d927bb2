import { describe } from 'vitest';
import { NetworkNamespace } from '../../src/network-namespace.ts';
import { RouteSocket } from '../../src/netlink/route-socket.ts';
import { changeLink, createVeth, findLink } from '../../src/netlink/links.ts';

const isRoot = process.getuid?.() === 0;

/**
 * A group of tests that talks to the kernel's BPF; says so when it has to be skipped.
 */
export function describeAsRoot(name: string, tests: () => void): void {
  const title = isRoot ? name : `${name} (skipped: needs root for bpf(2) and network namespaces)`;
  // oxlint-disable-next-line vitest/valid-title, vitest/valid-describe-callback -- both are handed in
  describe.skipIf(!isRoot)(title, tests);
}

/** Two connected interfaces in a namespace of their own; all is gone after `close`. */
export interface VethPair {
  readonly namespace: NetworkNamespace;
  /** A socket into the namespace. */
  readonly route: RouteSocket;
  readonly left: number;
  readonly right: number;
  close(): void;
}

export function vethPair(): VethPair {
  const namespace = NetworkNamespace.create();
  const route = namespace.run(() => RouteSocket.open());
  createVeth(route, { name: 'left', peer: 'right' });
  const left = findLink(route, 'left')!.ifindex;
  const right = findLink(route, 'right')!.ifindex;
  changeLink(route, left, { up: true });
  changeLink(route, right, { up: true });
  return {
    namespace,
    route,
    left,
    right,
    close() {
      route.close();
      namespace.close();
    },
  };
}

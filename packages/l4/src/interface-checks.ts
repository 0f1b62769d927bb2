/**
 * What interfaces and their drivers have to be for a hook. XDP meets frames as drivers hand them over:
 * before the kernel has finished their checksums, and without help to cut what was joined.
 *
 * @module
 */
import { type LinkDescription, readOffload, type Offload, SyscallError } from '@balancer/ebpf';
import { type Finding, hint, problem, warning } from './finding.ts';
import { type HookChoice, sendsRedirected } from './hook-choice.ts';

/** What the driver of an interface does, as far as XDP depends on it. */
export interface DriverFacts {
  /** Joins received packets, by GRO or LRO. */
  readonly joins: boolean;
  /** Takes VLAN tags out of frames, so that XDP sees none. */
  readonly takesTags: boolean;
  /** Sends frames that XDP redirects to it; `undefined` when the kernel does not say. */
  readonly sends: boolean | undefined;
}

/** Largest frames that native XDP takes in one page. */
const XDP_MTU_MAX = 3498;
/** Kinds of interfaces that hand over frames with unfinished checksums. */
const OFFLOADING_KINDS: ReadonlySet<string> = new Set(['veth', 'tun']);
/** Asks the drivers of interfaces, in the calling thread's network namespace. */
export function driverFacts(links: readonly LinkDescription[]): Map<string, DriverFacts> {
  return new Map(
    links.map(({ name, ifindex }) => {
      const has = (offload: Offload): boolean => orElse(() => readOffload(name, offload), false);
      const facts: DriverFacts = {
        joins: has('rx-gro') || has('rx-lro'),
        takesTags: has('rx-vlan'),
        sends: orElse(() => sendsRedirected(ifindex), undefined),
      };
      return [name, facts] as const;
    }),
  );
}

/** What is wrong with the interfaces of a plane. */
export function checkInterfaces(
  {
    interfaces,
    hook,
    manageVips,
  }: {
    readonly interfaces: readonly string[];
    readonly hook: HookChoice;
    readonly manageVips: boolean;
  },
  {
    links,
    drivers,
  }: {
    readonly links: readonly LinkDescription[];
    readonly drivers: ReadonlyMap<string, DriverFacts>;
  },
): Finding[] {
  const findings = interfaces.flatMap((name): Finding[] => {
    const link = links.find((each) => each.name === name);
    if (!link) {
      return [problem(`there is no interface ${name}`, `see "ip link"; set l4.interfaces`)];
    }
    const down = link.up
      ? []
      : [problem(`interface ${name} is down`, `ip link set dev ${name} up`)];
    if (hook !== 'xdp' && hook !== 'xdp-generic') return down;
    const tagged = links.some(({ kind, lower }) => kind === 'vlan' && lower === link.ifindex);
    return [...down, ...checkXdp(link, hook, { tagged, driver: drivers.get(name) })];
  });
  const loopback = links.find(({ name }) => name === 'lo');
  if (manageVips && loopback?.up === false) {
    findings.push(warning('lo is down', 'ip link set dev lo up'));
  }
  return findings;
}

function checkXdp(
  { name, mtu, kind = '' }: LinkDescription,
  hook: 'xdp' | 'xdp-generic',
  { tagged, driver }: { readonly tagged: boolean; readonly driver: DriverFacts | undefined },
): Finding[] {
  const findings: Finding[] = [];
  if (hook === 'xdp' && mtu > XDP_MTU_MAX) {
    findings.push(
      problem(
        `interface ${name} has MTU ${mtu}; native XDP takes ${XDP_MTU_MAX}`,
        `ip link set dev ${name} mtu ${XDP_MTU_MAX}`,
      ),
    );
  }
  if (OFFLOADING_KINDS.has(kind)) {
    findings.push(
      warning(
        `interface ${name} is a ${kind} interface: packets of this machine's own namespaces come over it with unfinished checksums, which receivers drop when XDP has changed them`,
        `where they come from: ethtool -K <interface> tx off; or set hook = "tc"`,
      ),
    );
  }
  if (hook === 'xdp' && driver?.sends === false) {
    findings.push(
      problem(
        `interface ${name} does not send frames that XDP redirects to it`,
        kind === 'veth'
          ? 'at the other end of the pair: ethtool -K <interface> gro on'
          : 'set hook = "tc"',
      ),
    );
  }
  if (tagged && driver?.takesTags === true) {
    findings.push(
      warning(
        `interface ${name} takes VLAN tags out of frames: XDP takes packets of its VLANs for untagged ones`,
        `ethtool -K ${name} rxvlan off`,
      ),
    );
  }
  if (hook === 'xdp-generic' && driver?.joins !== false) {
    findings.push(
      hint(
        'generic XDP sees packets that GRO has joined, and cannot send those above the MTU',
        `ethtool -K ${name} gro off lro off`,
      ),
    );
  }
  return findings;
}

/** What a driver does not tell is not known. */
function orElse<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return otherwise;
  }
}

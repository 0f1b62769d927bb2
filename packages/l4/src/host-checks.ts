/**
 * What the host has to be for packets to be forwarded, each failed check with the command that mends it.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import {
  type InterfaceAddress,
  isClockKept,
  type LinkDescription,
  listAddresses,
  listLinks,
  listNeighbours,
  type Neighbour,
  NEIGHBOUR_STATES,
  RouteSocket,
} from '@balancer/ebpf';
import type { ForwardMode } from './desired.ts';
import type { HookChoice } from './hook-choice.ts';
import { checkInterfaces, type DriverFacts, driverFacts } from './interface-checks.ts';
import { type Finding, problem, warning } from './finding.ts';
import { findPaths, type Path } from './neighbours.ts';

/** What the checks are about. */
export interface CheckedPlane {
  readonly hook: HookChoice;
  readonly interfaces: readonly string[];
  readonly pinPath: string;
  readonly manageVips: boolean;
  readonly services: readonly string[];
  readonly localAddresses: readonly string[];
  readonly backends: readonly { readonly address: string; readonly mode: ForwardMode }[];
  /** Answers SYNs with cookies that other hosts of the cluster know, which their time is in. */
  readonly sharesCookies: boolean;
}

/** The host as the checks see it; a test gives one of its own. */
export interface HostFacts {
  readonly kernel: string;
  /** `CapEff` of the process. */
  readonly capabilities: bigint;
  readonly links: readonly LinkDescription[];
  readonly addresses: readonly InterfaceAddress[];
  readonly neighbours: readonly Neighbour[];
  readonly paths: readonly Path[];
  /** Drivers of the plane's interfaces, by the interfaces' names. */
  readonly drivers: ReadonlyMap<string, DriverFacts>;
  /** Value of a file below /proc/sys/net, `''` when it is not there. */
  readonly sysctl: (name: string) => string;
  /** Something keeps the clock right. */
  readonly isClockKept: boolean;
}

const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;
const CAP_BPF = 39n;

/** Looks at this host, in the network namespace of the calling thread. */
export function hostFacts({ backends, interfaces }: CheckedPlane): HostFacts {
  const socket = RouteSocket.open();
  try {
    const links = listLinks(socket);
    return {
      kernel: release(),
      capabilities: effectiveCapabilities(),
      links,
      addresses: listAddresses(socket),
      neighbours: listNeighbours(socket),
      paths: findPaths(
        socket,
        backends.map(({ address }) => address),
      ),
      drivers: driverFacts(links.filter(({ name }) => interfaces.includes(name))),
      sysctl: readSysctl,
      isClockKept: isClockKept(),
    };
  } finally {
    socket.close();
  }
}

/** Everything that is not as it should be, the gravest first. */
export function checkHost(plane: CheckedPlane, host: HostFacts): Finding[] {
  const findings = [
    ...checkKernel(host),
    ...checkForwarding(plane, host),
    ...checkInterfaces(plane, host),
    ...checkAddresses(plane, host),
    ...checkPaths(plane, host),
    ...checkClock(plane, host),
  ];
  const order = ['problem', 'warning', 'hint'];
  return findings.toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

function checkKernel({ kernel, capabilities }: HostFacts): Finding[] {
  const findings: Finding[] = [];
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 1)) {
    findings.push(problem(`kernel ${kernel} is older than 6.1`, 'install a newer kernel'));
  }
  const has = (bit: bigint): boolean => (capabilities & (1n << bit)) !== 0n;
  if (!has(CAP_NET_ADMIN) || !(has(CAP_BPF) || has(CAP_SYS_ADMIN))) {
    findings.push(
      problem(
        'the process lacks CAP_BPF or CAP_NET_ADMIN',
        'run as root, or give the service CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON',
      ),
    );
  }
  return findings;
}

/** Without forwarding the kernel's routing table gives programs no answer. */
function checkForwarding(
  { services, localAddresses, backends }: CheckedPlane,
  { sysctl }: HostFacts,
): Finding[] {
  const addresses = [...services, ...localAddresses, ...backends.map(({ address }) => address)];
  const families = [
    { used: addresses.some((a) => !a.includes(':')), name: 'ipv4/ip_forward' },
    { used: addresses.some((a) => a.includes(':')), name: 'ipv6/conf/all/forwarding' },
  ];
  return families.flatMap(({ used, name }) => {
    if (!used || sysctl(name) === '1') return [];
    const key = `net.${name.replaceAll('/', '.')}`;
    return [problem(`${key} is ${sysctl(name) || 'missing'}`, `sysctl -w ${key}=1`)];
  });
}

function checkAddresses(
  { services, localAddresses, manageVips }: CheckedPlane,
  { addresses }: HostFacts,
): Finding[] {
  if (manageVips) return [];
  const present = new Set(addresses.map(({ address }) => address));
  return [...new Set([...services, ...localAddresses])]
    .filter((address) => !present.has(address))
    .map((address) =>
      warning(
        `${address} is on no interface: nobody answers for it`,
        `ip addr add ${address}/${address.includes(':') ? 128 : 32} dev lo; or set l4.manage_vips = true`,
      ),
    );
}

function checkPaths({ backends }: CheckedPlane, { paths, neighbours }: HostFacts): Finding[] {
  return paths.flatMap(({ server, hop, isGateway, problem: reason }): Finding[] => {
    if (!hop)
      return [problem(`server ${server}: ${reason}`, `ip route add ${server} via <router>`)];
    const isDirect = backends.some(({ address, mode }) => address === server && mode === 'dr');
    if (isDirect && isGateway) {
      return [
        problem(
          `server ${server} is behind the router ${hop.address}; mode "dr" needs it on the same link`,
          'use mode "tunnel", or move the server',
        ),
      ];
    }
    const entry = neighbours.find(
      (each) => each.ifindex === hop.ifindex && each.address === hop.address,
    );
    const failed = entry && (entry.state & NEIGHBOUR_STATES.failed) !== 0;
    if (!failed) return [];
    return [
      warning(
        `next hop ${hop.address} of server ${server} does not answer`,
        `ip neigh show ${hop.address}`,
      ),
    ];
  });
}

function checkClock({ sharesCookies }: CheckedPlane, host: HostFacts): Finding[] {
  if (!sharesCookies || host.isClockKept) return [];
  return [
    warning(
      'nothing keeps the clock of this host: hosts with the same l4.cookie_secret refuse cookies of one whose clock is ahead',
      'timedatectl set-ntp true; or run chrony',
    ),
  ];
}

function effectiveCapabilities(): bigint {
  const status = readFileSync('/proc/self/status', 'utf8');
  const digits = /^CapEff:\s*([\da-f]+)$/m.exec(status)?.[1];
  return BigInt(`0x${digits ?? '0'}`);
}

function readSysctl(name: string): string {
  try {
    return readFileSync(`/proc/sys/net/${name}`, 'utf8').trim();
  } catch {
    return '';
  }
}

/**
 * Which hook of the kernel packets are taken at.
 *
 * @module
 */
import {
  type LinkDescription,
  linkXdp,
  type Program,
  readXdpFeatures,
  SyscallError,
} from '@balancer/ebpf';

/** How packets of an interface reach the plane. */
export type Hook = 'xdp' | 'xdp-generic' | 'tc';
export type HookChoice = Hook | 'auto';

/** The hook of all interfaces, and why. */
export interface ChosenHook {
  readonly hook: Hook;
  readonly reason: string;
}

/** What an interface's driver says about native XDP. */
export interface XdpProbe {
  /** Why it takes no native XDP; `undefined` when it does. */
  readonly refusal: string | undefined;
  /** Whether it sends frames that are redirected to it; `undefined` when the kernel does not say. */
  readonly sends: boolean | undefined;
}

/** Kinds of interfaces whose peers or lower parts make native XDP do less than it promises. */
const NO_XDP_KINDS: ReadonlySet<string> = new Set([
  'veth',
  'tun',
  'bridge',
  'bond',
  'vlan',
  'team',
  'macvlan',
  'ipvlan',
]);
const IFF_LOOPBACK = 8;

/**
 * Which hook `auto` means here. XDP only where it is sure to work: every driver takes it, and where packets
 * may leave by another interface than they came from, every driver sends what is redirected to it.
 *
 * @param probe - Asks a driver; nothing is left attached.
 */
export function chooseHook(
  choice: HookChoice,
  links: readonly LinkDescription[],
  probe: (link: LinkDescription) => XdpProbe,
): ChosenHook {
  if (choice !== 'auto') return { hook: choice, reason: `hook = "${choice}"` };
  for (const { name, kind, flags } of links) {
    if (kind !== undefined && NO_XDP_KINDS.has(kind)) return tc(`${name} is a ${kind} interface`);
    if ((flags & IFF_LOOPBACK) !== 0) return tc('loopback has no native XDP');
  }
  for (const link of links) {
    const { refusal, sends } = probe(link);
    if (refusal !== undefined) return tc(`${link.name} has no native XDP (${refusal})`);
    if (links.length > 1 && sends !== true) {
      return tc(
        sends === false
          ? `${link.name} does not send frames that XDP redirects`
          : `whether ${link.name} sends frames that XDP redirects is not known; set hook = "xdp" if it does`,
      );
    }
  }
  const names = links.map(({ name }) => name).join(', ');
  return { hook: 'xdp', reason: `native XDP works on ${names}` };
}

/** Attaches a program for a moment: some drivers can send only then. */
export function probeXdp({ ifindex, xdpProgramId }: LinkDescription, program: Program): XdpProbe {
  if (xdpProgramId !== 0) return { refusal: undefined, sends: sendsRedirected(ifindex) };
  try {
    using _link = linkXdp({ program, ifindex, mode: 'native' });
    return { refusal: undefined, sends: sendsRedirected(ifindex) };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return { refusal: error.errnoName, sends: undefined };
  }
}

/** Whether a driver sends what is redirected to it; `undefined` when the kernel does not say. */
export function sendsRedirected(ifindex: number): boolean | undefined {
  return readXdpFeatures(ifindex)?.has('send');
}

function tc(reason: string): ChosenHook {
  return { hook: 'tc', reason };
}

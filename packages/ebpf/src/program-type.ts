/**
 * Kinds of programs, and how section names choose them.
 *
 * Source: `enum bpf_prog_type` and `enum bpf_attach_type` in include/uapi/linux/bpf.h; section names
 * as in the kernel's Documentation/bpf/libbpf/program_types.rst.
 *
 * @module
 */

const TYPES = [
  ['socketFilter', 1],
  ['tc', 3],
  ['tcAction', 4],
  ['xdp', 6],
  ['cgroupSkb', 8],
  ['cgroupSock', 9],
  ['sockOps', 13],
  ['skSkb', 14],
  ['cgroupDevice', 15],
  ['skMsg', 16],
  ['cgroupSockAddr', 18],
  ['flowDissector', 22],
  ['cgroupSysctl', 23],
  ['cgroupSockopt', 25],
  ['skLookup', 30],
  ['syscall', 31],
] as const;

export type ProgramType = (typeof TYPES)[number][0];

const NUMBERS = new Map<ProgramType, number>(TYPES);
const NAMES = new Map<number, ProgramType>(TYPES.map(([name, number]) => [number, name]));

/** The kernel's number of a program type. */
export function programTypeNumber(type: ProgramType): number {
  return NUMBERS.get(type)!;
}

/** Name of a program type number, or `undefined` for one this package does not know. */
export function programTypeName(type: number): ProgramType | undefined {
  return NAMES.get(type);
}

export const ATTACH_XDP = 37;
export const ATTACH_TCX_INGRESS = 46;
export const ATTACH_TCX_EGRESS = 47;

const F_SLEEPABLE = 0x10;
const F_XDP_HAS_FRAGS = 0x20;

/** How a program of a section is loaded. */
export interface SectionKind {
  readonly type: ProgramType;
  /** `enum bpf_attach_type` that the load names; 0 when the type needs none. */
  readonly attachType: number;
  /** Flags of the load. */
  readonly flags: number;
}

const XDP: SectionKind = { type: 'xdp', attachType: ATTACH_XDP, flags: 0 };
const TC: SectionKind = { type: 'tc', attachType: 0, flags: 0 };

const SECTIONS: ReadonlyMap<string, SectionKind> = new Map<string, SectionKind>([
  ['xdp', XDP],
  ['xdp.frags', { ...XDP, flags: F_XDP_HAS_FRAGS }],
  ['tc', TC],
  ['tcx/ingress', { ...TC, attachType: ATTACH_TCX_INGRESS }],
  ['tcx/egress', { ...TC, attachType: ATTACH_TCX_EGRESS }],
  ['classifier', TC],
  ['action', { type: 'tcAction', attachType: 0, flags: 0 }],
  ['syscall', { type: 'syscall', attachType: 0, flags: F_SLEEPABLE }],
  ['socket', { type: 'socketFilter', attachType: 0, flags: 0 }],
  ['sockops', { type: 'sockOps', attachType: 3, flags: 0 }],
  ['sk_msg', { type: 'skMsg', attachType: 7, flags: 0 }],
  ['sk_lookup', { type: 'skLookup', attachType: 36, flags: 0 }],
  ['flow_dissector', { type: 'flowDissector', attachType: 17, flags: 0 }],
  ['cgroup/dev', { type: 'cgroupDevice', attachType: 6, flags: 0 }],
  ['cgroup/sysctl', { type: 'cgroupSysctl', attachType: 18, flags: 0 }],
  ['cgroup/getsockopt', { type: 'cgroupSockopt', attachType: 21, flags: 0 }],
  ['cgroup/setsockopt', { type: 'cgroupSockopt', attachType: 22, flags: 0 }],
  ...numbered('cgroupSkb', [
    ['cgroup_skb/ingress', 0],
    ['cgroup_skb/egress', 1],
  ]),
  ...numbered('cgroupSock', [
    ['cgroup/sock_create', 2],
    ['cgroup/post_bind4', 12],
    ['cgroup/post_bind6', 13],
    ['cgroup/sock_release', 34],
  ]),
  ...numbered('cgroupSockAddr', [
    ['cgroup/bind4', 8],
    ['cgroup/bind6', 9],
    ['cgroup/connect4', 10],
    ['cgroup/connect6', 11],
    ['cgroup/sendmsg4', 14],
    ['cgroup/sendmsg6', 15],
    ['cgroup/recvmsg4', 19],
    ['cgroup/recvmsg6', 20],
    ['cgroup/getpeername4', 29],
    ['cgroup/getpeername6', 30],
    ['cgroup/getsockname4', 31],
    ['cgroup/getsockname6', 32],
  ]),
]);

function numbered(
  type: ProgramType,
  names: readonly (readonly [string, number])[],
): [string, SectionKind][] {
  return names.map(([name, attachType]) => [name, { type, attachType, flags: 0 }]);
}

/**
 * What a section's programs are. A suffix may follow a known name after a slash, as in `xdp/stage1`.
 *
 * @returns `undefined` for a section whose name no program type claims.
 */
export function sectionKind(section: string): SectionKind | undefined {
  for (let name = section; name !== ''; name = name.slice(0, Math.max(name.lastIndexOf('/'), 0))) {
    const kind = SECTIONS.get(name);
    if (kind !== undefined) return kind;
  }
  return undefined;
}

/** Section names that choose a program type, for error messages. */
export function knownSections(): string[] {
  return [...SECTIONS.keys()];
}

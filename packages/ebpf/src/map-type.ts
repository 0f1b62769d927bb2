/**
 * Kinds of maps and their creation flags, by the kernel's names and numbers.
 *
 * Source: `enum bpf_map_type` and the `BPF_F_*` flags in include/uapi/linux/bpf.h.
 *
 * @module
 */

/** Names in the order of their numbers; number 0 is no type. */
const NAMES = [
  undefined,
  'hash',
  'array',
  'progArray',
  'perfEventArray',
  'percpuHash',
  'percpuArray',
  'stackTrace',
  'cgroupArray',
  'lruHash',
  'lruPercpuHash',
  'lpmTrie',
  'arrayOfMaps',
  'hashOfMaps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroupStorage',
  'reuseportSockarray',
  'percpuCgroupStorage',
  'queue',
  'stack',
  'skStorage',
  'devmapHash',
  'structOps',
  'ringbuf',
  'inodeStorage',
  'taskStorage',
  'bloomFilter',
  'userRingbuf',
  'cgrpStorage',
  'arena',
] as const;

export type MapType = NonNullable<(typeof NAMES)[number]>;

/** The kernel's number of a map type. */
export function mapTypeNumber(type: MapType): number {
  return NAMES.indexOf(type);
}

/** Name of a map type number, or `undefined` for one this package does not know. */
export function mapTypeName(type: number): MapType | undefined {
  return NAMES[type];
}

/** Do not allocate all entries of a hash up front; compulsory for `lpmTrie`. */
export const BPF_F_NO_PREALLOC = 0x1;
/** Programs may only read. */
export const BPF_F_RDONLY_PROG = 0x80;
/** An array can be mapped into memory. */
export const BPF_F_MMAPABLE = 0x400;
/** Inner arrays of a map of maps may differ in length. */
export const BPF_F_INNER_MAP = 0x1000;

const PERCPU: ReadonlySet<MapType> = new Set([
  'percpuHash',
  'percpuArray',
  'lruPercpuHash',
  'percpuCgroupStorage',
]);

/** The kernel refuses BTF for keys and values of these. */
const WITHOUT_BTF: ReadonlySet<MapType> = new Set([
  'progArray',
  'perfEventArray',
  'cgroupArray',
  'arrayOfMaps',
  'hashOfMaps',
  'devmap',
  'devmapHash',
  'cpumap',
  'xskmap',
  'ringbuf',
  'userRingbuf',
  'stackTrace',
]);

/** Whether a value has one copy per possible CPU. */
export function isPercpu(type: MapType): boolean {
  return PERCPU.has(type);
}

export function acceptsBtf(type: MapType): boolean {
  return !WITHOUT_BTF.has(type);
}

export function isMapOfMaps(type: MapType): boolean {
  return type === 'arrayOfMaps' || type === 'hashOfMaps';
}

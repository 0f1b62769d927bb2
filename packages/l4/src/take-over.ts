/**
 * An upgrade to a release whose maps have another layout: services, numbers, flows and statistics go over from
 * the maps of the former release, then its links and, at the end, its pins go. Until then nothing of the former
 * set changes, so that a start that fails leaves it as it was.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import {
  BpfMap,
  codecOf,
  decode,
  kernelTypesOf,
  type KernelTypedMap,
  type LoadedObject,
} from '@balancer/ebpf';
import type { L4Tc } from '../bpf/objects/l4-tc.types.ts';
import { LINKS } from './attachments.ts';
import { carryOver } from './carry-over.ts';
import { PlaneError } from './errors.ts';

/** Maps whose entries go over, in the order in which they refer to each other. */
const COPIED = [
  'l4_meta',
  'l4_cfg',
  'l4_filter',
  'l4_lip',
  'l4_be',
  'l4_svc',
  'l4_vip',
  'l4_match_filter',
  'l4_cur',
  'l4_cnt',
  'l4_scnt',
  'l4_stat_svc',
  'l4_stat_be',
  'l4_drop',
  'l4_tpl',
  'l4_cookie',
  'l4_ct',
] as const;
/** Maps of maps, whose inner maps are used on. */
const OUTER = ['l4_sel', 'l4_list', 'l4_match'] as const;
/** What goes on changing while the former programs still run. */
const LIVING = ['l4_tpl', 'l4_ct'] as const;
const KEY_BYTES = 4;

/**
 * Copies everything from the maps pinned in a directory into new ones.
 *
 * @throws {PlaneError} when the new maps are too small for it.
 */
export function copyMaps(from: string, to: LoadedObject<L4Tc>): void {
  for (const name of COPIED) copyMap(name, from, to, 'any');
  for (const name of OUTER) adoptTables(name, from, to);
}

/** Copies flows and templates that came while the former programs still ran. */
export function copyLatecomers(from: string, to: LoadedObject<L4Tc>): void {
  for (const name of LIVING) copyMap(name, from, to, 'create');
}

/** Moves pinned links to the directory of the new maps; programs stay attached. */
export function moveLinks(from: string, to: string): void {
  const [source, target] = [join(from, LINKS), join(to, LINKS)];
  if (!existsSync(source)) return;
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(source)) renameSync(join(source, name), join(target, name));
}

/** Removes the pins of a set of maps. @returns How many there were. */
export function removePins(directory: string): number {
  const present = readdirSync(directory).filter((name) => name !== LINKS);
  for (const name of present) rmSync(join(directory, name));
  rmSync(directory, { recursive: true, force: true });
  return present.length;
}

function copyMap(
  name: (typeof COPIED)[number],
  from: string,
  to: LoadedObject<L4Tc>,
  mode: 'any' | 'create',
): void {
  const path = join(from, name);
  const target = to.maps.get(name);
  // A map that one of the releases does not have.
  if (target === undefined || !existsSync(path)) return;
  using source = BpfMap.openPinned(path);
  const [old, next] = [kernelTypesOf(source), kernelTypesOf(target)];
  const isSame = isDeepStrictEqual([old.key, old.value], [next.key, next.value]);
  const limit = isArray(target) ? target.info.maxEntries : Infinity;
  for (const { count, keys, values } of source.batches()) {
    for (let i = 0; i < count; i++) {
      const key = keys.subarray(i * source.info.keySize, (i + 1) * source.info.keySize);
      const value = values.subarray(i * source.valueBytes, (i + 1) * source.valueBytes);
      if (isArray(source) && value.every((byte) => byte === 0)) continue;
      if (isArray(source) && new DataView(key.slice().buffer).getUint32(0, true) >= limit) {
        throw new PlaneError(
          `${name} of the former release has more entries than fit now (${limit}): raise [l4.limits]; nothing was changed`,
        );
      }
      if (isSame) target.update(key, value, mode);
      else convert(old, next, key, value, mode);
    }
  }
}

function convert(
  old: KernelTypedMap,
  next: KernelTypedMap,
  key: Uint8Array,
  value: Uint8Array,
  mode: 'any' | 'create',
): void {
  const { typed } = next;
  const [oldKey, oldValue] = old.typed.read(key, value);
  const empty = (shape: KernelTypedMap['key']): unknown =>
    shape ? decode(codecOf(shape), new Uint8Array(shape.size)) : 0;
  const emptyValue = Array.isArray(oldValue)
    ? oldValue.map(() => empty(next.value))
    : empty(next.value);
  typed.set(carryOver(empty(next.key), oldKey), carryOver(emptyValue, oldValue), mode);
}

function adoptTables(name: (typeof OUTER)[number], from: string, to: LoadedObject<L4Tc>): void {
  const path = join(from, name);
  if (!existsSync(path)) return;
  using source = BpfMap.openPinned(path);
  const target = to.map(name);
  for (const { count, keys, values } of source.batches()) {
    const ids = new DataView(values.buffer, values.byteOffset, values.length);
    const numbers = new DataView(keys.buffer, keys.byteOffset, keys.length);
    for (let i = 0; i < count; i++) {
      using inner = BpfMap.fromId(ids.getUint32(i * KEY_BYTES, true));
      target.set(numbers.getUint32(i * KEY_BYTES, true), inner.fd);
    }
  }
}

function isArray({ type }: BpfMap): boolean {
  return type === 'array' || type === 'percpuArray';
}

/**
 * Maps, at the level of bytes. `TypedMap` puts codecs around one.
 *
 * Each map keeps one attribute block and one buffer for key and value, so that looking up, updating and
 * deleting allocate nothing except the returned copy.
 *
 * @module
 */
import { constants } from 'node:os';
import { BPF, BpfAttr, bpf, tryBpf } from './bpf-call.ts';
import { possibleCpus } from './cpu.ts';
import { ENOTSUPP } from './errno.ts';
import { SyscallError, ValueError } from './errors.ts';
import { Handle } from './handle.ts';
import { isMapOfMaps, isPercpu, mapTypeNumber, mapTypeName, type MapType } from './map-type.ts';
import { Mapping, Memory } from './memory.ts';

const { EEXIST, ENOENT, ENOSPC, EINVAL, E2BIG } = constants.errno;

export interface MapOptions {
  readonly name: string;
  readonly type: MapType;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** `BPF_F_*` creation flags; none by default. */
  readonly flags?: number;
  /** Template of the inner maps, for maps of maps. */
  readonly innerFd?: number;
  /** Type information of key and value; left out for map types that refuse it. */
  readonly btf?: { readonly fd: number; readonly keyType: number; readonly valueType: number };
}

/** What the kernel says about a map. */
export interface MapInfo {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** Number of the type information it was made with, and its types there; 0 is none. */
  readonly btfId: number;
  readonly keyType: number;
  readonly valueType: number;
}

/** `any`: create or overwrite; `create`: must not exist; `exist`: must exist. */
export type UpdateMode = 'any' | 'create' | 'exist';

const UPDATE_FLAGS: Readonly<Record<UpdateMode, bigint>> = { any: 0n, create: 1n, exist: 2n };

/** Entries as two runs of bytes; entry i is at `i * keySize` and `i * valueBytes`. */
export interface MapBatch {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

export class BpfMap extends Handle {
  readonly info: MapInfo;
  /** Bytes an entry's value takes in calls: for per-CPU maps all copies, each rounded up to 8. */
  readonly valueBytes: number;
  readonly #attr: BpfAttr;
  /** The kernel wants no value where it reads none. */
  readonly #deleteAttr: BpfAttr;
  readonly #key: Memory;
  readonly #value: Memory;
  readonly #nextKey: Memory;

  private constructor(fd: number, info: MapInfo) {
    super(fd, `map ${info.name}`);
    this.info = info;
    this.valueBytes = valueBytesOf(info);
    this.#key = new Memory(info.keySize);
    this.#nextKey = new Memory(info.keySize);
    this.#value = new Memory(this.valueBytes);
    this.#attr = new BpfAttr(32).u32(0, fd).pointer(8, this.#key).pointer(16, this.#value);
    this.#deleteAttr = new BpfAttr(16).u32(0, fd).pointer(8, this.#key);
  }

  /**
   * Creates a map.
   *
   * @throws {SyscallError} if the kernel refuses.
   */
  static create(options: MapOptions): BpfMap {
    const attr = new BpfAttr(72)
      .u32(0, mapTypeNumber(options.type))
      .u32(4, options.keySize)
      .u32(8, options.valueSize)
      .u32(12, options.maxEntries)
      .u32(16, options.flags ?? 0)
      .u32(20, options.innerFd ?? 0)
      .name(28, options.name);
    if (options.btf) {
      const { fd, keyType, valueType } = options.btf;
      attr.u32(48, fd).u32(52, keyType).u32(56, valueType);
    }
    const what = `create map ${options.name} (${options.type}, key ${options.keySize}, value ${options.valueSize}, ${options.maxEntries} entries)`;
    return BpfMap.#own(bpf(BPF.mapCreate, attr, what), options.name);
  }

  /** Opens a map that is pinned at `path`. */
  static openPinned(path: string): BpfMap {
    const attr = new BpfAttr(16).pointer(0, Memory.cString(path));
    return BpfMap.#own(bpf(BPF.objGet, attr, `open map pinned at ${path}`));
  }

  /** Opens a map by the id that `info.id` or an inner-map look-up gave. */
  static fromId(id: number): BpfMap {
    const attr = new BpfAttr(12).u32(0, id);
    return BpfMap.#own(bpf(BPF.mapById, attr, `open map with id ${id}`));
  }

  static #own(fd: number, name?: string): BpfMap {
    const info = readMapInfo(fd);
    return new BpfMap(fd, name === undefined ? info : { ...info, name });
  }

  get type(): MapType | undefined {
    return mapTypeName(this.info.type);
  }

  /**
   * The value of a key, or `undefined` when there is none. For maps of maps: the inner map's id as
   * little-endian u32.
   */
  lookup(key: Uint8Array): Uint8Array | undefined {
    this.#setKey(key);
    const result = this.#element(BPF.mapLookup, 0n);
    if (result === -ENOENT) return undefined;
    if (result < 0) throw this.#error('look up', -result);
    return this.#value.bytes.slice();
  }

  /**
   * Writes an entry.
   *
   * @returns Whether it was written: false when `mode` forbids it.
   * @throws {SyscallError} if the map is full (E2BIG) or the kernel refuses otherwise.
   */
  update(key: Uint8Array, value: Uint8Array, mode: UpdateMode = 'any'): boolean {
    this.#setKey(key);
    this.#checkLength('value', value, this.valueBytes);
    this.#value.bytes.set(value);
    const result = this.#element(BPF.mapUpdate, UPDATE_FLAGS[mode]);
    if (result === -EEXIST || (result === -ENOENT && mode === 'exist')) return false;
    if (result < 0) throw this.#error('update', -result);
    return true;
  }

  /** Deletes an entry; false when there was none. */
  delete(key: Uint8Array): boolean {
    this.#setKey(key);
    const result = tryBpf(BPF.mapDelete, this.#deleteAttr.u32(0, this.fd));
    if (result === -ENOENT) return false;
    if (result < 0) throw this.#error('delete from', -result);
    return true;
  }

  /**
   * All keys, one call each. Entries that come or go meanwhile may be missed; when the entry under the
   * cursor is deleted by others the walk would begin anew, so it ends after `maxEntries` keys.
   */
  *keys(): Generator<Uint8Array> {
    const attr = new BpfAttr(24).u32(0, this.fd).pointer(16, this.#nextKey);
    let current: Memory | undefined;
    for (let i = 0; i < this.info.maxEntries; i++) {
      if (current) attr.pointer(8, current);
      const result = tryBpf(BPF.mapNextKey, attr.u32(0, this.fd));
      if (result === -ENOENT) return;
      if (result < 0) throw this.#error('walk', -result);
      const key = this.#nextKey.bytes.slice();
      yield key;
      if (current) current.bytes.set(key);
      else current = Memory.from(key);
    }
  }

  /**
   * All entries in batches, far fewer calls than by key. Falls back to one call per entry for map
   * types without batches.
   *
   * @param size - Entries per call, 1 and up.
   */
  *batches(size: number = 4096): Generator<MapBatch> {
    yield* this.#walk(BPF.mapLookupBatch, size);
  }

  /** Removes and returns all entries in batches; hash maps only. */
  *drain(size: number = 4096): Generator<MapBatch> {
    yield* this.#walk(BPF.mapLookupAndDeleteBatch, size);
  }

  /** All entries as copies. */
  *entries(): Generator<[key: Uint8Array, value: Uint8Array]> {
    const { keySize } = this.info;
    for (const { count, keys, values } of this.batches()) {
      for (let i = 0; i < count; i++) {
        yield [
          keys.slice(i * keySize, (i + 1) * keySize),
          values.slice(i * this.valueBytes, (i + 1) * this.valueBytes),
        ];
      }
    }
  }

  /**
   * Writes many entries in one call; where the map type has no batches, one by one. When the kernel
   * stops in the middle, the error says how many were written.
   */
  updateBatch(batch: MapBatch, mode: UpdateMode = 'any'): void {
    this.#checkLength('keys', batch.keys, batch.count * this.info.keySize);
    this.#checkLength('values', batch.values, batch.count * this.valueBytes);
    const attr = this.#batchAttr(batch.count, Memory.from(batch.keys))
      .pointer(24, Memory.from(batch.values))
      .u64(40, UPDATE_FLAGS[mode]);
    this.#runBatch(BPF.mapUpdateBatch, attr, batch.count, (i) => {
      const { keySize } = this.info;
      this.update(
        batch.keys.subarray(i * keySize, (i + 1) * keySize),
        batch.values.subarray(i * this.valueBytes, (i + 1) * this.valueBytes),
        mode,
      );
    });
  }

  /** Deletes many entries in one call; keys that are not there are an error (ENOENT). */
  deleteBatch(keys: Uint8Array): void {
    const { keySize } = this.info;
    const count = keys.length / keySize;
    this.#checkLength('keys', keys, Math.floor(count) * keySize);
    const attr = this.#batchAttr(count, Memory.from(keys));
    this.#runBatch(BPF.mapDeleteBatch, attr, count, (i) => {
      if (!this.delete(keys.subarray(i * keySize, (i + 1) * keySize))) {
        throw this.#error('delete from', ENOENT);
      }
    });
  }

  /** Makes the map read-only for user space, for good. */
  freeze(): void {
    bpf(BPF.mapFreeze, new BpfAttr(4).u32(0, this.fd), `freeze ${this.toString()}`);
  }

  /** Gives the map a path in a bpf file system; it lives until unlinked there. */
  pin(path: string): void {
    pinObject(this.fd, path, this.toString());
  }

  /** Maps the values of an array created with `BPF_F_MMAPABLE` into memory. */
  mmap(): Mapping {
    const bytes = Math.ceil(this.valueBytes / 8) * 8 * this.info.maxEntries;
    return new Mapping(`map memory of ${this.toString()}`, this.fd, bytes, { writable: true });
  }

  #element(command: number, flags: bigint): number {
    this.#attr.u32(0, this.fd).u64(24, flags);
    return tryBpf(command, this.#attr);
  }

  *#walk(command: number, size: number): Generator<MapBatch> {
    const { keySize } = this.info;
    let capacity = Math.min(size, this.info.maxEntries);
    let keys = new Memory(capacity * keySize);
    let values = new Memory(capacity * this.valueBytes);
    const cursor = new Memory(Math.max(keySize, 8));
    let started = false;
    for (;;) {
      const attr = new BpfAttr(56).pointer(8, cursor).pointer(16, keys).pointer(24, values);
      if (started) attr.pointer(0, cursor);
      const result = tryBpf(command, attr.u32(32, capacity).u32(36, this.fd));
      if (result === -ENOSPC && capacity < this.info.maxEntries) {
        // One bucket of the hash holds more entries than fit: offer twice the room.
        capacity = Math.min(capacity * 2, this.info.maxEntries);
        keys = new Memory(capacity * keySize);
        values = new Memory(capacity * this.valueBytes);
        continue;
      }
      if (!started && isUnsupported(result) && command === BPF.mapLookupBatch) {
        yield* this.#walkByKey();
        return;
      }
      if (result < 0 && result !== -ENOENT) throw this.#error('read a batch of', -result);
      const count = attr.getU32(32);
      if (count > 0) yield this.#copyBatch(count, keys, values);
      if (result === -ENOENT) return;
      started = true;
    }
  }

  #copyBatch(count: number, keys: Memory, values: Memory): MapBatch {
    return {
      count,
      keys: keys.bytes.slice(0, count * this.info.keySize),
      values: values.bytes.slice(0, count * this.valueBytes),
    };
  }

  *#walkByKey(): Generator<MapBatch> {
    for (const keys of this.keys()) {
      const values = this.lookup(keys);
      if (values !== undefined) yield { count: 1, keys, values };
    }
  }

  #batchAttr(count: number, keys: Memory): BpfAttr {
    return new BpfAttr(56).pointer(16, keys).u32(32, count).u32(36, this.fd);
  }

  #runBatch(command: number, attr: BpfAttr, count: number, one: (index: number) => void): void {
    if (count === 0) return;
    const result = tryBpf(command, attr);
    if (result >= 0) return;
    if (isUnsupported(result)) {
      for (let i = 0; i < count; i++) one(i);
      return;
    }
    const done = Math.min(attr.getU32(32), count);
    throw new SyscallError(
      `change a batch of ${count} entries of ${this.toString()}`,
      -result,
      `${done} of them were changed`,
    );
  }

  #setKey(key: Uint8Array): void {
    this.#checkLength('key', key, this.info.keySize);
    this.#key.bytes.set(key);
  }

  #checkLength(what: string, bytes: Uint8Array, length: number): void {
    if (bytes.length !== length) {
      throw new ValueError(
        `${this.toString()}: ${what} must have ${length} bytes; got ${bytes.length}`,
      );
    }
  }

  #error(verb: string, errno: number): SyscallError {
    const full = errno === E2BIG ? `it holds at most ${this.info.maxEntries} entries` : undefined;
    return new SyscallError(`${verb} ${this.toString()}`, errno, full);
  }
}

/** Pins any object; the path must lie in a mounted bpf file system. */
export function pinObject(fd: number, path: string, what: string): void {
  const attr = new BpfAttr(16).pointer(0, Memory.cString(path)).u32(8, fd);
  const result = tryBpf(BPF.objPin, attr);
  if (result === 0) return;
  const detail =
    result === -EINVAL || result === -constants.errno.EPERM
      ? 'the directory must lie in a bpf file system (mount -t bpf bpf /sys/fs/bpf)'
      : undefined;
  throw new SyscallError(`pin ${what} at ${path}`, -result, detail);
}

/** Runs `BPF_OBJ_GET_INFO_BY_FD` into `size` bytes. */
export function objectInfo(fd: number, size: number, what: string): DataView {
  const info = new Memory(size);
  bpf(
    BPF.objInfo,
    new BpfAttr(16).u32(0, fd).u32(4, size).pointer(8, info),
    `read info of ${what}`,
  );
  return info.view;
}

/** A NUL-padded name in an info block. */
export function readName(view: DataView, offset: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + offset, 16);
  return bytes.toString('latin1').replace(/\0.*$/s, '');
}

function readMapInfo(fd: number): MapInfo {
  const view = objectInfo(fd, 88, 'a map');
  return {
    type: view.getUint32(0, true),
    id: view.getUint32(4, true),
    keySize: view.getUint32(8, true),
    valueSize: view.getUint32(12, true),
    maxEntries: view.getUint32(16, true),
    flags: view.getUint32(20, true),
    name: readName(view, 24),
    btfId: view.getUint32(64, true),
    keyType: view.getUint32(68, true),
    valueType: view.getUint32(72, true),
  };
}

function valueBytesOf({ type, valueSize }: MapInfo): number {
  const name = mapTypeName(type);
  if (name === undefined || isMapOfMaps(name) || !isPercpu(name)) return valueSize;
  return Math.ceil(valueSize / 8) * 8 * possibleCpus();
}

function isUnsupported(result: number): boolean {
  return result === -ENOTSUPP || result === -constants.errno.EOPNOTSUPP || result === -EINVAL;
}

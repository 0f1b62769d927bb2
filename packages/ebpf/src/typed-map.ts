/**
 * A map with keys and values of its C types.
 *
 * @module
 */
import { possibleCpus } from './cpu.ts';
import type { Codec } from './codec.ts';
import { decode, encode } from './codec.ts';
import { ValueError } from './errors.ts';
import { isPercpu } from './map-type.ts';
import type { BpfMap, UpdateMode } from './map.ts';

/**
 * Wraps a `BpfMap`. Values of per-CPU maps are arrays with one element per possible CPU.
 *
 * Looking up decodes a fresh value; nothing is cached.
 */
export class TypedMap<K, V> {
  /** The map below, for its info, pinning and work on bytes. */
  readonly raw: BpfMap;
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;

  /**
   * @param value - Codec of a value as calls carry it; see `perCpu`.
   * @throws {ValueError} if a codec's size differs from the map's.
   */
  constructor(raw: BpfMap, key: Codec<K>, value: Codec<V>) {
    if (key.size !== raw.info.keySize || value.size !== raw.valueBytes) {
      throw new ValueError(
        `${raw.toString()} has keys of ${raw.info.keySize} and values of ${raw.valueBytes} bytes; the types have ${key.size} and ${value.size}`,
      );
    }
    this.raw = raw;
    this.#key = key;
    this.#value = value;
  }

  get(key: K): V | undefined {
    const bytes = this.raw.lookup(encode(this.#key, key));
    return bytes && decode(this.#value, bytes);
  }

  /** Writes an entry; false when `mode` forbids it. */
  set(key: K, value: V, mode: UpdateMode = 'any'): boolean {
    return this.raw.update(this.encodeKey(key), this.#encodeValue(value), mode);
  }

  /** Writes many entries in one call. */
  setAll(entries: Iterable<readonly [K, V]>, mode: UpdateMode = 'any'): void {
    const list = [...entries];
    const keys = new Uint8Array(list.length * this.#key.size);
    const values = new Uint8Array(list.length * this.#value.size);
    list.forEach(([key, value], i) => {
      keys.set(this.encodeKey(key), i * this.#key.size);
      values.set(this.#encodeValue(value), i * this.#value.size);
    });
    this.raw.updateBatch({ count: list.length, keys, values }, mode);
  }

  /** What bytes of an entry mean, as `batches` of the raw map give them. */
  read(key: Uint8Array, value: Uint8Array): [key: K, value: V] {
    return [decode(this.#key, key), decode(this.#value, value)];
  }

  delete(key: K): boolean {
    return this.raw.delete(this.encodeKey(key));
  }

  /** The bytes of a key, as programs take them. */
  encodeKey(key: K): Uint8Array {
    return this.#encode('key', this.#key, key);
  }

  /** A key from its bytes, as `raw` gives them. */
  decodeKey(bytes: Uint8Array): K {
    return decode(this.#key, bytes);
  }

  *entries(): Generator<[key: K, value: V]> {
    for (const { count, keys, values } of this.raw.batches()) {
      const keyView = new DataView(keys.buffer, keys.byteOffset, keys.length);
      const valueView = new DataView(values.buffer, values.byteOffset, values.length);
      for (let i = 0; i < count; i++) {
        yield [
          this.#key.read(keyView, i * this.#key.size),
          this.#value.read(valueView, i * this.#value.size),
        ];
      }
    }
  }

  #encodeValue(value: V): Uint8Array {
    return this.#encode('value', this.#value, value);
  }

  #encode<T>(what: string, codec: Codec<T>, value: T): Uint8Array {
    try {
      return encode(codec, value);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      const separator = /^[.[]/.test(error.message) ? '' : ' ';
      throw new ValueError(`${this.raw.toString()}: ${what}${separator}${error.message}`);
    }
  }
}

/** The codec of a per-CPU map's value: one copy for each possible CPU, each rounded up to 8 bytes. */
export function perCpu<T>(value: Codec<T>, cpus: number = possibleCpus()): Codec<T[]> {
  const stride = Math.ceil(value.size / 8) * 8;
  return {
    size: stride * cpus,
    read: (view, offset) =>
      Array.from({ length: cpus }, (_, cpu) => value.read(view, offset + cpu * stride)),
    write(view, offset, values) {
      if (!Array.isArray(values) || values.length !== cpus) {
        throw new ValueError(`must be an array of ${cpus} values, one for each possible CPU`);
      }
      values.forEach((v, cpu) => value.write(view, offset + cpu * stride, v));
    },
  };
}

/** The value codec a map needs: per-CPU maps get one copy per CPU. */
export function valueCodecFor(map: BpfMap, value: Codec<unknown>): Codec<unknown> {
  const percpu = map.type !== undefined && isPercpu(map.type);
  return percpu ? perCpu(value) : value;
}

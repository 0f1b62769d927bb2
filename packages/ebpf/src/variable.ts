/**
 * A global variable of an object, read and written through the map that holds its section.
 *
 * @module
 */
import { decode, encode, type Codec } from './codec.ts';
import { ObjectError } from './errors.ts';
import type { BpfMap } from './map.ts';
import type { VariableSpec } from './map-spec.ts';

const ONLY_KEY = new Uint8Array(4);

export class Variable<T> {
  readonly spec: VariableSpec;
  readonly #map: BpfMap;
  readonly #codec: Codec<T>;

  constructor(map: BpfMap, spec: VariableSpec, codec: Codec<T>) {
    this.spec = spec;
    this.#map = map;
    this.#codec = codec;
  }

  /** The current value; one call that copies the whole section. */
  get(): T {
    const section = this.#map.lookup(ONLY_KEY)!;
    return decode(this.#codec, section.subarray(this.spec.offset));
  }

  /**
   * Writes the value. The whole section is read and written back: what programs change in other
   * variables of the section in between is lost, so keep counters in maps.
   *
   * @throws {ObjectError} for constants, which can be set at load only.
   */
  set(value: T): void {
    const { name, offset, readOnly } = this.spec;
    if (readOnly) {
      throw new ObjectError(`variable ${name} is a constant; set it with the option "variables"`);
    }
    const section = this.#map.lookup(ONLY_KEY)!;
    section.set(encode(this.#codec, value), offset);
    this.#map.update(ONLY_KEY, section);
  }
}

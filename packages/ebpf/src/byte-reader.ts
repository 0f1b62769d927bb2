/**
 * Bounds-checked reads from untrusted little-endian bytes. Every read past the end is a `FormatError`
 * that names the file part and the offset, so that parsers need no checks of their own.
 *
 * @module
 */
import { FormatError } from './errors.ts';

const UTF8 = new TextDecoder();

export class ByteReader {
  readonly bytes: Uint8Array;
  /** What the bytes are, for messages: "ELF object", ".BTF". */
  readonly what: string;
  readonly #view: DataView;

  constructor(bytes: Uint8Array, what: string) {
    // A Buffer's slice() shares memory where an Uint8Array's copies: keep to the latter.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.what = what;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, true);
  }

  i32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getInt32(offset, true);
  }

  u64(offset: number): bigint {
    this.#check(offset, 8);
    return this.#view.getBigUint64(offset, true);
  }

  /** A 64-bit offset or size that must lie within the bytes; larger ones are refused. */
  size64(offset: number): number {
    const value = this.u64(offset);
    if (value > 0xffff_ffffn) {
      throw new FormatError(`${this.what}: value ${value} at offset ${offset} is out of range`);
    }
    return Number(value);
  }

  /** A window into the bytes; shares memory with them. */
  slice(offset: number, length: number, what: string = this.what): ByteReader {
    this.#check(offset, length);
    return new ByteReader(this.bytes.subarray(offset, offset + length), what);
  }

  /** The NUL-terminated string that starts at `offset`. */
  string(offset: number): string {
    this.#check(offset, 1);
    const end = this.bytes.indexOf(0, offset);
    if (end < 0) throw new FormatError(`${this.what}: unterminated string at offset ${offset}`);
    return UTF8.decode(this.bytes.subarray(offset, end));
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.bytes.length) {
      throw new FormatError(
        `${this.what}: needs ${length} bytes at offset ${offset}, has ${this.bytes.length} in all`,
      );
    }
  }
}

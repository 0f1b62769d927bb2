/**
 * Netlink messages: building them, and reading what the kernel answers without trusting it.
 *
 * A message is a 16-byte header, a fixed struct of its family, and attributes: 16-bit length, 16-bit
 * type, content, padded to 4 bytes. Attributes may nest.
 *
 * Source: RFC 3549, "Linux Netlink as an IP Services Protocol", and include/uapi/linux/netlink.h.
 *
 * @module
 */
import { FormatError, ValueError } from '../errors.ts';

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
/** Type bits without the flags "nested" and "network byte order". */
const TYPE_MASK = 0x3fff;
const NESTED = 0x8000;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Everything behind the header. */
  readonly payload: Uint8Array;
}

/** Attributes by type; of repeated ones the last. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** Builds the part of a message behind the header. */
export class PayloadBuilder {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** The fixed struct of the family. */
  struct(size: number, fill: (view: DataView) => void): this {
    const start = this.#grow(size);
    fill(new DataView(this.#bytes.buffer, start, size));
    return this;
  }

  bytes(type: number, content: Uint8Array): this {
    const length = ATTRIBUTE_HEADER_BYTES + content.length;
    if (length > 0xffff) throw new ValueError(`netlink attribute ${type} is longer than 64 KiB`);
    const start = this.#grow(length);
    const view = new DataView(this.#bytes.buffer, start);
    view.setUint16(0, length, true);
    view.setUint16(2, type, true);
    this.#bytes.set(content, start + ATTRIBUTE_HEADER_BYTES);
    return this;
  }

  u8(type: number, value: number): this {
    return this.bytes(type, Uint8Array.of(value));
  }

  u16(type: number, value: number): this {
    return this.bytes(type, new Uint8Array(Uint16Array.of(value).buffer));
  }

  u32(type: number, value: number): this {
    return this.bytes(type, new Uint8Array(Uint32Array.of(value).buffer));
  }

  /** A NUL-terminated string. */
  string(type: number, value: string): this {
    if (value.includes('\0')) throw new ValueError('netlink strings cannot contain NUL');
    return this.bytes(type, Buffer.from(`${value}\0`));
  }

  /** An attribute that contains what `fill` builds. */
  nested(type: number, fill: (inner: PayloadBuilder) => void): this {
    const inner = new PayloadBuilder();
    fill(inner);
    return this.bytes(type | NESTED, inner.build());
  }

  build(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Makes room for `size` bytes, padded to 4, and says where it begins. */
  #grow(size: number): number {
    const start = this.#length;
    this.#length += align(size);
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return start;
  }
}

/** A complete message. */
export function buildMessage(options: {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + options.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, options.type, true);
  view.setUint16(6, options.flags, true);
  view.setUint32(8, options.sequence, true);
  bytes.set(options.payload, HEADER_BYTES);
  return bytes;
}

/**
 * Splits what was received into messages.
 *
 * @throws {FormatError} if a length does not fit; never loops on a zero length.
 */
export function readMessages(bytes: Uint8Array): NetlinkMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < bytes.length;) {
    const room = bytes.length - at;
    const length = room < HEADER_BYTES ? 0 : view.getUint32(at, true);
    if (length < HEADER_BYTES || length > room) {
      throw new FormatError(`netlink: message of ${length} bytes at ${at}, where ${room} are left`);
    }
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.subarray(at + HEADER_BYTES, at + length),
    });
    at += align(length);
  }
  return messages;
}

/**
 * Reads attributes from `offset` on; offsets past the end mean none.
 *
 * @throws {FormatError} if a length does not fit.
 */
export function readAttributes(bytes: Uint8Array, offset: number = 0): Attributes {
  return new Map(attributeList(bytes, offset));
}

/** Attributes in order, for lists whose entries share a type. */
function attributeList(bytes: Uint8Array, offset: number = 0): [number, Uint8Array][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const list: [number, Uint8Array][] = [];
  for (let at = offset; at + ATTRIBUTE_HEADER_BYTES <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) {
      throw new FormatError(`netlink: attribute of ${length} bytes at ${at} of ${bytes.length}`);
    }
    const type = view.getUint16(at + 2, true) & TYPE_MASK;
    list.push([type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length)]);
    at += align(length);
  }
  return list;
}

/** A view on a payload that must have at least `size` bytes. */
export function structView(payload: Uint8Array, size: number, what: string): DataView {
  if (payload.length < size) {
    throw new FormatError(`netlink: ${what} of ${payload.length} bytes; expected ${size}`);
  }
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}

export function attributeU32(attributes: Attributes, type: number): number | undefined {
  const bytes = attributes.get(type);
  if (bytes === undefined) return undefined;
  return structView(bytes, 4, `attribute ${type}`).getUint32(0, true);
}

export function attributeU16(attributes: Attributes, type: number): number | undefined {
  const bytes = attributes.get(type);
  if (bytes === undefined) return undefined;
  return structView(bytes, 2, `attribute ${type}`).getUint16(0, true);
}

export function attributeU8(attributes: Attributes, type: number): number | undefined {
  return attributes.get(type)?.[0];
}

export function attributeString(attributes: Attributes, type: number): string | undefined {
  const bytes = attributes.get(type);
  return bytes && Buffer.from(bytes).toString('utf8').replace(/\0.*$/s, '');
}

function align(length: number): number {
  return (length + 3) & ~3;
}

/**
 * Reads the server name and the application protocols that a TLS client asks for, without taking
 * part in the handshake.
 *
 * Source: RFC 8446, sections 4.1.2 and 5.1; RFC 6066, section 3; RFC 7301, section 3.1.
 *
 * @module
 */

/** What the bytes so far amount to. */
export type HelloParse =
  | { readonly state: 'more' }
  | { readonly state: 'not_tls' }
  | { readonly state: 'invalid'; readonly reason: string }
  | { readonly state: 'done'; readonly hello: ClientHello };

export interface ClientHello {
  /** Lower case; empty when the client names none. */
  readonly serverName: string;
  readonly alpn: readonly string[];
}

/** Most that a client may send before its ClientHello is complete. */
export const HELLO_MAX_BYTES: number = 16 * 1024;

const RECORD_HEADER_BYTES = 5;
const RECORD_HANDSHAKE = 22;
const RECORD_BODY_MAX_BYTES = 2 ** 14;
const HANDSHAKE_CLIENT_HELLO = 1;
/** Kind of the message and its length. */
const HANDSHAKE_HEAD_BYTES = 4;
const EXTENSION = { serverName: 0, alpn: 16 } as const;
const NAME_TYPE_HOST = 0;

/**
 * Reads a ClientHello as its bytes come, wherever TLS records and TCP segments cut it. Every byte is
 * looked at once, however small the pieces: a client must not make work by sending them singly.
 */
export class ClientHelloReader {
  /** Bytes that were looked at. */
  private offset = 0;
  private recordCount = 0;
  /** What is missing of the current record. */
  private bodyLeft = 0;
  /** The payload of all records so far, in pieces. */
  private readonly parts: Buffer[] = [];
  private handshakeBytes = 0;
  private readonly head: Buffer = Buffer.alloc(HANDSHAKE_HEAD_BYTES);

  /**
   * @param bytes - Everything received so far: what it was last time, and more. What follows the
   *   ClientHello, such as early data, is not looked at.
   */
  read(bytes: Buffer): HelloParse {
    while (!this.isComplete && this.offset < bytes.length) {
      if (this.bodyLeft > 0) {
        this.takeBody(bytes);
        continue;
      }
      const header = this.takeHeader(bytes);
      if (header === 'more') break;
      if (header === 'wrong') {
        return this.recordCount === 0 ? NOT_TLS : invalid('malformed record');
      }
    }
    if (this.handshakeBytes >= 1 && this.head[0] !== HANDSHAKE_CLIENT_HELLO) {
      return invalid('not a ClientHello');
    }
    if (!this.isComplete) return this.isTooLong(bytes) ? invalid('ClientHello too long') : MORE;
    const handshake = Buffer.concat(this.parts);
    const hello = readHello(handshake.subarray(HANDSHAKE_HEAD_BYTES, this.helloEnd));
    return hello ? { state: 'done', hello } : invalid('malformed ClientHello');
  }

  private get helloEnd(): number {
    return HANDSHAKE_HEAD_BYTES + this.head.readUIntBE(1, 3);
  }

  private get isComplete(): boolean {
    return this.handshakeBytes >= HANDSHAKE_HEAD_BYTES && this.handshakeBytes >= this.helloEnd;
  }

  private isTooLong(bytes: Buffer): boolean {
    if (bytes.length >= HELLO_MAX_BYTES) return true;
    return this.handshakeBytes >= HANDSHAKE_HEAD_BYTES && this.helloEnd > HELLO_MAX_BYTES;
  }

  private takeHeader(bytes: Buffer): 'taken' | 'more' | 'wrong' {
    const { offset } = this;
    if (bytes[offset] !== RECORD_HANDSHAKE) return 'wrong';
    if (offset + 1 < bytes.length && bytes[offset + 1] !== 3) return 'wrong';
    if (offset + RECORD_HEADER_BYTES > bytes.length) return 'more';
    const bodyBytes = bytes.readUInt16BE(offset + 3);
    if (bodyBytes === 0 || bodyBytes > RECORD_BODY_MAX_BYTES) return 'wrong';
    this.offset += RECORD_HEADER_BYTES;
    this.bodyLeft = bodyBytes;
    this.recordCount++;
    return 'taken';
  }

  private takeBody(bytes: Buffer): void {
    const part = bytes.subarray(this.offset, this.offset + this.bodyLeft);
    if (this.handshakeBytes < HANDSHAKE_HEAD_BYTES) part.copy(this.head, this.handshakeBytes);
    this.parts.push(part);
    this.handshakeBytes += part.length;
    this.offset += part.length;
    this.bodyLeft -= part.length;
  }
}

const MORE: HelloParse = { state: 'more' };
const NOT_TLS: HelloParse = { state: 'not_tls' };

function invalid(reason: string): HelloParse {
  return { state: 'invalid', reason };
}

/** `undefined` when a length points outside. */
function readHello(body: Buffer): ClientHello | undefined {
  const reader = new Reader(body);
  reader.skip(2 + 32); // version, random
  reader.vector(1); // session id
  reader.vector(2); // cipher suites
  reader.vector(1); // compression methods
  if (reader.failed) return undefined;
  if (reader.atEnd) return { serverName: '', alpn: [] };
  const extensions = reader.vector(2);
  return reader.failed ? undefined : readExtensions(extensions);
}

function readExtensions(extensions: Reader): ClientHello | undefined {
  let serverName = '';
  let alpn: readonly string[] = [];
  while (!extensions.atEnd) {
    const type = extensions.uint(2);
    const body = extensions.vector(2);
    if (extensions.failed) return undefined;
    if (type === EXTENSION.serverName) serverName = readServerName(body);
    else if (type === EXTENSION.alpn) alpn = readNames(body.vector(2));
    if (body.failed) return undefined;
  }
  return { serverName, alpn };
}

function readServerName(body: Reader): string {
  const list = body.vector(2);
  while (!list.atEnd && !list.failed) {
    const type = list.uint(1);
    const name = list.vector(2).text();
    if (type === NAME_TYPE_HOST && !list.failed) return name.toLowerCase();
  }
  return '';
}

function readNames(list: Reader): string[] {
  const names: string[] = [];
  while (!list.atEnd && !list.failed) names.push(list.vector(1).text());
  return names;
}

/** Reads numbers and length-prefixed vectors; what points outside marks it as failed. */
class Reader {
  failed = false;
  private readonly bytes: Buffer;
  private offset = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get atEnd(): boolean {
    return this.offset >= this.bytes.length;
  }

  skip(count: number): void {
    this.take(count);
  }

  uint(width: number): number {
    const bytes = this.take(width);
    return bytes.length === width ? bytes.readUIntBE(0, width) : 0;
  }

  /** A vector whose length stands before it in so many bytes. */
  vector(lengthWidth: number): Reader {
    return new Reader(this.take(this.uint(lengthWidth)));
  }

  text(): string {
    return this.bytes.toString('latin1');
  }

  private take(count: number): Buffer {
    const end = this.offset + count;
    if (this.failed || end > this.bytes.length) {
      this.failed = true;
      return Buffer.alloc(0);
    }
    const taken = this.bytes.subarray(this.offset, end);
    this.offset = end;
    return taken;
  }
}

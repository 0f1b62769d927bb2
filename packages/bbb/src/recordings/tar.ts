/**
 * Reads tar files: ustar, pax headers and GNU long names. It says what is there and unpacks nothing;
 * what may be unpacked is decided elsewhere.
 *
 * Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual,
 * "Basic Tar Format".
 *
 * @module
 */
import type { FileHandle } from 'node:fs/promises';
import { BalancerError } from '@balancer/kit';

/** One entry. Its content is in the file, at an offset. */
export interface TarEntry {
  /** As it stands in the file. */
  readonly name: string;
  /** `other`: links, devices, FIFOs, and whatever else there is. */
  readonly kind: 'file' | 'folder' | 'other';
  readonly sizeBytes: number;
  readonly offsetBytes: number;
}

/** An archive that is broken, or that holds what no archive of a recording holds. */
export class ArchiveError extends BalancerError {
  override readonly name = 'ArchiveError';
  readonly code = 'ARCHIVE';
}

const BLOCK_BYTES = 512;
/** Longest pax header or GNU long name. */
const EXTENSION_MAX_BYTES = 1024 * 1024;
const SIZE_DIGITS_MAX = 12;

const FILE_TYPES = new Set(['0', '\0', '7']);
const FOLDER = '5';
const PAX = 'x';
const PAX_GLOBAL = 'g';
const GNU_LONG_NAME = 'L';
const GNU_LONG_LINK = 'K';

/** What an extension said about the entry after it. */
interface Extension {
  readonly name?: string;
  readonly sizeBytes?: number;
}

/**
 * The entries in order.
 *
 * @throws {ArchiveError} at the first thing that is wrong, also if the archive has no end.
 */
export async function* readTar(file: FileHandle): AsyncGenerator<TarEntry> {
  const { size: fileBytes } = await file.stat();
  const block = Buffer.alloc(BLOCK_BYTES);
  let extension: Extension = {};
  for (let offset = 0; ;) {
    if (offset + BLOCK_BYTES > fileBytes) throw new ArchiveError('the archive ends early');
    await readExactly(file, block, offset);
    if (block.every((byte) => byte === 0)) return;
    const header = readHeader(block);
    const contentOffset = offset + BLOCK_BYTES;
    const sizeBytes = extension.sizeBytes ?? header.sizeBytes;
    if (contentOffset + sizeBytes > fileBytes) throw new ArchiveError('the archive ends early');
    offset = contentOffset + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (isExtension(header.type)) {
      const text = await readText(file, { offset: contentOffset, sizeBytes });
      Object.assign(extension, extensionOf(header.type, text));
      continue;
    }
    yield {
      name: extension.name ?? header.name,
      kind: FILE_TYPES.has(header.type) ? 'file' : header.type === FOLDER ? 'folder' : 'other',
      sizeBytes,
      offsetBytes: contentOffset,
    };
    extension = {};
  }
}

interface Header {
  readonly name: string;
  readonly type: string;
  readonly sizeBytes: number;
}

function readHeader(block: Buffer): Header {
  if (readNumber(block.subarray(148, 156)) !== checksumOf(block)) {
    throw new ArchiveError('the archive is no tar file, or a header in it is broken');
  }
  const sizeBytes = readNumber(block.subarray(124, 136));
  if (sizeBytes === null) throw new ArchiveError('a header has no sound size');
  const name = readString(block.subarray(0, 100));
  // GNU's magic has spaces here and no prefix.
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? readString(block.subarray(345, 500)) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: block.toString('latin1', 156, 157),
    sizeBytes,
  };
}

/** Sum of the header's bytes with spaces in the place of the sum. */
function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK_BYTES; i++) if (i < 148 || i >= 156) sum += block[i]!;
  return sum;
}

/** Octal digits, or GNU's binary form for what does not fit them. Null: neither. */
function readNumber(field: Buffer): number | null {
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : null;
  }
  const digits = readString(field).trim();
  return digits.length <= SIZE_DIGITS_MAX && /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : null;
}

function readString(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}

function isExtension(type: string): boolean {
  return [PAX, PAX_GLOBAL, GNU_LONG_NAME, GNU_LONG_LINK].includes(type);
}

function extensionOf(type: string, text: string): Extension {
  if (type === GNU_LONG_NAME) return { name: text.replace(/\0.*$/s, '') };
  // A link is refused whatever it points to, and what holds for all entries holds no names.
  if (type !== PAX) return {};
  const records = readPax(text);
  if ([...records.keys()].some((key) => key.startsWith('GNU.sparse.'))) {
    throw new ArchiveError('the archive has a sparse file');
  }
  const name = records.get('path');
  const size = records.get('size');
  if (size !== undefined && !(/^\d{1,15}$/.test(size) && Number.isSafeInteger(Number(size)))) {
    throw new ArchiveError('a header has no sound size');
  }
  return {
    ...(name !== undefined && { name }),
    ...(size !== undefined && { sizeBytes: Number(size) }),
  };
}

/** Records `<length> <key>=<value>\n`, the length in bytes and with itself. */
function readPax(text: string): Map<string, string> {
  const bytes = Buffer.from(text, 'utf8');
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const digits = /^(\d{1,7}) /.exec(bytes.toString('latin1', at, at + 8))?.[1];
    const end = at + Number(digits);
    const record = digits === undefined ? '' : bytes.toString('utf8', at + digits.length + 1, end);
    const split = record.indexOf('=');
    if (digits === undefined || end > bytes.length || split < 1 || !record.endsWith('\n')) {
      throw new ArchiveError('the archive has a broken pax header');
    }
    records.set(record.slice(0, split), record.slice(split + 1, -1));
    at = end;
  }
  return records;
}

async function readText(
  file: FileHandle,
  { offset, sizeBytes }: { readonly offset: number; readonly sizeBytes: number },
): Promise<string> {
  if (sizeBytes > EXTENSION_MAX_BYTES) throw new ArchiveError('a header is too long');
  const bytes = Buffer.alloc(sizeBytes);
  await readExactly(file, bytes, offset);
  return bytes.toString('utf8');
}

/** Fills a buffer. @throws {ArchiveError} if the file ends before. */
export async function readExactly(file: FileHandle, into: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(into, done, into.length - done, offset + done);
    if (bytesRead === 0) throw new ArchiveError('the archive ends early');
    done += bytesRead;
  }
}

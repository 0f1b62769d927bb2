/**
 * One file of a folder, as HTTP serves files: its type, validators, conditional requests and ranges.
 *
 * Source: RFC 9110, sections 8.8, 13 and 14.
 *
 * @module
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { errnoName } from '@balancer/kit';
import { getMimeType, mimes } from 'hono/utils/mime';

/** What of a file is to be sent. */
export interface FileAnswer {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: nothing. Whoever sends it closes it. */
  readonly content: FileContent | null;
}

/** Bytes of an open file, the last one included. */
export interface FileContent {
  readonly file: FileHandle;
  readonly firstByte: number;
  readonly lastByte: number;
}

export interface FileConditions {
  readonly ifNoneMatch: string;
  readonly ifModifiedSince: string;
  readonly ifRange: string;
  readonly range: string;
}

/** Types of recordings that the list lacks. */
const TYPES: Readonly<Record<string, string>> = {
  ...mimes,
  m4v: 'video/mp4',
  ogg: 'audio/ogg',
  swf: 'application/x-shockwave-flash',
  vtt: 'text/vtt; charset=utf-8',
};

/**
 * Opens a file below a folder; `isFolder` if that is what is there.
 *
 * @param parts - Names below the folder, none of them special.
 * @returns Null if there is no such file, or a link leads out of the folder.
 */
export async function openBelow(
  folder: string,
  parts: readonly string[],
): Promise<{ readonly file: FileHandle; readonly status: Stats } | 'folder' | null> {
  try {
    const root = await realpath(folder);
    const path = await realpath([root, ...parts].join(sep));
    if (path !== root && !path.startsWith(`${root}${sep}`)) return null;
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const status = await file.stat();
    if (status.isFile()) return { file, status };
    await file.close();
    return status.isDirectory() ? 'folder' : null;
  } catch (error) {
    if (NOT_THERE.has(errnoName(error) ?? '')) return null;
    throw error;
  }
}

const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'ENXIO']);

/** The answer for an open file. Closes it if nothing of it is sent. */
export async function answerFile(
  { file, status }: { readonly file: FileHandle; readonly status: Stats },
  { name, conditions }: { readonly name: string; readonly conditions: FileConditions },
): Promise<FileAnswer> {
  const etag = `"${status.size.toString(16)}-${Math.floor(status.mtimeMs).toString(16)}"`;
  const modifiedMs = Math.floor(status.mtimeMs / 1000) * 1000;
  const validators = {
    etag,
    'last-modified': new Date(modifiedMs).toUTCString(),
    'accept-ranges': 'bytes',
  };
  if (isFresh(conditions, { etag, modifiedMs })) {
    await file.close();
    return { status: 304, headers: validators, content: null };
  }
  const headers = {
    ...validators,
    'content-type': getMimeType(name, TYPES) ?? 'application/octet-stream',
  };
  const isRanged = conditions.range !== '' && fitsRange(conditions.ifRange, { etag, modifiedMs });
  const range = isRanged ? readRange(conditions.range, status.size) : null;
  if (range === 'unsatisfiable') {
    await file.close();
    const contentRange = { 'content-range': `bytes */${status.size}` };
    return { status: 416, headers: { ...validators, ...contentRange }, content: null };
  }
  if (range === null) {
    return { status: 200, headers, content: { file, firstByte: 0, lastByte: status.size - 1 } };
  }
  const { firstByte, lastByte } = range;
  const contentRange = { 'content-range': `bytes ${firstByte}-${lastByte}/${status.size}` };
  return { status: 206, headers: { ...headers, ...contentRange }, content: { file, ...range } };
}

interface Validators {
  readonly etag: string;
  readonly modifiedMs: number;
}

/** True if the client has it already. A tag, where given, outweighs a date. */
function isFresh(
  { ifNoneMatch, ifModifiedSince }: FileConditions,
  { etag, modifiedMs }: Validators,
): boolean {
  if (ifNoneMatch !== '') {
    const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    return tags.some((tag) => tag === '*' || tag === etag);
  }
  const sinceMs = Date.parse(ifModifiedSince);
  return Number.isFinite(sinceMs) && modifiedMs <= sinceMs;
}

/** A range counts only for the file that the client has begun to load. */
function fitsRange(ifRange: string, { etag, modifiedMs }: Validators): boolean {
  return ifRange === '' || ifRange === etag || Date.parse(ifRange) === modifiedMs;
}

type ByteRange = Pick<FileContent, 'firstByte' | 'lastByte'>;

/** One range. Null: several, or none that is understood, for which the whole file is an answer. */
function readRange(header: string, sizeBytes: number): ByteRange | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    if (length === 0) return 'unsatisfiable';
    return { firstByte: sizeBytes - length, lastByte: sizeBytes - 1 };
  }
  const firstByte = Number(first);
  if (last !== '' && Number(last) < firstByte) return null;
  if (firstByte >= sizeBytes) return 'unsatisfiable';
  return { firstByte, lastByte: Math.min(last === '' ? Infinity : Number(last), sizeBytes - 1) };
}

/**
 * Sockets handed over by a service manager or by the daemon's predecessor (LISTEN_FDS protocol).
 *
 * The protocol names descriptors and not addresses, and Node learns an address only by listening.
 * Linux tells: the descriptor links to an inode, and /proc/net lists addresses by inode.
 *
 * Source: sd_listen_fds(3), proc(5).
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { endianness } from 'node:os';
import { resolve } from 'node:path';
import type { Address } from '../config/address.ts';

export interface InheritedSocket {
  readonly fd: number;
  /** From LISTEN_FDNAMES; empty when unnamed. */
  readonly name: string;
  /** Transport, or null when it cannot be told. */
  readonly transport: 'tcp' | 'udp' | 'unix' | null;
  /** What the socket is bound to, or null when it cannot be told. `::` may serve both families. */
  readonly address: Address | null;
}

export interface InheritedSocketsOptions {
  /** `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES` are read from here. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Process that the sockets must be meant for; default: this one. */
  readonly pid?: number;
}

/** First descriptor that is handed over. */
const FIRST_FD = 3;
/** More descriptors than this are a mistake of the environment. */
const FDS_MAX = 1024;

/**
 * Sockets from file descriptor 3 on. Empty when LISTEN_PID names another process; a predecessor
 * that cannot know the number in advance leaves LISTEN_PID out. Never throws.
 */
export function inheritedSockets(options: InheritedSocketsOptions): InheritedSocket[] {
  const { environment, pid = process.pid } = options;
  const count = Number(environment['LISTEN_FDS'] ?? 0);
  const meantFor = environment['LISTEN_PID'];
  const isOurs = meantFor === undefined || Number(meantFor) === pid;
  if (!isOurs || !Number.isInteger(count) || count < 1 || count > FDS_MAX) return [];
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':');
  return Array.from({ length: count }, (_, i) => {
    const fd = FIRST_FD + i;
    return { fd, name: names[i] ?? '', ...describeSocket(fd) };
  });
}

/** Transport and local address of a descriptor of this process; nulls when it is no such socket. */
export function describeSocket(fd: number): Pick<InheritedSocket, 'transport' | 'address'> {
  const inode = inodeOf(fd);
  if (inode === null) return UNKNOWN;
  for (const { file, transport, inodeColumn } of TABLES) {
    const row = readRows(file).find((columns) => columns[inodeColumn] === inode);
    if (row === undefined) continue;
    const address = transport === 'unix' ? unixAddress(row[7]) : inetAddress(row[1] ?? '');
    return { transport, address };
  }
  return UNKNOWN;
}

/**
 * Descriptors of this process on which clients are accepted: listening TCP and unix sockets, and
 * UDP sockets that are connected to nobody. What a child process needs to go on listening.
 */
export function listeningDescriptors(): Omit<InheritedSocket, 'name'>[] {
  const byInode = new Map(ownDescriptors().map((fd) => [inodeOf(fd), fd]));
  byInode.delete(null);
  return TABLES.flatMap(({ file, transport, inodeColumn, stateColumn, acceptingState }) =>
    readRows(file).flatMap((row) => {
      const fd = byInode.get(row[inodeColumn] ?? '');
      if (fd === undefined || row[stateColumn] !== acceptingState) return [];
      const address = transport === 'unix' ? unixAddress(row[7]) : inetAddress(row[1] ?? '');
      return [{ fd, transport, address }];
    }),
  );
}

function ownDescriptors(): number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return [];
  }
}

const UNKNOWN = { transport: null, address: null } as const;

const INET_COLUMNS = { inodeColumn: 9, stateColumn: 3 } as const;
/** States as the kernel writes them: TCP_LISTEN, TCP_CLOSE, and the flag __SO_ACCEPTCON. */
const TCP_LISTEN = '0A';
const UDP_UNCONNECTED = '07';
const UNIX_LISTEN = '00010000';

const TABLES = [
  { file: 'tcp', transport: 'tcp', ...INET_COLUMNS, acceptingState: TCP_LISTEN },
  { file: 'tcp6', transport: 'tcp', ...INET_COLUMNS, acceptingState: TCP_LISTEN },
  { file: 'udp', transport: 'udp', ...INET_COLUMNS, acceptingState: UDP_UNCONNECTED },
  { file: 'udp6', transport: 'udp', ...INET_COLUMNS, acceptingState: UDP_UNCONNECTED },
  { file: 'unix', transport: 'unix', inodeColumn: 6, stateColumn: 3, acceptingState: UNIX_LISTEN },
] as const;

function inodeOf(fd: number): string | null {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? null;
  } catch {
    return null;
  }
}

function readRows(file: string): string[][] {
  try {
    const [, ...lines] = readFileSync(`/proc/self/net/${file}`, 'latin1').split('\n');
    return lines.map((line) => line.trim().split(/\s+/));
  } catch {
    return [];
  }
}

/** A path may be relative to the working directory; one that starts with `@` is no file. */
function unixAddress(path: string | undefined): Address | null {
  return path === undefined || path.startsWith('@') ? null : { kind: 'unix', path: resolve(path) };
}

/** `0100007F:1F90` is 127.0.0.1:8080: each 32-bit word in the byte order of the machine. */
function inetAddress(text: string): Address | null {
  const [hex = '', portHex = ''] = text.split(':');
  const port = Number.parseInt(portHex, 16);
  const bytes = Buffer.from(hex, 'hex');
  if ((bytes.length !== 4 && bytes.length !== 16) || Number.isNaN(port)) return null;
  if (endianness() === 'LE') bytes.swap32();
  if (bytes.length === 4) return { kind: 'inet', host: bytes.join('.'), port };
  return { kind: 'inet', host: formatIPv6(bytes), port };
}

/** The canonical text of an IPv6 address (RFC 5952), which the URL parser writes. */
function formatIPv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

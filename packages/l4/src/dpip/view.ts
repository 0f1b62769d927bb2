/**
 * What a view is made of, and of what: rows for programs, and their lines for people.
 *
 * @module
 */
import type { LinkDetails, RouteSocket } from '@balancer/ebpf';
import { listLinkDetails } from '@balancer/ebpf';
import { DpipUsageError, type ShownPart } from './call.ts';

/** A picture of one kind of thing. */
export interface DpipView {
  readonly text: string;
  /** The same for programs. */
  readonly rows: readonly object[];
}

/** Where views look. */
export interface ViewSource {
  /** Into the namespace that is shown. */
  readonly socket: RouteSocket;
  readonly part: ShownPart;
  readonly statistics: boolean;
  readonly family: 4 | 6 | undefined;
}

/** Makes a view of rows and the lines of each. */
export function viewOf<Row extends object>(
  rows: readonly Row[],
  lines: (row: Row) => readonly string[],
): DpipView {
  return {
    rows,
    text: rows
      .flatMap(lines)
      .map((line) => `${line}\n`)
      .join(''),
  };
}

/** The interfaces, of which a view shows one or all. @throws {DpipUsageError} There is no such one. */
export function shownLinks({ socket, part }: Pick<ViewSource, 'socket' | 'part'>): LinkDetails[] {
  const links = listLinkDetails(socket);
  if (part.dev === undefined) return links;
  const link = links.find(({ name }) => name === part.dev);
  if (!link) throw new DpipUsageError(`no interface ${part.dev}`);
  return [link];
}

/** Whether an address of a family is asked for. */
export function isShown(address: string, family: 4 | 6 | undefined): boolean {
  return family === undefined || (family === 6) === address.includes(':');
}

/** Names of scopes of addresses and routes. */
export function scopeName(scope: number): string {
  const names: Readonly<Record<number, string>> = {
    0: 'global',
    200: 'site',
    253: 'link',
    254: 'host',
  };
  return names[scope] ?? `${scope}`;
}

/** Columns of counters under their names. */
export function table(rows: readonly (readonly (string | number)[])[], width: number): string[] {
  return rows.map((row) =>
    `    ${row.map((cell) => String(cell).padEnd(width)).join('')}`.trimEnd(),
  );
}

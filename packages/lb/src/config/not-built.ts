/**
 * Settings that this version reads and cannot follow. They are refused, so that nobody runs with a
 * limit or a protection that is not there.
 *
 * @module
 */
import type { ConfigReport, KeyPath } from '@balancer/kit';
import type { BackendTable, ConfigFile, FrontendTable } from './schema.ts';

/** A setting: where it stands in its table, and whether a value asks for what is not built. */
interface Refusal<T> {
  readonly key: string;
  readonly asks: (table: T) => boolean;
  readonly what: string;
}

const FRONTEND: readonly Refusal<FrontendTable>[] = [
  {
    key: 'mode',
    asks: (t) => t.mode === 'snat' || t.mode === 'nat64',
    what: 'this mode',
  },
];

const BACKEND: readonly Refusal<BackendTable>[] = [
  {
    key: 'discovery',
    asks: (t) => t.discovery?.type === 'consul' || t.discovery?.type === 'kubernetes',
    what: 'discovery by consul or kubernetes',
  },
];

/** Reports each setting of the file that asks for something this version does not do. */
export function reportNotBuilt(file: ConfigFile, report: ConfigReport): void {
  refuse(file.defaults ?? {}, ['defaults'], [...FRONTEND, ...BACKEND], report);
  for (const [name, table] of Object.entries(file.frontends ?? {})) {
    refuse(table, ['frontends', name], FRONTEND, report);
  }
  for (const [name, table] of Object.entries(file.backends ?? {})) {
    refuse(table, ['backends', name], BACKEND, report);
  }
  const workers = file.global?.workers ?? 1;
  if (workers !== 1) report.problem(['global', 'workers'], notBuilt('more than one worker'));
}

function refuse<T>(
  table: T,
  path: KeyPath,
  refusals: readonly Refusal<T>[],
  report: ConfigReport,
): void {
  for (const { key, asks, what } of refusals) {
    if (asks(table)) report.problem([...path, key], notBuilt(what));
  }
}

function notBuilt(what: string): string {
  return `${what} is not part of this version; remove the key`;
}

/**
 * Settings that this version reads and cannot follow. They are refused, so that nobody runs with a
 * limit or a protection that is not there.
 *
 * @module
 */
import type { ConfigReport, KeyPath } from '@balancer/kit';
import type { BackendTable, ConfigFile } from './schema.ts';

/** A setting: where it stands in its table, and whether a value asks for what is not built. */
interface Refusal<T> {
  readonly key: KeyPath;
  readonly asks: (table: T) => boolean;
  readonly what: string;
  readonly instead: string;
}

const BACKEND: readonly Refusal<BackendTable>[] = [
  {
    key: ['discovery', 'type'],
    asks: (t) => t.discovery?.type === 'consul' || t.discovery?.type === 'kubernetes',
    what: 'discovery by consul or kubernetes',
    instead: 'use "dns", "srv", "file" or "http"; both answer DNS',
  },
];

/** Reports each setting of the file that asks for something this version does not do. */
export function reportNotBuilt(file: ConfigFile, report: ConfigReport): void {
  refuse(file.defaults ?? {}, ['defaults'], BACKEND, report);
  for (const [name, table] of Object.entries(file.backends ?? {})) {
    refuse(table, ['backends', name], BACKEND, report);
  }
}

function refuse<T>(
  table: T,
  path: KeyPath,
  refusals: readonly Refusal<T>[],
  report: ConfigReport,
): void {
  for (const { key, asks, what, instead } of refusals) {
    if (asks(table)) {
      report.problem([...path, ...key], `${what} is not part of this version; ${instead}`);
    }
  }
}

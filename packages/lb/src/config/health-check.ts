/**
 * Are the settings of a health check sound? Looked at when the file is read, since a check that
 * cannot be made is found out too late when it is to start.
 *
 * @module
 */
import {
  CheckSpecError,
  type ConfigReport,
  type KeyPath,
  readCommand,
  readEscapes,
  readExpect,
  readHost,
  readRequestPath,
  readStatusRanges,
} from '@balancer/kit';
import type { BackendTable, ConfigFile } from './schema.ts';

type HealthTable = NonNullable<BackendTable['health']>;

/** Reads each setting as the check does that uses it; an empty one means its default. */
const READERS = {
  send: ({ send = '' }) => readEscapes(send),
  expect: ({ expect = '' }) => readExpect(expect),
  path: ({ path = '/' }) => readRequestPath(path),
  host: ({ host = '' }) => host === '' || readHost(host),
  status: ({ status = '200' }) => readStatusRanges(status),
  command: ({ command = [] }) => command.length === 0 || readCommand(command),
} satisfies { readonly [K in keyof HealthTable]?: (table: HealthTable) => unknown };

/** Reports each problem of the health checks of a file. */
export function checkHealth({ defaults, backends }: ConfigFile, report: ConfigReport): void {
  const inherited = defaults?.health ?? {};
  checkValues(inherited, ['defaults', 'health'], report);
  for (const [name, { health = {} }] of Object.entries(backends ?? {})) {
    const path = ['backends', name, 'health'];
    checkValues(health, path, report);
    const { type, command = [] } = { ...inherited, ...health };
    if (type === 'exec' && command.length === 0) {
      report.problem([...path, 'type'], 'needs health.command, the program to run');
    }
  }
}

function checkValues(table: HealthTable, path: KeyPath, report: ConfigReport): void {
  for (const [key, read] of Object.entries(READERS)) {
    const problem = problemOf(() => read(table));
    if (problem !== undefined) report.problem([...path, key], problem);
  }
}

function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof CheckSpecError) return error.message;
    throw error;
  }
}

/**
 * The selection table of a set-up.
 *
 * @module
 */
import { buildMaglevTable, maglevRow } from '@balancer/select';
import { NAMES, type Setup } from './packet-case.ts';

/** The backends of a set-up, B1 when it names none. */
export function backendsOf({ backends }: Setup): NonNullable<Setup['backends']> {
  return backends ?? [{ address: NAMES['B1']! }];
}

/** Its table as backend slots: what the case says, a Maglev table, or each backend once. */
export function tableOf(setup: Setup): number[] {
  const backends = backendsOf(setup);
  const { maglev, table } = setup;
  if (maglev === undefined) return (table ?? backends.map((_, i) => i)).map((i) => i + 1);
  const rows = backends.map(({ address, port = 8080, weight = 1 }) =>
    maglevRow(`${address}:${port}`, weight, maglev),
  );
  return Array.from(buildMaglevTable(rows, maglev), (i) => i + 1);
}

/**
 * The selection table of a set-up.
 *
 * @module
 */
import { drawTable, hashTable, maglevTable, roundRobinTable } from '../../src/tables.ts';
import { NAMES, type Setup } from './packet-case.ts';

/** The backends of a set-up, B1 when it names none. */
export function backendsOf({ backends }: Setup): NonNullable<Setup['backends']> {
  return backends ?? [{ address: NAMES['B1']! }];
}

/** Schedulers that go over all backends, and those of them that do by weight. */
export const COMPARING: ReadonlySet<string> = new Set(['lc', 'wlc', 'sed', 'nq', 'fo', 'ovf']);
const BY_WEIGHT: ReadonlySet<string> = new Set(['fo', 'ovf']);

/** What such a scheduler goes over, as backend slots. */
export function listOf(setup: Setup): number[] {
  const list = backendsOf(setup).map(({ weight = 1 }, i) => ({ slot: i + 1, weight }));
  if (BY_WEIGHT.has(setup.scheduler ?? '')) list.sort((a, b) => b.weight - a.weight);
  return list.map(({ slot }) => slot);
}

/** Its table as backend slots: what the case says, that of the scheduler, or each backend once. */
export function tableOf(setup: Setup): number[] {
  const { maglev, table, scheduler } = setup;
  if (table !== undefined) return table.map((i) => i + 1);
  const members = backendsOf(setup).map(({ address, port = 8080, weight = 1 }, i) => ({
    slot: i + 1,
    id: `${address}:${port}`,
    weight,
  }));
  if (maglev !== undefined) return [...maglevTable(members, maglev)];
  if (scheduler === 'sh' || scheduler === 'dh') return [...hashTable(members)];
  if (scheduler === 'twos') return [...drawTable(members)];
  return [...roundRobinTable(members)];
}

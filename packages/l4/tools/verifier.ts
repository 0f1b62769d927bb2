/**
 * Prints what each program costs the kernel's verifier, beside the limits of the contract:
 *
 *     npm run verifier -w packages/l4
 *
 * Needs root.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { loadObject } from '@balancer/ebpf';

/** Limits of the contract: instructions the verifier walks through, and bytes of stack. */
const BUDGET = { processedInstructions: 300_000, stackBytes: 448 } as const;

console.log(`${'object'.padEnd(8)} ${'program'.padEnd(12)} processed      of  stack   of`);
for (const name of ['l4-xdp', 'l4-tc', 'l4-ctl']) {
  const object = readFileSync(new URL(`../bpf/objects/${name}.o`, import.meta.url));
  const loaded = loadObject(object, { statistics: true, maxEntries: { l4_ct: 1024 } });
  for (const program of loaded.programs.values()) {
    const { processedInstructions, stackBytes } = program.statistics!;
    console.log(
      `${name.padEnd(8)} ${program.name.padEnd(12)} ${`${processedInstructions}`.padStart(9)} ${`${BUDGET.processedInstructions}`.padStart(7)} ${`${stackBytes}`.padStart(6)} ${`${BUDGET.stackBytes}`.padStart(4)}`,
    );
  }
  loaded.close();
}

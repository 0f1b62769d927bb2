/**
 * What does one pick cost? Nanoseconds, collections and bytes per pick of every policy, through
 * `Balancer.next` and for the picker alone, next to a plain array read, to peers from npm and to
 * the Go library whose scenario this is.
 *
 * Every figure is the median over fresh processes whose order rotates, because what V8 learned from
 * one policy would slow the next, and it is CPU time, which other work on the machine lengthens less
 * than the wall clock (`--json` has both). Ratios within one run count; absolute figures only as far
 * as the machine was idle.
 *
 * @module
 */
import { parseArgs } from 'node:util';
import { GoLibrary } from './go-library.ts';
import { POLICY_NAMES, type PolicyName } from './policies.ts';
import { machine } from './report.ts';
import { SECTIONS, type SectionName, type Setup } from './sections.ts';

const USAGE = `Usage: npm run bench -w packages/select -- [options]
  --quick            two rounds of 1e6 picks instead of seven of 5e6
  --section a,b      only these of: ${Object.keys(SECTIONS).join(', ')}
  --policy a,b       only these of: ${POLICY_NAMES.join(', ')}
  --json             print the raw rounds as JSON instead of tables
  BALANCER_GO_LIBRARY=folder compares with the Go library whose source lies there`;

const { values: args } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    section: { type: 'string' },
    policy: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (args.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const sections = chosen(args.section, Object.keys(SECTIONS) as SectionName[], 'section');
  const goLibrary = GoLibrary.open(process.env.BALANCER_GO_LIBRARY);
  const setup: Setup = {
    policies: chosen<PolicyName>(args.policy, POLICY_NAMES, 'policy'),
    rounds: args.quick ? 2 : 7,
    picksPerRun: args.quick ? 1_000_000 : 5_000_000,
    goLibrary: typeof goLibrary === 'string' ? undefined : goLibrary,
    printsTables: !args.json,
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
    },
  };
  if (setup.printsTables) console.log(machine());
  if (setup.printsTables) {
    console.log(
      typeof goLibrary === 'string'
        ? `Go library: not compared (${goLibrary})`
        : `Go library: ${goLibrary.goVersion}`,
    );
  }
  const raw: Record<string, unknown> = { machine: machine(), date: new Date().toISOString() };
  try {
    for (const name of sections) raw[name] = await SECTIONS[name](setup);
  } finally {
    setup.progress('');
    setup.goLibrary?.close();
  }
  if (args.json) console.log(JSON.stringify(raw, null, 2));
}

/** The names in a comma-separated option, or all when it is absent. */
function chosen<T extends string>(
  list: string | undefined,
  known: readonly T[],
  option: string,
): readonly T[] {
  if (list === undefined) return known;
  const names = list.split(',') as T[];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`--${option}: unknown ${unknown.join(', ')}; known are ${known.join(', ')}`);
    process.exit(2);
  }
  return names;
}

/**
 * `balancer check`: reads a configuration file and says whether it may run. Opens and resolves
 * nothing.
 *
 * @module
 */
import {
  ConfigFileError,
  type ConfigProblem,
  createStyler,
  EXIT,
  formatProblem,
} from '@balancer/kit';
import {
  type LoadedLoadBalancerConfig,
  loadLoadBalancerConfig,
  summarizeConfig,
} from '@balancer/lb';
import type { Io } from '../io.ts';

/** @returns The exit code. */
export async function checkFile(
  { file, json }: { readonly file: string; readonly json: boolean },
  io: Io,
): Promise<number> {
  const outcome = await load(file, io);
  if (json) {
    const { problems, warnings } = outcome;
    io.stdout.write(`${JSON.stringify({ file, ok: problems.length === 0, problems, warnings })}\n`);
  } else {
    report(outcome, io);
  }
  return outcome.problems.length === 0 ? EXIT.ok : EXIT.usage;
}

interface Outcome {
  readonly file: string;
  readonly loaded?: LoadedLoadBalancerConfig;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

async function load(file: string, io: Io): Promise<Outcome> {
  try {
    const loaded = await loadLoadBalancerConfig(file, io.environment);
    return { file, loaded, problems: [], warnings: loaded.warnings };
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    return { file, problems: error.problems, warnings: [] };
  }
}

function report({ file, loaded, problems, warnings }: Outcome, io: Io): void {
  const style = createStyler(io.stderr, io.environment);
  for (const problem of problems) io.stderr.write(`${style('red', formatProblem(problem))}\n`);
  for (const warning of warnings) {
    io.stderr.write(`${style('yellow', `${formatProblem(warning)} (warning)`)}\n`);
  }
  if (loaded) io.stdout.write(`${file}: OK (${summarizeConfig(loaded.config)})\n`);
}

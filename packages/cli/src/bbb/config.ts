/**
 * `balancer bbb config …`: is the configuration right, what does it come to, read it again.
 *
 * @module
 */
import type { Command } from 'commander';
import { ConfigFileError, createStyler, EXIT, formatProblem } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { type BbbOptions, withOperations } from './host.ts';
import { type BbbCommands, withOutput } from './options.ts';
import { showDone, showJson } from './show.ts';

export function addConfig(bbb: Command, commands: BbbCommands): void {
  const config = withExamples(
    bbb.command('config'),
    'balancer bbb config check --config gateway.toml',
    'balancer bbb config show',
  ).description('the configuration of the gateway');
  addCheck(config, commands);
  addShow(config, commands);
  addReload(config, commands);
}

function addCheck(config: Command, { io, finish }: BbbCommands): void {
  withExamples(
    withOutput(config.command('check')),
    'balancer bbb config check --config gateway.toml',
  )
    .description('check the file and the environment; open nothing')
    .action(async (options: BbbOptions) => {
      const outcome = await check(options, io.environment);
      const style = createStyler(io.stderr, io.environment);
      if (options.json) {
        showJson(io, { ok: outcome.problems.length === 0, ...outcome });
      } else {
        for (const problem of outcome.problems) io.stderr.write(`${style('red', problem)}\n`);
        for (const warning of outcome.warnings) {
          io.stderr.write(`${style('yellow', `${warning} (warning)`)}\n`);
        }
        if (outcome.problems.length === 0) {
          io.stdout.write(`${options.config ?? 'environment'}: OK\n`);
        }
      }
      finish(outcome.problems.length === 0 ? EXIT.ok : EXIT.usage);
    });
}

interface Outcome {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

async function check(
  { config: file }: BbbOptions,
  environment: BbbCommands['io']['environment'],
): Promise<Outcome> {
  const { EnvironmentError, loadBbbConfig } = await import('@balancer/bbb');
  try {
    return { problems: [], warnings: (await loadBbbConfig(file, environment)).warnings };
  } catch (error) {
    if (error instanceof ConfigFileError) {
      return { problems: error.problems.map(formatProblem), warnings: [] };
    }
    if (!(error instanceof EnvironmentError)) throw error;
    return { problems: error.message.split('\n'), warnings: [] };
  }
}

function addShow(config: Command, { io, finish }: BbbCommands): void {
  withExamples(withOutput(config.command('show').alias('print')), 'balancer bbb config show')
    .description('print what file and environment come to, every default spelled out, no secret')
    .action(async ({ config: file, json }: BbbOptions) => {
      const { describeBbbConfig, formatBbbConfig, loadBbbConfig } = await import('@balancer/bbb');
      const { config: loaded } = await loadBbbConfig(file, io.environment);
      if (json) showJson(io, describeBbbConfig(loaded));
      else io.stdout.write(formatBbbConfig(loaded));
      finish(EXIT.ok);
    });
}

function addReload(config: Command, { io, finish }: BbbCommands): void {
  withExamples(withOutput(config.command('reload')), 'balancer bbb config reload')
    .description('let the running gateway read its configuration again, as SIGHUP does')
    .action(async (options: BbbOptions) => {
      await withOperations(options, io, async (run) => run('config.reload', {}));
      showDone(io, options, { id: 'configuration', done: 'reloaded' });
      finish(EXIT.ok);
    });
}

/**
 * The command line: which commands and options exist, and what they call.
 *
 * @module
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigFileError, createStyler, EXIT, LOG_LEVELS, messageOf } from '@balancer/kit';
import type { AdminTarget } from './admin-client.ts';
import { checkFile } from './commands/check.ts';
import { demo, type DemoOptions } from './commands/demo.ts';
import { drain, reload, stats } from './commands/remote.ts';
import { run, type RunOptions } from './commands/run.ts';
import { top } from './commands/top.ts';
import { exitCodeOf } from './exit.ts';
import type { Io } from './io.ts';
import { registerPools } from './pools/register.ts';
import { poolsIo } from './pools/files.ts';
import { VERSION } from './version.ts';

/**
 * Runs one command.
 *
 * @param args - Without the interpreter and the script.
 * @returns The exit code. Never rejects.
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram(io, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return fail(error, io);
  }
}

function fail(error: unknown, io: Io): number {
  // Commander has printed its own message; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const style = createStyler(io.stderr, io.environment);
  const prefix = error instanceof ConfigFileError ? '' : 'balancer: ';
  io.stderr.write(`${style('red', `${prefix}${messageOf(error)}`)}\n`);
  return exitCodeOf(error);
}

type Finish = (code: number) => void;

function createProgram(io: Io, finish: Finish): Command {
  const program = new Command('balancer')
    .description('Puts work where it fits.')
    .version(VERSION, '-v, --version', 'print the version')
    .showHelpAfterError('(balancer --help shows what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .addHelpText('after', example('balancer demo', 'balancer run balancer.toml'));
  addRun(program, 'run', io, finish);
  // The name under which the load balancer alone was known.
  addRun(program, 'proxy', io, finish);
  addCheck(program, io, finish);
  addRemote(program, io, finish);
  addDemo(program, io, finish);
  registerPools(program, { ...poolsIo, stdout: io.stdout, stderr: io.stderr, finish });
  addVersion(program, io);
  return program;
}

function addRun(program: Command, name: string, io: Io, finish: Finish): void {
  program
    .command(name, { hidden: name !== 'run' })
    .description('serve every frontend of a configuration file')
    .argument('[file]', 'configuration file (default: config.toml)')
    .option('-c, --config <file>', 'the same as the argument')
    .option('--check', 'only check the file')
    .option('--print-config', 'print the configuration with every default, and stop')
    .addOption(new Option('--log-level <level>', 'override the file').choices(LOG_LEVELS))
    .addOption(
      new Option('--mode <mode>', 'override the mode of every frontend').choices([
        'proxy',
        'passthrough',
        'dsr',
      ]),
    )
    .option('-p, --passthrough', 'the same as --mode passthrough')
    .option('-d, --dsr', 'the same as --mode dsr')
    .option('--workers <count>', 'override the file', positiveInteger)
    .addHelpText('after', example(`balancer ${name} balancer.toml --log-level debug`))
    .action(async (file: string | undefined, options: RunFlags) => {
      finish(await run(runOptions(file, options), io));
    });
}

interface RunFlags extends Omit<RunOptions, 'config' | 'mode'> {
  readonly config?: string;
  readonly mode?: 'proxy' | 'passthrough' | 'dsr';
  readonly passthrough?: boolean;
  readonly dsr?: boolean;
}

function runOptions(file: string | undefined, flags: RunFlags): RunOptions {
  const { config, mode: named, passthrough, dsr, ...rest } = flags;
  const mode = named ?? (passthrough ? 'passthrough' : dsr ? 'dsr' : undefined);
  const plane = { proxy: 'proxy', passthrough: 'passthrough', dsr: 'dr-ip' } as const;
  return {
    ...rest,
    config: file ?? config ?? 'config.toml',
    ...(mode && { mode: plane[mode] }),
  };
}

function addCheck(program: Command, io: Io, finish: Finish): void {
  program
    .command('check')
    .description('check a configuration file; open nothing')
    .argument('[file]', 'configuration file', 'config.toml')
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', example('balancer check balancer.toml'))
    .action(async (file: string, { json = false }: { json?: boolean }) => {
      finish(await checkFile({ file, json }, io));
    });
}

/** Commands that talk to a running load balancer. */
function addRemote(program: Command, io: Io, finish: Finish): void {
  remote(program, 'reload', 'read the configuration file again')
    .addHelpText('after', example('balancer reload --config balancer.toml'))
    .action(async (target: AdminTarget) => finish(await reload(target, io)));
  remote(program, 'drain', 'let a server finish its connections and give it no new ones')
    .argument('<backend/server>', 'as the file or the statistics name them')
    .addOption(new Option('--ready', 'take it back into service').conflicts('maint'))
    .option('--maint', 'take it out of service')
    .addHelpText('after', example('balancer drain web/one', 'balancer drain web/one --ready'))
    .action(async (server: string, { ready, maint, ...target }: DrainFlags) => {
      const state = ready ? 'ready' : maint ? 'maint' : 'drain';
      finish(await drain(server, state, { target, io }));
    });
  remote(program, 'stats', 'print the statistics')
    .option('--json', 'as JSON')
    .addHelpText('after', example('balancer stats --json'))
    .action(async ({ json = false, ...target }: AdminTarget & { json?: boolean }) => {
      finish(await stats({ json, ...target }, io));
    });
  remote(program, 'top', 'watch the statistics with rates, redrawn in place')
    .option('--interval <seconds>', 'between two pictures', seconds, 2)
    .option('--count <pictures>', 'end after so many', positiveInteger)
    .addHelpText('after', example('balancer top', 'balancer top --url http://10.0.0.1:7000'))
    .action(
      async ({ interval, ...options }: AdminTarget & { interval: number; count?: number }) => {
        finish(await top({ intervalMs: interval * 1000, ...options }, io));
      },
    );
}

interface DrainFlags extends AdminTarget {
  readonly ready?: boolean;
  readonly maint?: boolean;
}

function remote(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option(
      '-c, --config <file>',
      'file of the running load balancer (default: config.toml, if any)',
    )
    .option(
      '--url <url>',
      'its admin address, instead of the file (default: http://127.0.0.1:7000)',
    )
    .option('--token <token>', 'instead of the file (default: $BALANCER_TOKEN)');
}

function addDemo(program: Command, io: Io, finish: Finish): void {
  program
    .command('demo')
    .description('three small servers, the load balancer in front of them, a page of statistics')
    .option('--port <port>', 'port of the load balancer; 0 picks a free one', port, 8080)
    .option('--stats-port <port>', 'port of the statistics; 0 picks a free one', port, 7000)
    .addHelpText('after', example('balancer demo --port 0 --stats-port 0'))
    .action(async (options: DemoOptions) => {
      finish(await demo(options, io));
    });
}

function addVersion(program: Command, io: Io): void {
  program
    .command('version')
    .description('print the version')
    .option('--json', 'with the versions of what it runs on')
    .addHelpText('after', example('balancer version --json'))
    .action(({ json = false }: { json?: boolean }) => {
      const facts = { version: VERSION, node: process.versions.node, platform: process.platform };
      io.stdout.write(json ? `${JSON.stringify(facts)}\n` : `${VERSION}\n`);
    });
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('needs a port from 0 to 65535.');
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^[\d.]+$/.test(text) && value >= 0.1) return value;
  throw new InvalidArgumentError('needs seconds, at least 0.1.');
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1) return value;
  throw new InvalidArgumentError('needs a number of at least 1.');
}

function example(...lines: readonly string[]): string {
  const label = lines.length === 1 ? 'Example:' : 'Examples:';
  return `\n${label}\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}

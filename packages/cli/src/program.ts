/**
 * The command line: which commands and options exist, and what they call. What a command needs is loaded when
 * it runs, so that help and short commands are there at once.
 *
 * @module
 */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigFileError, createStyler, EXIT, LOG_LEVELS, messageOf } from '@balancer/kit';
import type { AdminTarget } from './admin-client.ts';
import type { DemoOptions } from './commands/demo.ts';
import type { RunOptions } from './commands/run.ts';
import { exitCodeOf } from './exit.ts';
import type { Io } from './io.ts';
import { bashCompletion } from './reference/bash.ts';
import { type CommandReference, describeCommand } from './reference/describe.ts';
import { port } from './port-argument.ts';
import { withExamples } from './reference/examples.ts';
import { fishCompletion } from './reference/fish.ts';
import { manPage } from './reference/man-page.ts';
import { zshCompletion } from './reference/zsh.ts';
import { VERSION } from './version.ts';

/**
 * Runs one command.
 *
 * @param args - Without the interpreter and the script.
 * @returns The exit code. Never rejects.
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.ok;
  try {
    const program = await createProgram(args, io, (result) => {
      code = result;
    });
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

/** Commands that need no part of this program but the load balancer. */
const BALANCING: ReadonlySet<string> = new Set([
  'run',
  'proxy',
  'check',
  'reload',
  'drain',
  'weight',
  'stats',
  'top',
  'demo',
]);

/**
 * The other parts, by the command they are for. What a long-running process does not use it does not
 * load: all of them together take 20 MiB.
 */
const PARTS: Readonly<Record<string, (program: Command, io: Io, finish: Finish) => Promise<void>>> =
  {
    bbb: async (program, io, finish) => {
      const { registerBbb } = await import('./bbb/register.ts');
      registerBbb(program, io, finish);
    },
    l4: async (program, io, finish) => {
      const { registerL4 } = await import('./l4/register.ts');
      const l4 = registerL4(program, io, finish);
      addRun(l4, 'run', io, finish);
      addCheck(l4, io, finish);
    },
    pools: async (program, io, finish) => {
      const [{ registerPools }, { poolsIo }] = await Promise.all([
        import('./pools/register.ts'),
        import('./pools/files.ts'),
      ]);
      registerPools(program, { ...poolsIo, stdout: io.stdout, stderr: io.stderr, finish });
    },
    sim: async (program, io, finish) => {
      const { registerSimulation } = await import('./sim/register.ts');
      registerSimulation(program, io, finish);
    },
  };

/** @returns The parts that a line may speak of: all, unless its first word names one. */
function partsFor([command = '']: readonly string[]): readonly string[] {
  if (BALANCING.has(command)) return [];
  return Object.hasOwn(PARTS, command) ? [command] : Object.keys(PARTS);
}

async function createProgram(args: readonly string[], io: Io, finish: Finish): Promise<Command> {
  const program = new Command('balancer')
    .description('Puts work where it fits.')
    .version(VERSION, '-v, --version', 'print the version')
    .showHelpAfterError('(balancer --help shows what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    });
  withExamples(program, 'balancer demo', 'balancer run balancer.toml');
  addRun(program, 'run', io, finish);
  // The name under which the load balancer alone was known.
  addRun(program, 'proxy', io, finish);
  addCheck(program, io, finish);
  addRemote(program, io, finish);
  addDemo(program, io, finish);
  for (const part of partsFor(args)) {
    // oxlint-disable-next-line no-await-in-loop -- the help lists them in this order
    await PARTS[part]!(program, io, finish);
  }
  addReference(program, io);
  addVersion(program, io);
  return program;
}

function addRun(program: Command, name: string, io: Io, finish: Finish): void {
  withExamples(
    program.command(name, { hidden: name !== 'run' }),
    `balancer ${name} balancer.toml --log-level debug`,
  )
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
    .action(async (file: string | undefined, options: RunFlags) => {
      const { run } = await import('./commands/run.ts');
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
  withExamples(program.command('check'), 'balancer check balancer.toml')
    .description('check a configuration file; open nothing')
    .argument('[file]', 'configuration file', 'config.toml')
    .option('--json', 'print the outcome as JSON')
    .action(async (file: string, { json = false }: { json?: boolean }) => {
      const { checkFile } = await import('./commands/check.ts');
      finish(await checkFile({ file, json }, io));
    });
}

/** Commands that talk to a running load balancer. */
function addRemote(program: Command, io: Io, finish: Finish): void {
  withExamples(
    remote(program, 'reload', 'read the configuration file again'),
    'balancer reload --config balancer.toml',
  )
    .option('--json', 'print the outcome as JSON')
    .action(async ({ json = false, ...target }: RemoteFlags) => {
      const { reload } = await import('./commands/remote.ts');
      finish(await reload({ json, ...target }, io));
    });
  withExamples(
    remote(program, 'drain', 'let a server finish its connections and give it no new ones'),
    'balancer drain web/one --wait 60',
    'balancer drain web/one --ready',
  )
    .argument('<backend/server>', 'as the file or the statistics name them')
    .addOption(new Option('--ready', 'take it back into service').conflicts('maint'))
    .option('--maint', 'take it out of service')
    .addOption(
      new Option(
        '--wait <seconds>',
        'until its connections have ended, or with --ready until it is up; 1 when that takes longer',
      ).argParser(seconds),
    )
    .option('--json', 'print the server as JSON')
    .action(async (server: string, { ready, maint, wait, json = false, ...target }: DrainFlags) => {
      const state = ready ? 'ready' : maint ? 'maint' : 'drain';
      const waitMs = wait === undefined ? undefined : wait * 1000;
      const { drain } = await import('./commands/remote.ts');
      finish(await drain(server, { state, waitMs, json, ...target }, io));
    });
  withExamples(
    remote(program, 'weight', 'change the share of a server until the file changes it'),
    'balancer weight web/one 5',
  )
    .argument('<backend/server>', 'as the file or the statistics name them')
    .argument('<weight>', '0 to 65535; 0 gives it no new connections', weight)
    .option('--json', 'print the server as JSON')
    .action(async (server: string, value: number, { json = false, ...target }: RemoteFlags) => {
      const { weigh } = await import('./commands/remote.ts');
      finish(await weigh(server, { weight: value, json, ...target }, io));
    });
  withExamples(remote(program, 'stats', 'print the statistics'), 'balancer stats --json')
    .option('--json', 'as JSON')
    .action(async ({ json = false, ...target }: RemoteFlags) => {
      const { stats } = await import('./commands/remote.ts');
      finish(await stats({ json, ...target }, io));
    });
  withExamples(
    remote(program, 'top', 'watch the statistics with rates, redrawn in place'),
    'balancer top',
    'balancer top --url http://10.0.0.1:7000',
  )
    .option('--interval <seconds>', 'between two pictures', seconds, 2)
    .option('--count <pictures>', 'end after so many', positiveInteger)
    .action(
      async ({ interval, ...options }: AdminTarget & { interval: number; count?: number }) => {
        const { top } = await import('./commands/top.ts');
        finish(await top({ intervalMs: interval * 1000, ...options }, io));
      },
    );
}

interface RemoteFlags extends AdminTarget {
  readonly json?: boolean;
}

interface DrainFlags extends RemoteFlags {
  readonly ready?: boolean;
  readonly maint?: boolean;
  readonly wait?: number;
}

function remote(program: Command, name: string, description: string): Command {
  return withTarget(program.command(name).description(description));
}

function withTarget(command: Command): Command {
  return command
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
  withExamples(program.command('demo'), 'balancer demo --port 0 --stats-port 0')
    .description('three small servers, the load balancer in front of them, a page of statistics')
    .option('--port <port>', 'port of the load balancer; 0 picks a free one', port, 8080)
    .option('--stats-port <port>', 'port of the statistics; 0 picks a free one', port, 7000)
    .action(async (options: DemoOptions) => {
      const { demo } = await import('./commands/demo.ts');
      finish(await demo(options, io));
    });
}

const COMPLETIONS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** What is written from the definitions above, and must come after them. */
function addReference(program: Command, io: Io): void {
  const reference = (): CommandReference => describeCommand(program);
  withExamples(
    program.command('completion'),
    'source <(balancer completion bash)',
    'balancer completion fish > ~/.config/fish/completions/balancer.fish',
  )
    .description('print the completions for a shell')
    .addArgument(
      new Argument('<shell>', 'which shell they are for').choices(Object.keys(COMPLETIONS)),
    )
    .action((shell: keyof typeof COMPLETIONS) => {
      io.stdout.write(COMPLETIONS[shell](reference()));
    });
  withExamples(
    program.command('man'),
    'balancer man | man -l -',
    'balancer man > /usr/local/share/man/man1/balancer.1',
  )
    .description('print the manual page')
    .action(() => void io.stdout.write(manPage(reference(), VERSION)));
  withExamples(program.command('schema'), 'balancer schema > balancer.schema.json')
    .description('print the JSON Schema of the configuration file, for editors')
    .action(async () => {
      const { loadBalancerConfigJsonSchema } = await import('@balancer/lb');
      io.stdout.write(`${JSON.stringify(loadBalancerConfigJsonSchema(), undefined, 2)}\n`);
    });
  // Asked by the completions with the words of an unfinished line.
  withTarget(program.command('complete-servers', { hidden: true }))
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (target: AdminTarget) => {
      const { completeServers } = await import('./commands/remote.ts');
      await completeServers(target, io);
    });
}

function addVersion(program: Command, io: Io): void {
  withExamples(program.command('version'), 'balancer version --json')
    .description('print the version')
    .option('--json', 'with the versions of what it runs on')
    .action(({ json = false }: { json?: boolean }) => {
      const facts = { version: VERSION, node: process.versions.node, platform: process.platform };
      io.stdout.write(json ? `${JSON.stringify(facts)}\n` : `${VERSION}\n`);
    });
}

function seconds(text: string): number {
  const value = Number(text);
  if (/^[\d.]+$/.test(text) && value >= 0.1) return value;
  throw new InvalidArgumentError('needs seconds, at least 0.1.');
}

function weight(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('needs a number from 0 to 65535.');
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1) return value;
  throw new InvalidArgumentError('needs a number of at least 1.');
}

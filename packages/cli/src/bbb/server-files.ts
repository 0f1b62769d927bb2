/**
 * `balancer bbb servers import|sync|export`: the pool as a file.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { SyncMode, SyncStep } from '@balancer/bbb';
import { createProgress, EXIT } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { confirm } from './confirm.ts';
import { type BbbOptions, type RunOperation, withOperations } from './host.ts';
import { type BbbCommands, withConfig, withOutput } from './options.ts';
import { showJson, showRows } from './show.ts';

interface SyncFlags extends BbbOptions {
  readonly mode: SyncMode;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function addServerFiles(servers: Command, commands: BbbCommands): void {
  addImport(servers, commands);
  addSync(servers, commands);
  addExport(servers, commands);
}

function addImport(servers: Command, { io, finish }: BbbCommands): void {
  withExamples(withOutput(servers.command('import')), 'balancer bbb servers import servers.yml')
    .description('add the servers of a list; those that are there already stay as they are')
    .argument('<file>', 'YAML or JSON with a list "servers" of {url, secret}; - is the input')
    .action(async (file: string, options: BbbOptions) => {
      const { readServerList } = await import('@balancer/bbb');
      const text = await textOf(file, io.stdin);
      const count = readServerList(text, file).length;
      const progress = createProgress({ label: 'importing', total: count, stream: io.stderr });
      const steps = await withOperations(options, io, async (run) => {
        const done: SyncStep[] = [];
        for (let i = 0; i < count; i++) {
          const input = { text, name: file, positions: [i] };
          done.push(...((await run('servers.import', input)) as SyncStep[]));
          progress.update(i + 1, done.at(-1)?.id);
        }
        return done;
      });
      progress.finish();
      showSteps(io, steps, options);
      finish(EXIT.ok);
    });
}

function addSync(servers: Command, { io, finish }: BbbCommands): void {
  withExamples(
    withOutput(servers.command('sync')),
    'balancer bbb servers sync servers.yml --dry-run',
    'balancer bbb servers export | balancer bbb servers sync -',
  )
    .description('make the pool what a file says; the whole file is checked first')
    .argument(
      '<file>',
      'YAML or JSON with a map "servers" from ids to {secret, ...}; - is the input',
    )
    .addOption(
      new Option('--mode <mode>', 'what happens to servers that the file does not list')
        .choices(['keep', 'cordon', 'force'])
        .default('cordon'),
    )
    .option('--dry-run', 'print what would change, and change nothing')
    .option('-y, --yes', 'do not ask before meetings end (--mode force)')
    .action(async (file: string, flags: SyncFlags) => {
      const input = { text: await textOf(file, io.stdin), name: file, mode: flags.mode };
      const steps = await withOperations(flags, io, async (run) => {
        const plan = (await run('servers.sync', { ...input, isDryRun: true })) as SyncStep[];
        if (flags.dryRun) return plan;
        const ending = plan.filter(({ action }) => action === 'end-meetings');
        const question = `Meetings of ${ending.map(({ id }) => id).join(', ')} will end.`;
        if (ending.length > 0 && !(await confirm(io, question, flags.yes))) return null;
        return carryOut(run, input, [...new Set(plan.map(({ id }) => id))], io.stderr);
      });
      if (steps !== null) showSteps(io, steps, flags);
      finish(steps === null ? EXIT.failed : EXIT.ok);
    });
}

/** One server after the other, so that a long end of meetings shows how far it is. */
async function carryOut(
  run: RunOperation,
  input: object,
  ids: readonly string[],
  stream: BbbCommands['io']['stderr'],
): Promise<SyncStep[]> {
  const progress = createProgress({ label: 'synchronizing', total: ids.length, stream });
  const steps: SyncStep[] = [];
  for (const [i, id] of ids.entries()) {
    const one = { ...input, isDryRun: false, ids: [id] };
    steps.push(...((await run('servers.sync', one)) as SyncStep[]));
    progress.update(i + 1, id);
  }
  if (ids.length > 0) progress.finish();
  return steps;
}

function addExport(servers: Command, { io, finish }: BbbCommands): void {
  withExamples(
    withConfig(servers.command('export')),
    'balancer bbb servers export > servers.yml',
    'balancer bbb servers export --json',
  )
    .description('print the servers, with their secrets, as a file for sync')
    .option('--verbose', 'with what the polls found')
    .option('--json', 'as JSON instead of YAML')
    .action(async (options: BbbOptions & { verbose?: boolean }) => {
      const { readYaml } = await import('@balancer/bbb');
      const text = (await withOperations(options, io, async (run) =>
        run('servers.export', { isVerbose: options.verbose ?? false }),
      )) as string;
      if (options.json) showJson(io, readYaml(text));
      else io.stdout.write(text);
      finish(EXIT.ok);
    });
}

function showSteps(io: BbbCommands['io'], steps: readonly SyncStep[], { json }: BbbOptions): void {
  if (!json && steps.length === 0) io.stdout.write('nothing to change\n');
  else {
    showRows(io, steps, {
      json,
      columns: [
        ['SERVER', ({ id }) => id],
        ['ACTION', ({ action }) => action],
        ['DETAIL', ({ detail }) => detail],
      ],
    });
  }
}

async function textOf(file: string, stdin: NodeJS.ReadStream): Promise<string> {
  if (file !== '-') return readFile(file, 'utf8');
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
}

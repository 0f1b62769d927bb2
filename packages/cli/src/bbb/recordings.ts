/**
 * `balancer bbb recordings …`: the recordings that are in the index.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { MaintenanceReport, RecordingList, RecordingView } from '@balancer/bbb';
import { EXIT } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { confirm } from './confirm.ts';
import { type BbbOptions, withOperations } from './host.ts';
import { type BbbCommands, decimal, withOutput } from './options.ts';
import { type Column, showJson, showRows } from './show.ts';

const STATES = ['processing', 'processed', 'published', 'unpublished', 'deleted'];

const COLUMNS: readonly Column<RecordingView>[] = [
  ['RECORDING', (row) => row.record_id],
  ['MEETING', (row) => row.meeting_id],
  ['NAME', ({ name }) => name],
  ['STATE', ({ state }) => state],
  ['PROTECTED', (row) => (row.protected ? 'yes' : 'no')],
  ['TENANT', (row) => row.tenant_id],
  ['STARTED', (row) => row.started_at],
  ['FORMATS', ({ formats }) => formats.map(({ type }) => type).join(' ')],
];

/** Adds the group; more commands may join it. */
export function addRecordings(bbb: Command, commands: BbbCommands): Command {
  const recordings = withExamples(
    bbb.command('recordings'),
    'balancer bbb recordings list --state published',
    'balancer bbb recordings import --once',
    'balancer bbb recordings prune --older-than 365 --dry-run',
  ).description('the recordings of all servers');
  addList(recordings, commands);
  addChanges(recordings, commands);
  addMaintenance(recordings, commands);
  return recordings;
}

interface ListFlags extends BbbOptions {
  readonly text?: string;
  readonly state?: string;
  readonly tenant?: string;
  readonly limit: number;
  readonly offset: number;
}

function addList(recordings: Command, { io, finish }: BbbCommands): void {
  withExamples(
    withOutput(recordings.command('list')),
    'balancer bbb recordings list --text algebra --limit 20',
  )
    .description('recordings, newest first')
    .option('--text <part>', 'part of a name, a recording ID or a meeting ID')
    .addOption(new Option('--state <state>', 'only those').choices(STATES))
    .option('--tenant <tenant>', 'name or id of a tenant')
    .option('--limit <count>', 'at most so many, up to 1000', decimal, 100)
    .option('--offset <count>', 'leave out so many', decimal, 0)
    .action(async ({ text, state, tenant, limit, offset, ...options }: ListFlags) => {
      const { total, recordings: rows } = (await withOperations(options, io, async (run) =>
        run('recordings.list', { text, state, tenant, limit, offset }),
      )) as RecordingList;
      if (options.json) showJson(io, { total, recordings: rows });
      else {
        showRows(io, rows, { columns: COLUMNS });
        if (rows.length < total) io.stderr.write(`${rows.length} of ${total}\n`);
      }
      finish(EXIT.ok);
    });
}

interface Change {
  readonly name: string;
  readonly description: string;
  readonly operation: string;
  readonly input: object;
  /** What is said of each recording. */
  readonly done: string;
}

const CHANGES: readonly Change[] = [
  {
    name: 'publish',
    description: 'show recordings',
    operation: 'recordings.publish',
    input: { isPublished: true },
    done: 'published',
  },
  {
    name: 'unpublish',
    description: 'hide recordings',
    operation: 'recordings.publish',
    input: { isPublished: false },
    done: 'unpublished',
  },
  {
    name: 'protect',
    description: 'show recordings only through addresses that open once',
    operation: 'recordings.update',
    input: { isProtected: true },
    done: 'protected',
  },
  {
    name: 'unprotect',
    description: 'show recordings to everybody who has the address',
    operation: 'recordings.update',
    input: { isProtected: false },
    done: 'not protected',
  },
];

function addChanges(recordings: Command, { io, finish }: BbbCommands): void {
  for (const { name, description, operation, input, done } of CHANGES) {
    withExamples(
      withOutput(recordings.command(name)),
      `balancer bbb recordings ${name} RECORDING-ID`,
    )
      .description(description)
      .argument('<id...>', 'recording IDs')
      .action(async (ids: string[], options: BbbOptions) => {
        await withOperations(options, io, async (run) => run(operation, { ids, ...input }));
        showAll(ids, done, options);
        finish(EXIT.ok);
      });
  }
  withExamples(
    withOutput(recordings.command('delete')),
    'balancer bbb recordings delete RECORDING-ID --yes',
  )
    .description('delete recordings with their files')
    .argument('<id...>', 'recording IDs')
    .option('-y, --yes', 'do not ask')
    .action(async (ids: string[], options: BbbOptions & { yes?: boolean }) => {
      const question = `The files of ${countOf(ids.length)} will be gone.`;
      if (!(await confirm(io, question, options.yes))) return finish(EXIT.failed);
      await withOperations(options, io, async (run) => run('recordings.delete', { ids }));
      showAll(ids, 'deleted', options);
      finish(EXIT.ok);
    });

  function showAll(ids: readonly string[], done: string, { json }: BbbOptions): void {
    if (json)
      return showJson(
        io,
        ids.map((id) => ({ id, done })),
      );
    for (const id of ids) io.stdout.write(`${id}: ${done}\n`);
  }
}

function addMaintenance(recordings: Command, { io, finish }: BbbCommands): void {
  const order = async (options: BbbOptions, name: string, done: string): Promise<void> => {
    const report = await withOperations(options, io, async (run) => run(name, {}));
    finish(tell(report as MaintenanceReport, done, options));
  };
  withExamples(withOutput(recordings.command('fix')), 'balancer bbb recordings fix')
    .description('move files of unpublished recordings out of the tree that is served')
    .action(async (options: BbbOptions) => order(options, 'recordings.fix', 'moved'));
  withExamples(withOutput(recordings.command('reindex')), 'balancer bbb recordings reindex')
    .description('build the index from the files in the trees')
    .action(async (options: BbbOptions) => order(options, 'recordings.reindex', 'indexed'));
  withExamples(
    withOutput(recordings.command('add-to-tenant')),
    'balancer bbb recordings add-to-tenant school-a',
  )
    .description('give all recordings without a tenant to one')
    .argument('<tenant>', 'its name or id')
    .action(async (tenant: string, options: BbbOptions) => {
      const { count } = (await withOperations(options, io, async (run) =>
        run('recordings.add-to-tenant', { tenant }),
      )) as { count: number };
      if (options.json) showJson(io, { tenant, count });
      else io.stdout.write(`${tenant}: ${countOf(count)}\n`);
      finish(EXIT.ok);
    });
  addPrune(recordings, { io, finish });

  function tell(report: MaintenanceReport, done: string, { json }: BbbOptions): number {
    if (json) showJson(io, report);
    else tellReport(io, report, done);
    return report.failed.length === 0 ? EXIT.ok : EXIT.failed;
  }
}

interface PruneFlags extends BbbOptions {
  readonly olderThan: number;
  readonly state?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

function addPrune(recordings: Command, { io, finish }: BbbCommands): void {
  withExamples(
    withOutput(recordings.command('prune')),
    'balancer bbb recordings prune --older-than 365 --state unpublished --yes',
  )
    .description('delete recordings of meetings that began long ago')
    .requiredOption('--older-than <days>', 'age of the meeting in days', decimal)
    .addOption(new Option('--state <state>', 'only those').choices(STATES))
    .option('--dry-run', 'only tell which')
    .option('-y, --yes', 'do not ask')
    .action(async ({ olderThan: olderThanDays, state, dryRun, yes, ...options }: PruneFlags) => {
      const rules = { olderThanDays, state };
      const report = await withOperations(options, io, async (run) => {
        const wanted = (await run('recordings.prune', {
          ...rules,
          isDryRun: true,
        })) as MaintenanceReport;
        if (dryRun || wanted.changed.length === 0) return wanted;
        const question = `The files of ${countOf(wanted.changed.length)} will be gone.`;
        if (!(await confirm(io, question, yes))) return null;
        return (await run('recordings.prune', rules)) as MaintenanceReport;
      });
      if (report === null) return finish(EXIT.failed);
      if (options.json) showJson(io, report);
      else tellReport(io, report, dryRun ? 'would be deleted' : 'deleted');
      finish(report.failed.length === 0 ? EXIT.ok : EXIT.failed);
    });
}

function tellReport(
  io: BbbCommands['io'],
  { changed, failed }: MaintenanceReport,
  done: string,
): void {
  for (const id of changed) io.stdout.write(`${id}: ${done}\n`);
  for (const { recordId, reason } of failed) io.stderr.write(`${recordId}: ${reason}\n`);
  io.stdout.write(`${countOf(changed.length)}\n`);
}

function countOf(count: number): string {
  return count === 1 ? '1 recording' : `${count} recordings`;
}

/**
 * `balancer bbb recordings import|imports|retry` and `balancer bbb deliveries …`: archives on their way
 * in, and calls on their way out.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { DeliveryView, ImportList, ImportSummary } from '@balancer/bbb';
import { createProgress, EXIT } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { type BbbOptions, type RunOperation, withOperations } from './host.ts';
import { type BbbCommands, withOutput } from './options.ts';
import { repeatUntilStopped } from './repeat.ts';
import { showDone, showJson, showRows } from './show.ts';

/** Between two rounds by hand, and while an archive may still grow. */
const ROUND_MS = 30_000;
const SETTLE_LOOK_MS = 500;
const PROGRESS_LOOK_MS = 500;

/** Adds the commands about archives to `recordings`. */
export function addImports(recordings: Command, { io, finish }: BbbCommands): void {
  withExamples(
    withOutput(recordings.command('import')),
    'balancer bbb recordings import --once',
    'balancer bbb recordings import',
  )
    .description('import archives until Ctrl-C; the running gateway imports by itself')
    .option('--once', 'end when nothing waits any more')
    .action(async ({ once, ...options }: BbbOptions & { once?: boolean }) => {
      let isClean = true;
      await withOperations(options, io, async (run) => {
        const round = async (): Promise<number> => {
          const summary = await importRound(io, run);
          tell(summary, options);
          isClean &&= summary.archives.every(({ outcome }) => outcome === 'imported');
          return summary.unsettledCount;
        };
        if (once) while ((await round()) > 0) await wait(SETTLE_LOOK_MS);
        else {
          await repeatUntilStopped(io, async () =>
            (await round()) > 0 ? SETTLE_LOOK_MS : ROUND_MS,
          );
        }
      });
      finish(isClean ? EXIT.ok : EXIT.failed);
    });
  withExamples(withOutput(recordings.command('imports')), 'balancer bbb recordings imports')
    .description('archives that wait, and those that could not be imported')
    .action(async (options: BbbOptions) => {
      const list = (await withOperations(options, io, async (run) =>
        run('imports.list', {}),
      )) as ImportList;
      if (options.json) showJson(io, list);
      else showImports(list);
      finish(EXIT.ok);
    });
  withExamples(withOutput(recordings.command('retry')), 'balancer bbb recordings retry rec-1.tar')
    .description('put an archive that could not be imported back into the spool')
    .argument('<file>', 'its name')
    .action(async (file: string, options: BbbOptions) => {
      await withOperations(options, io, async (run) => run('imports.retry', { file }));
      showDone(io, options, { id: file, done: 'waits again' });
      finish(EXIT.ok);
    });

  function tell({ archives }: ImportSummary, { json }: BbbOptions): void {
    for (const archive of archives) {
      const { file, outcome, detail } = archive;
      if (json) showJson(io, archive);
      else io.stdout.write(`${file}: ${outcome}: ${detail.replaceAll('\n', '; ')}\n`);
    }
  }

  function showImports({ waiting, failed }: ImportList): void {
    const rows = [
      ...waiting.map((row) => ({ ...row, at: row.modified_at, state: 'waits', reason: '' })),
      ...failed.map((row) => ({ ...row, at: row.failed_at, state: 'failed' })),
    ];
    showRows(io, rows, {
      columns: [
        ['FILE', ({ file }) => file],
        ['STATE', ({ state }) => state],
        ['BYTES', (row) => row.size_bytes],
        ['SINCE', ({ at }) => at],
        ['REASON', ({ reason }) => reason.replaceAll('\n', '; ')],
      ],
    });
  }
}

/** Adds `deliveries`. */
export function addDeliveries(bbb: Command, { io, finish }: BbbCommands): void {
  const deliveries = withExamples(
    bbb.command('deliveries'),
    'balancer bbb deliveries list --state pending',
  ).description('calls that are owed to front-ends');
  withExamples(
    withOutput(deliveries.command('list')),
    'balancer bbb deliveries list --state pending',
  )
    .description('the newest hundred')
    .addOption(
      new Option('--state <state>', 'only those').choices([
        'pending',
        'delivered',
        'gone',
        'failed',
      ]),
    )
    .action(async ({ state, ...options }: BbbOptions & { state?: string }) => {
      const rows = (await withOperations(options, io, async (run) =>
        run('deliveries.list', { state }),
      )) as DeliveryView[];
      showRows(io, rows, {
        json: options.json,
        columns: [
          ['ID', ({ id }) => id],
          ['KIND', ({ kind }) => kind],
          ['HOST', ({ host }) => host],
          ['STATE', (row) => row.state],
          ['TRIES', ({ attempts }) => attempts],
          ['NEXT', (row) => (row.state === 'pending' ? row.next_at : '-')],
          ['ERROR', (row) => row.last_error],
        ],
      });
      finish(EXIT.ok);
    });
  withExamples(withOutput(deliveries.command('retry')), 'balancer bbb deliveries retry ID')
    .description('try again now, whatever became of it')
    .argument('<id>', 'its id')
    .action(async (id: string, options: BbbOptions) => {
      await withOperations(options, io, async (run) => run('deliveries.retry', { id }));
      showDone(io, options, { id, done: 'due now' });
      finish(EXIT.ok);
    });
}

/** One round, with a bar over what waited when it began. */
async function importRound(io: BbbCommands['io'], run: RunOperation): Promise<ImportSummary> {
  const total = ((await run('imports.list', {})) as ImportList).waiting.length;
  const progress = createProgress({ label: 'import', total, stream: io.stderr });
  const look = async (): Promise<void> => {
    const { waiting, current } = (await run('imports.list', {})) as ImportList;
    progress.update(Math.max(0, total - waiting.length), current ?? '');
  };
  const timer = setInterval(() => {
    // The round itself tells of what is wrong.
    look().catch(() => {});
  }, PROGRESS_LOOK_MS);
  try {
    return (await run('recordings.import', {})) as ImportSummary;
  } finally {
    clearInterval(timer);
    if (total > 0 && io.stderr.isTTY === true) progress.finish();
  }
}

async function wait(delayMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs));
}

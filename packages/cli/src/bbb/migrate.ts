/**
 * `balancer bbb migrate-from-scalelite`: takes over what Scalelite knows.
 *
 * @module
 */
import type { Command } from 'commander';
import type { MigrationPart, MigrationReport } from '@balancer/bbb';
import { createProgress, EXIT } from '@balancer/kit';
import { UsageError } from '../exit.ts';
import { withExamples } from '../reference/examples.ts';
import { type BbbOptions, type RunOperation, withOperations } from './host.ts';
import { type BbbCommands, withOutput } from './options.ts';
import { showJson, showRows } from './show.ts';

interface MigrationFlags extends BbbOptions {
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  readonly redisNamespace: string;
  readonly recordingsOnly?: boolean;
  readonly dryRun?: boolean;
}

/** All pages of one part together. */
interface PartTotals extends Omit<MigrationReport, 'next'> {
  readonly part: MigrationPart;
}

const IN_SQL: ReadonlySet<MigrationPart> = new Set(['recordings', 'callbacks']);

export function addMigration(bbb: Command, { io, finish }: BbbCommands): void {
  withExamples(
    withOutput(bbb.command('migrate-from-scalelite')),
    'balancer bbb migrate-from-scalelite --database-url postgres://scalelite@db/scalelite --redis-url redis://redis:6379 --dry-run',
  )
    .description('take over servers, tenants, running meetings and recordings; reads only')
    .option('--database-url <url>', "Scalelite's PostgreSQL; without it recordings stay behind")
    .option('--redis-url <url>', "Scalelite's Redis; needed unless --recordings-only")
    .option('--redis-namespace <name>', 'what its keys begin with', 'scalelite')
    .option('--recordings-only', 'only what is in PostgreSQL')
    .option('--dry-run', 'tell what would be taken over, and write nothing')
    .action(async (flags: MigrationFlags) => {
      const parts = await partsOf(flags);
      const totals = await withOperations(flags, io, async (run) => {
        const done: PartTotals[] = [];
        for (const part of parts) done.push(await migratePart(run, part, flags, io.stderr));
        return done;
      });
      if (flags.json) showJson(io, totals);
      else tell(io, totals);
      finish(EXIT.ok);
    });
}

async function partsOf(flags: MigrationFlags): Promise<MigrationPart[]> {
  const { MIGRATION_PARTS } = await import('@balancer/bbb');
  const { databaseUrl, redisUrl, recordingsOnly = false } = flags;
  if (recordingsOnly && databaseUrl === undefined) {
    throw new UsageError('--recordings-only needs --database-url');
  }
  if (!recordingsOnly && redisUrl === undefined) {
    throw new UsageError('needs --redis-url, or --recordings-only');
  }
  return MIGRATION_PARTS.filter((part) =>
    IN_SQL.has(part) ? databaseUrl !== undefined : !recordingsOnly,
  );
}

async function migratePart(
  run: RunOperation,
  part: MigrationPart,
  flags: MigrationFlags,
  stream: BbbCommands['io']['stderr'],
): Promise<PartTotals> {
  const { databaseUrl = '', redisUrl = '', redisNamespace, dryRun: isDryRun = false } = flags;
  const source = { part, databaseUrl, redisUrl, redisNamespace, isDryRun };
  let totals: PartTotals = { part, total: 0, added: 0, changed: 0, unchanged: 0, notes: [] };
  let after: number | null = 0;
  let progress: ReturnType<typeof createProgress> | null = null;
  while (after !== null) {
    const page = (await run('migration.page', { ...source, after })) as MigrationReport;
    progress ??= createProgress({ label: part, total: page.total, stream });
    totals = {
      part,
      total: page.total,
      added: totals.added + page.added,
      changed: totals.changed + page.changed,
      unchanged: totals.unchanged + page.unchanged,
      notes: [...totals.notes, ...page.notes],
    };
    progress.update(totals.added + totals.changed + totals.unchanged);
    after = page.next;
  }
  progress?.finish();
  return totals;
}

function tell(io: BbbCommands['io'], totals: readonly PartTotals[]): void {
  showRows(io, totals, {
    columns: [
      ['PART', ({ part }) => part],
      ['IN-SCALELITE', ({ total }) => total],
      ['ADDED', ({ added }) => added],
      ['CHANGED', ({ changed }) => changed],
      ['UNCHANGED', ({ unchanged }) => unchanged],
    ],
  });
  for (const note of totals.flatMap(({ notes }) => notes)) io.stdout.write(`${note}\n`);
}

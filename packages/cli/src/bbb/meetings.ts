/**
 * `balancer bbb meetings …`
 *
 * @module
 */
import type { Command } from 'commander';
import type { MeetingView } from '@balancer/bbb';
import { EXIT } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { confirm } from './confirm.ts';
import { type BbbOptions, withOperations } from './host.ts';
import { type BbbCommands, MEETING_COLUMNS, withOutput } from './options.ts';
import { showDone, showJson, showRows } from './show.ts';

export function addMeetings(bbb: Command, { io, finish }: BbbCommands): void {
  const meetings = withExamples(
    bbb.command('meetings'),
    'balancer bbb meetings list',
    'balancer bbb meetings end room-1 --yes',
  ).description('the meetings that have a record');
  withExamples(withOutput(meetings.command('list')), 'balancer bbb meetings list')
    .description('all meetings')
    .action(async (options: BbbOptions) => {
      await withOperations(options, io, async (run) => {
        const rows = (await run('meetings.list', {})) as MeetingView[];
        showRows(io, rows, { json: options.json, columns: MEETING_COLUMNS });
      });
      finish(EXIT.ok);
    });
  withExamples(withOutput(meetings.command('info')), 'balancer bbb meetings info room-1')
    .description('one meeting')
    .argument('<id>', 'its meeting ID')
    .action(async (id: string, options: BbbOptions) => {
      await withOperations(options, io, async (run) => {
        const row = (await run('meetings.info', { id })) as MeetingView;
        if (options.json) showJson(io, row);
        else showRows(io, [row], { columns: MEETING_COLUMNS });
      });
      finish(EXIT.ok);
    });
  withExamples(withOutput(meetings.command('end')), 'balancer bbb meetings end room-1')
    .description('end meetings')
    .argument('<id...>', 'their meeting IDs')
    .option('-y, --yes', 'do not ask')
    .action(async (ids: string[], options: BbbOptions & { yes?: boolean }) => {
      const question = `${ids.length === 1 ? 'This meeting' : `These ${ids.length} meetings`} will end.`;
      if (!(await confirm(io, question, options.yes))) return finish(EXIT.failed);
      const outcomes = await withOperations(options, io, async (run) => {
        const done: EndOutcome[] = [];
        for (const id of ids) {
          const outcome = (await run('meetings.end', { id })) as EndOutcome;
          if (!options.json) tellEnd(io, outcome);
          done.push(outcome);
        }
        return done;
      });
      if (options.json) showJson(io, outcomes);
      finish(outcomes.every(({ failure }) => failure === null) ? EXIT.ok : EXIT.failed);
    });
}

interface EndOutcome {
  readonly id: string;
  /** Why its server did not end it; null if it did. */
  readonly failure: string | null;
}

function tellEnd(io: BbbCommands['io'], { id, failure }: EndOutcome): void {
  const done = failure === null ? 'ended' : `dropped, but not ended: ${failure}`;
  showDone(io, {}, { id, done });
}

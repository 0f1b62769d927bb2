/**
 * `balancer bbb poll …`: polls ordered by hand, beside those of the running gateway.
 *
 * @module
 */
import type { Command } from 'commander';
import type { PollPart, RoundSummary } from '@balancer/bbb';
import { EXIT } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { type BbbOptions, type RunOperation, withOperations } from './host.ts';
import { type BbbCommands, seconds, withOutput } from './options.ts';
import { repeatUntilStopped } from './repeat.ts';
import { showJson } from './show.ts';

const PARTS: readonly (readonly [name: string, part: PollPart, description: string])[] = [
  ['once', 'all', 'poll everything now'],
  ['servers', 'servers', 'poll health and load only'],
  ['meetings', 'meetings', 'poll health and load, and look for records whose meeting is gone'],
  ['versions', 'versions', 'read the versions only'],
];

export function addPoll(bbb: Command, { io, finish }: BbbCommands): void {
  const poll = withExamples(
    withOutput(bbb.command('poll')),
    'balancer bbb poll once',
    'balancer bbb poll --interval 10',
  )
    .description('poll again and again until Ctrl-C; the running gateway polls by itself')
    .option('--interval <seconds>', 'between two rounds', seconds, 60)
    .action(async ({ interval, ...options }: BbbOptions & { interval: number }) => {
      await withOperations(options, io, async (run) => {
        await repeatUntilStopped(io, async () => {
          tell(io, await round(run, [], 'all'), options);
          return interval * 1000;
        });
      });
      finish(EXIT.ok);
    });
  for (const [name, part, description] of PARTS) {
    withExamples(withOutput(poll.command(name)), `balancer bbb poll ${name}`)
      .description(description)
      .argument('[id...]', 'servers; default: all')
      .action(async (ids: string[], _: BbbOptions, command: Command) => {
        // The options that this command shares with `poll` are read by whichever comes first.
        const options = command.optsWithGlobals<BbbOptions>();
        tell(io, await withOperations(options, io, async (run) => round(run, ids, part)), options);
        finish(EXIT.ok);
      });
  }
}

async function round(
  run: RunOperation,
  ids: readonly string[],
  part: PollPart,
): Promise<RoundSummary> {
  return (await run('poll', { ...(ids.length > 0 && { ids }), part })) as RoundSummary;
}

function tell(io: BbbCommands['io'], summary: RoundSummary, { json }: BbbOptions): void {
  if (json) return showJson(io, summary);
  const { serverCount, failureCount, durationMs } = summary;
  const time = (durationMs / 1000).toFixed(1);
  io.stdout.write(`polled ${serverCount}, failed ${failureCount}, in ${time} s\n`);
}

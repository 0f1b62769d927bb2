/**
 * `balancer bbb`: the BigBlueButton gateway and what operators do with it.
 *
 * @module
 */
import type { Command } from 'commander';
import type { ServerView } from '@balancer/bbb';
import { EXIT } from '@balancer/kit';
import type { Io } from '../io.ts';
import { withExamples } from '../reference/examples.ts';
import { type BbbOptions, withOperations } from './host.ts';
import { addConfig } from './config.ts';
import { addMeetings } from './meetings.ts';
import { type BbbCommands, withConfig, withOutput } from './options.ts';
import { addMigration } from './migrate.ts';
import { addPoll } from './poll.ts';
import { addDeliveries, addImports } from './recording-imports.ts';
import { addRecordings } from './recordings.ts';
import { addServers } from './servers.ts';
import { showJson, showRows } from './show.ts';
import { addTenants } from './tenants.ts';
import { addTokens } from './token.ts';

/** Adds the subcommands to the program. */
export function registerBbb(program: Command, io: Io, finish: (code: number) => void): void {
  const bbb = withExamples(
    program.command('bbb'),
    'balancer bbb run',
    'balancer bbb servers add https://bbb1.example.com/bigbluebutton/api SECRET --enable',
    'balancer bbb status',
  ).description('the BigBlueButton gateway: many servers behind one address');
  const commands = { io, finish };
  withExamples(withConfig(bbb.command('run')), 'balancer bbb run --config gateway.toml')
    .description('serve; every key can also be given as BALANCER_BBB_<KEY>')
    .action(async (options: BbbOptions) => {
      const { runGateway } = await import('./run.ts');
      finish(await runGateway(options, io));
    });
  addStatus(bbb, commands);
  addServers(bbb, commands);
  addMeetings(bbb, commands);
  addTenants(bbb, commands);
  addImports(addRecordings(bbb, commands), commands);
  addDeliveries(bbb, commands);
  addPoll(bbb, commands);
  addConfig(bbb, commands);
  addTokens(bbb, commands);
  addMigration(bbb, commands);
}

function addStatus(bbb: Command, { io, finish }: BbbCommands): void {
  withExamples(withOutput(bbb.command('status')), 'balancer bbb status')
    .description('servers with their load')
    .action(async (options: BbbOptions) => {
      await withOperations(options, io, async (run) => {
        const servers = (await run('servers.list', {})) as ServerView[];
        const rows = servers.map((server) => ({ ...server, host: new URL(server.url).hostname }));
        showRows(
          io,
          rows.toSorted((a, b) => (a.host < b.host ? -1 : Number(a.host > b.host))),
          {
            json: options.json,
            columns: [
              ['HOSTNAME', ({ host }) => host],
              ['STATE', ({ state }) => state],
              ['STATUS', ({ online }) => (online ? 'online' : 'offline')],
              ['MEETINGS', ({ meetings }) => meetings],
              ['USERS', ({ users }) => users],
              ['LARGEST-MEETING', (row) => row.largest_meeting],
              ['VIDEOS', ({ videos }) => videos],
              ['LOAD', ({ load }) => load ?? '-'],
              ['BBB-VERSION', (row) => row.bbb_version],
              ['TAG', ({ tag }) => tag],
            ],
          },
        );
      });
      finish(EXIT.ok);
    });
  withExamples(withOutput(bbb.command('live')), 'balancer bbb live')
    .description('print "success" if the data can be read')
    .action(async (options: BbbOptions) => {
      await withOperations(options, io, async (run) => run('servers.list', {}));
      if (options.json) showJson(io, { live: true });
      else io.stdout.write('success\n');
      finish(EXIT.ok);
    });
}

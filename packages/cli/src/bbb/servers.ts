/**
 * `balancer bbb servers …`
 *
 * @module
 */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { MeetingView, PanicReport, ServerView } from '@balancer/bbb';
import { EXIT } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { confirm } from './confirm.ts';
import { type BbbOptions, type RunOperation, withOperations } from './host.ts';
import { type BbbCommands, decimal, MEETING_COLUMNS, withOutput } from './options.ts';
import { addServerFiles } from './server-files.ts';
import { showDone, showJson, showRows } from './show.ts';

interface SettingFlags extends BbbOptions {
  readonly secret?: string;
  readonly url?: string;
  readonly multiplier?: number;
  readonly tag?: string;
  readonly maxMeetings?: number;
  readonly maxUsers?: number;
  readonly checksumAlgorithm?: string;
  readonly tlsCa?: string;
  readonly tlsVerify?: boolean;
}

interface SafetyFlags extends BbbOptions {
  readonly yes?: boolean;
}

const ADD = 'balancer bbb servers add https://bbb1.example.com/bigbluebutton/api SECRET --enable';

export function addServers(bbb: Command, commands: BbbCommands): void {
  const servers = withExamples(
    bbb.command('servers'),
    'balancer bbb servers list',
    ADD,
  ).description('the servers of the pool');
  addLists(servers, commands);
  addChanges(servers, commands);
  addStates(servers, commands);
  addEndings(servers, commands);
  addServerFiles(servers, commands);
}

function addLists(servers: Command, { io, finish }: BbbCommands): void {
  withExamples(withOutput(servers.command('list')), 'balancer bbb servers list --json')
    .description('all servers')
    .action(async (options: BbbOptions) => {
      await withOperations(options, io, async (run) => {
        showRows(io, (await run('servers.list', {})) as ServerView[], {
          json: options.json,
          columns: [
            ['ID', ({ id }) => id],
            ['URL', ({ url }) => url],
            ['STATE', ({ state }) => state],
            ['STATUS', ({ online }) => (online ? 'online' : 'offline')],
            ['LOAD', ({ load }) => load ?? '-'],
            ['MULTIPLIER', ({ multiplier }) => multiplier],
            ['TAG', ({ tag }) => tag],
            ['LAST-ERROR', (row) => row.last_error],
          ],
        });
      });
      finish(EXIT.ok);
    });
  withExamples(withOutput(servers.command('meetings')), 'balancer bbb servers meetings bbb1')
    .description('meetings by server')
    .argument('[id...]', 'servers; default: all')
    .action(async (serverIds: string[], options: BbbOptions) => {
      await withOperations(options, io, async (run) => {
        const meetings = (await run('meetings.list', { serverIds })) as MeetingView[];
        showRows(io, meetings, { json: options.json, columns: MEETING_COLUMNS });
      });
      finish(EXIT.ok);
    });
}

function addChanges(servers: Command, { io, finish }: BbbCommands): void {
  withSettings(withExamples(withOutput(servers.command('add')), ADD))
    .description('add a server, disabled unless told otherwise; prints its id')
    .argument('<url>', 'address of its API')
    .argument('<secret>', 'its shared secret')
    .option('--id <id>', 'default: made up, or the host with server_id_is_hostname')
    .option('--enable', 'give it meetings from now on')
    .action(
      async (
        url: string,
        secret: string,
        flags: SettingFlags & { id?: string; enable?: boolean },
      ) => {
        const { id, enable: isEnabled = false } = flags;
        const server = (await withOperations(flags, io, async (run) =>
          run('servers.add', { ...settingsOf(flags), id, url, secret, isEnabled }),
        )) as ServerView;
        if (flags.json) showJson(io, server);
        else io.stdout.write(`${server.id}\n`);
        finish(EXIT.ok);
      },
    );
  const update = async (id: string, flags: SettingFlags): Promise<void> => {
    const server = await withOperations(flags, io, async (run) =>
      run('servers.update', { id, ...settingsOf(flags) }),
    );
    if (flags.json) showJson(io, server);
    else io.stdout.write(`${id}: updated\n`);
    finish(EXIT.ok);
  };
  withSettings(
    withExamples(
      withOutput(servers.command('update')),
      'balancer bbb servers update bbb1 --tag gpu',
    ),
  )
    .description('change a server; what is not given stays')
    .argument('<id>', 'the server')
    .option('--url <url>', 'address of its API')
    .option('--secret <secret>', 'its shared secret')
    .action(update);
  withExamples(withOutput(servers.command('multiplier')), 'balancer bbb servers multiplier bbb1 2')
    .description('make a server look fuller (above 1) or emptier')
    .argument('<id>', 'the server')
    .argument('<multiplier>', 'greater than 0', decimal)
    .action(async (id: string, multiplier: number, options: BbbOptions) =>
      update(id, { ...options, multiplier }),
    );
  withExamples(withOutput(servers.command('tag')), 'balancer bbb servers tag bbb1 gpu')
    .description('set the tag of a server; without one it is untagged')
    .argument('<id>', 'the server')
    .argument('[tag]', 'the tag', '')
    .action(async (id: string, tag: string, options: BbbOptions) =>
      update(id, { ...options, tag }),
    );
}

const STATES = [
  ['enable', 'enabled', 'give a server new meetings'],
  ['cordon', 'cordoned', 'give a server no new meetings; those there go on, then it is disabled'],
] as const;

function addStates(servers: Command, { io, finish }: BbbCommands): void {
  for (const [name, state, description] of STATES) {
    withExamples(withOutput(servers.command(name)), `balancer bbb servers ${name} bbb1`)
      .description(description)
      .argument('<id>', 'the server')
      .action(async (id: string, options: BbbOptions) => {
        await withOperations(options, io, async (run) => run('servers.state', { id, state }));
        showDone(io, options, { id, done: state });
        finish(EXIT.ok);
      });
  }
}

/** Commands that may end meetings, and so ask. */
function addEndings(servers: Command, { io, finish }: BbbCommands): void {
  const ending = (name: string, description: string): Command =>
    withExamples(withOutput(servers.command(name)), `balancer bbb servers ${name} bbb1`)
      .description(description)
      .argument('<id>', 'the server')
      .option('-y, --yes', 'do not ask');
  ending('disable', 'take a server out; ends its meetings').action(
    async (id: string, options: SafetyFlags) => {
      const isDone = await withOperations(options, io, async (run) => {
        const count = await meetingCount(run, id);
        if (count === 0) {
          await run('servers.state', { id, state: 'disabled' });
          if (options.json) showDone(io, options, { id, done: 'disabled' });
          return true;
        }
        if (!(await confirm(io, `${id} has ${count} meetings, which will end.`, options.yes)))
          return false;
        const report = await run('servers.panic', { id, keepState: false, skipEndCalls: false });
        tellPanic(io, options, { id, ...(report as PanicReport) });
        return true;
      });
      if (isDone && !options.json) showDone(io, options, { id, done: 'disabled' });
      finish(isDone ? EXIT.ok : EXIT.failed);
    },
  );
  ending('remove', 'forget a server and its records; its meetings are not ended').action(
    async (id: string, options: SafetyFlags) => {
      const isDone = await withOperations(options, io, async (run) => {
        const count = await meetingCount(run, id);
        const question = `${id} has ${count} meetings, which nobody can join any more.`;
        if (count > 0 && !(await confirm(io, question, options.yes))) return false;
        await run('servers.remove', { id });
        return true;
      });
      if (isDone) showDone(io, options, { id, done: 'removed' });
      finish(isDone ? EXIT.ok : EXIT.failed);
    },
  );
  ending('panic', 'end all meetings of a server and disable it')
    .option('--keep-state', 'do not disable it')
    .addOption(new Option('--skip-end-calls', 'only drop its records'))
    .action(
      async (id: string, flags: SafetyFlags & { keepState?: boolean; skipEndCalls?: boolean }) => {
        const { keepState = false, skipEndCalls = false, yes } = flags;
        const isDone = await withOperations(flags, io, async (run) => {
          if (!(await confirm(io, `All meetings of ${id} will end.`, yes))) return false;
          const report = await run('servers.panic', { id, keepState, skipEndCalls });
          tellPanic(io, flags, { id, ...(report as PanicReport) });
          return true;
        });
        finish(isDone ? EXIT.ok : EXIT.failed);
      },
    );
}

async function meetingCount(run: RunOperation, id: string): Promise<number> {
  return ((await run('meetings.list', { serverIds: [id] })) as MeetingView[]).length;
}

function tellPanic(
  io: BbbCommands['io'],
  { json }: BbbOptions,
  report: PanicReport & { readonly id: string },
): void {
  const { id, meetingCount, failedIds } = report;
  if (json) showJson(io, { id, meetings: meetingCount, failed: failedIds });
  else io.stdout.write(`${id}: ${meetingCount} meetings dropped\n`);
  for (const meeting of failedIds) io.stderr.write(`${id}: ${meeting} could not be ended\n`);
}

function withSettings(command: Command): Command {
  return command
    .option('--multiplier <number>', 'greater than 0; higher looks fuller', decimal)
    .option('--tag <tag>', 'only meetings that ask for the tag; "" removes it')
    .option('--max-meetings <count>', '0: no limit', decimal)
    .option('--max-users <count>', '0: no limit', decimal)
    .option('--checksum-algorithm <name>', 'sha1, sha256, sha384 or sha512; "": the strongest')
    .option('--tls-ca <file>', 'PEM file that its certificate is checked against; "": the usual')
    .option('--tls-verify', 'check its certificate (default)')
    .option('--no-tls-verify', 'take any certificate');
}

function settingsOf(flags: SettingFlags): object {
  const { url, secret, multiplier, tag, maxMeetings, maxUsers, tlsVerify } = flags;
  // What is empty goes back to its default, which is null.
  const checksumAlgorithm = flags.checksumAlgorithm === '' ? null : flags.checksumAlgorithm;
  const tlsCa = flags.tlsCa && resolve(flags.tlsCa);
  const limits = { maxMeetings, maxUsers };
  const tls = { tlsVerify, tlsCa: tlsCa === '' ? null : tlsCa };
  return { url, secret, multiplier, tag, checksumAlgorithm, ...limits, ...tls };
}

/**
 * `balancer bbb token …`: who may use the admin page and the REST API.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { TokenView } from '@balancer/bbb';
import { EXIT } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { type BbbOptions, withOperations } from './host.ts';
import { type BbbCommands, withOutput } from './options.ts';
import { showDone, showJson, showRows } from './show.ts';

export function addTokens(bbb: Command, { io, finish }: BbbCommands): void {
  const tokens = withExamples(
    bbb.command('token'),
    'balancer bbb token create --role admin --name "Ada"',
    'balancer bbb token list',
  ).description('tokens for the admin page and the REST API');
  withExamples(
    withOutput(tokens.command('create')),
    'balancer bbb token create --role operate --name "on call"',
  )
    .description('make a token; it is printed once and only its digest is kept')
    .addOption(
      new Option('--role <role>', 'read: look; operate: servers and meetings; admin: everything')
        .choices(['read', 'operate', 'admin'])
        .makeOptionMandatory(),
    )
    .option('--name <name>', 'whose it is', '')
    .action(async ({ role, name, ...options }: BbbOptions & { role: string; name: string }) => {
      const made = (await withOperations(options, io, async (run) =>
        run('tokens.create', { role, name }),
      )) as TokenView & { token: string };
      if (options.json) showJson(io, made);
      else io.stdout.write(`${made.token}\n`);
      finish(EXIT.ok);
    });
  withExamples(withOutput(tokens.command('list')), 'balancer bbb token list')
    .description('all tokens, without what makes them tokens')
    .action(async (options: BbbOptions) => {
      await withOperations(options, io, async (run) => {
        showRows(io, (await run('tokens.list', {})) as TokenView[], {
          json: options.json,
          columns: [
            ['ID', ({ id }) => id],
            ['ROLE', ({ role }) => role],
            ['CREATED', (row) => row.created_at],
            ['NAME', ({ name }) => name],
          ],
        });
      });
      finish(EXIT.ok);
    });
  withExamples(withOutput(tokens.command('revoke')), 'balancer bbb token revoke 1f2e3d4c')
    .description('make a token worthless at once')
    .argument('<id>', 'its id')
    .action(async (id: string, options: BbbOptions) => {
      await withOperations(options, io, async (run) => run('tokens.revoke', { id }));
      showDone(io, options, { id, done: 'revoked' });
      finish(EXIT.ok);
    });
}

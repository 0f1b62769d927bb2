/**
 * `balancer bbb tenants …` and `balancer bbb tenant-settings …`
 *
 * @module
 */
import type { Command } from 'commander';
import type { TenantView } from '@balancer/bbb';
import { EXIT } from '@balancer/kit';
import { withExamples } from '../reference/examples.ts';
import { type BbbOptions, withOperations } from './host.ts';
import { type BbbCommands, decimal, withOutput } from './options.ts';
import { showDone, showJson, showRows } from './show.ts';

interface TenantFlags extends BbbOptions {
  readonly name?: string;
  readonly secrets?: string;
  readonly maxMeetings?: number;
  readonly maxUsers?: number;
}

export function addTenants(bbb: Command, commands: BbbCommands): void {
  const tenants = withExamples(
    bbb.command('tenants'),
    'balancer bbb tenants add school-a SECRET',
    'balancer bbb tenants list',
  ).description('the customers of the gateway');
  addTenantCommands(tenants, commands);
  addLearningRecords(tenants, commands);
  addSettings(bbb, commands);
}

function addTenantCommands(tenants: Command, { io, finish }: BbbCommands): void {
  withExamples(withOutput(tenants.command('list')), 'balancer bbb tenants list')
    .description('all tenants')
    .action(async (options: BbbOptions) => {
      await withOperations(options, io, async (run) => {
        showRows(io, (await run('tenants.list', {})) as TenantView[], {
          json: options.json,
          columns: [
            ['NAME', ({ name }) => name],
            ['ID', ({ id }) => id],
            ['SECRETS', ({ secrets }) => secrets],
            ['MAX-MEETINGS', (row) => row.max_meetings || '-'],
            ['MAX-USERS', (row) => row.max_users || '-'],
          ],
        });
      });
      finish(EXIT.ok);
    });
  withLimits(
    withExamples(withOutput(tenants.command('add')), 'balancer bbb tenants add school-a SECRET'),
  )
    .description('add a tenant; prints its id')
    .argument('<name>', 'first label of its host, or the name in its path')
    .argument('<secrets>', 'one or more, separated by ":"')
    .action(async (name: string, secrets: string, flags: TenantFlags) => {
      const tenant = (await withOperations(flags, io, async (run) =>
        run('tenants.add', { ...limitsOf(flags), name, secrets }),
      )) as TenantView;
      if (flags.json) showJson(io, tenant);
      else io.stdout.write(`${tenant.id}\n`);
      finish(EXIT.ok);
    });
  withLimits(
    withExamples(
      withOutput(tenants.command('update')),
      'balancer bbb tenants update school-a --max-meetings 20',
    ),
  )
    .description('change a tenant; what is not given stays')
    .argument('<tenant>', 'its name or id')
    .option('--name <name>', 'a new name')
    .option('--secrets <secrets>', 'instead of the present ones')
    .action(async (id: string, flags: TenantFlags) => {
      const { name, secrets } = flags;
      await withOperations(flags, io, async (run) =>
        run('tenants.update', { id, ...limitsOf(flags), name, secrets }),
      );
      showDone(io, flags, { id, done: 'updated' });
      finish(EXIT.ok);
    });
  withExamples(withOutput(tenants.command('remove')), 'balancer bbb tenants remove school-a')
    .description('remove a tenant and its settings; its meetings go on and nobody can join them')
    .argument('<tenant>', 'its name or id')
    .action(async (id: string, options: BbbOptions) => {
      await withOperations(options, io, async (run) => run('tenants.remove', { id }));
      showDone(io, options, { id, done: 'removed' });
      finish(EXIT.ok);
    });
}

function addLearningRecords(tenants: Command, { io, finish }: BbbCommands): void {
  const set = async (id: string, fields: object, options: BbbOptions): Promise<void> => {
    await withOperations(options, io, async (run) => run('tenants.update', { id, ...fields }));
    showDone(io, options, { id, done: 'updated' });
    finish(EXIT.ok);
  };
  withExamples(
    withOutput(tenants.command('lrs-basic')),
    'balancer bbb tenants lrs-basic school-a https://lrs.example.com user password',
  )
    .description('a learning record store with a user and a password')
    .argument('<tenant>', 'its name or id')
    .argument('<endpoint>', 'address of the store')
    .argument('<username>', 'its user')
    .argument('<password>', 'its password')
    .action(
      async (
        id: string,
        endpoint: string,
        username: string,
        password: string,
        options: BbbOptions,
      ) =>
        set(
          id,
          {
            lrs_endpoint: endpoint,
            lrs_username: username,
            lrs_password: password,
            kc_token_url: '',
          },
          options,
        ),
    );
  withExamples(
    withOutput(tenants.command('lrs-keycloak')),
    'balancer bbb tenants lrs-keycloak school-a https://lrs.example.com https://sso.example.com/token client secret user password',
  )
    .description('a learning record store with tokens of an OpenID server')
    .argument('<tenant>', 'its name or id')
    .argument('<endpoint>', 'address of the store')
    .argument('<token-url>', 'address of the tokens')
    .argument('<client-id>', 'client')
    .argument('<client-secret>', 'its secret')
    .argument('<username>', 'user')
    .argument('<password>', 'password')
    .action(async (...given: [...string[], BbbOptions, Command]) => {
      const [id, endpoint, url, clientId, clientSecret, username, password] = given as string[];
      const fields = {
        lrs_endpoint: endpoint,
        kc_token_url: url,
        kc_client_id: clientId,
        kc_client_secret: clientSecret,
        kc_username: username,
        kc_password: password,
      };
      await set(id!, fields, given.at(-2) as BbbOptions);
    });
}

interface Setting {
  readonly id: string;
  readonly param: string;
  readonly value: string;
  readonly is_override: number;
}

function addSettings(bbb: Command, { io, finish }: BbbCommands): void {
  const settings = withExamples(
    bbb.command('tenant-settings'),
    'balancer bbb tenant-settings add school-a record false --override',
  ).description('parameters that a tenant adds to its creates');
  withExamples(withOutput(settings.command('list')), 'balancer bbb tenant-settings list school-a')
    .description('the settings of a tenant')
    .argument('<tenant>', 'its name or id')
    .action(async (id: string, options: BbbOptions) => {
      await withOperations(options, io, async (run) => {
        showRows(io, (await run('tenant-settings.list', { id })) as Setting[], {
          json: options.json,
          columns: [
            ['ID', (row) => row.id],
            ['PARAM', ({ param }) => param],
            ['VALUE', ({ value }) => value],
            ['OVERRIDE', (row) => (row.is_override === 1 ? 'yes' : 'no')],
          ],
        });
      });
      finish(EXIT.ok);
    });
  withExamples(
    withOutput(settings.command('add')),
    'balancer bbb tenant-settings add school-a record true',
  )
    .description('set a parameter; prints the id of the setting')
    .argument('<tenant>', 'its name or id')
    .argument('<param>', 'name of the parameter')
    .argument('<value>', 'its value')
    .option('--override', 'wins over what the front-end says')
    .action(
      async (
        tenant: string,
        param: string,
        value: string,
        flags: BbbOptions & { override?: boolean },
      ) => {
        const isOverride = flags.override ?? false;
        const setting = (await withOperations(flags, io, async (run) =>
          run('tenant-settings.add', { tenant, param, value, isOverride }),
        )) as Setting;
        if (flags.json) showJson(io, setting);
        else io.stdout.write(`${setting.id}\n`);
        finish(EXIT.ok);
      },
    );
  withExamples(withOutput(settings.command('remove')), 'balancer bbb tenant-settings remove ID')
    .description('remove a setting')
    .argument('<id>', 'id of the setting')
    .action(async (id: string, options: BbbOptions) => {
      await withOperations(options, io, async (run) => run('tenant-settings.remove', { id }));
      showDone(io, options, { id, done: 'removed' });
      finish(EXIT.ok);
    });
}

function withLimits(command: Command): Command {
  return command
    .option('--max-meetings <count>', '0: no limit', decimal)
    .option('--max-users <count>', '0: no limit', decimal);
}

function limitsOf({ maxMeetings, maxUsers }: TenantFlags): object {
  return { max_meetings: maxMeetings, max_users: maxUsers };
}

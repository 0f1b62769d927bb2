/**
 * `balancer l4`, `balancer ipvsadm` and `balancer dpip`: the packet plane's own views and the command lines of LVS
 * and DPVS. What a command
 * does is loaded when it runs.
 *
 * @module
 */
import { type Command, Option } from 'commander';
import type { Io } from '../io.ts';
import { port } from '../port-argument.ts';
import { withExamples } from '../reference/examples.ts';
import type { PlaneTarget } from './client.ts';
import { addCluster } from './register-cluster.ts';

type Finish = (code: number) => void;

interface TargetFlags extends PlaneTarget {
  readonly json?: boolean;
}

interface FlowFlags extends TargetFlags {
  readonly service?: string;
  readonly client?: string;
  readonly backend?: string;
  readonly state?: string;
  readonly limit?: string;
  readonly kill?: boolean;
}

/** Adds the commands to the program. @returns The group `l4`, for its `run` and `check`. */
export function registerL4(program: Command, io: Io, finish: Finish): Command {
  const l4 = withExamples(
    program.command('l4'),
    'balancer l4 status',
    'balancer l4 doctor --config balancer.toml',
  ).description('the packet plane: what it forwards, and what is wrong');
  addViews(l4, io, finish);
  addFlows(l4, io, finish);
  addSave(l4, io, finish);
  addDoctor(l4, io, finish);
  addCluster((...args) => running(l4, ...args), io, finish);
  addHostCommands(l4, io, finish);
  addImport(l4, io, finish);
  addIpvsadm(program, io, finish);
  addDpip(program, io, finish);
  return l4;
}

function addViews(l4: Command, io: Io, finish: Finish): void {
  const views = [
    ['status', 'services, servers, flows and drops', 'plane'],
    ['stats', 'the same as status', 'plane'],
    ['services', 'services with their servers', 'services'],
    ['drops', 'dropped packets by reason', 'drops'],
  ] as const;
  for (const [name, description, what] of views) {
    running(l4, name, description, `balancer l4 ${name} --json`).action(
      async ({ json = false, ...target }: TargetFlags) => {
        const { showPlane } = await import('./commands.ts');
        finish(await showPlane(what, target, { json, io }));
      },
    );
  }
  running(
    l4,
    'backend-setup',
    'commands that make the servers ready',
    'balancer l4 backend-setup',
  ).action(async ({ json: _json, ...target }: TargetFlags) => {
    const { setUpBackends } = await import('./commands.ts');
    finish(await setUpBackends(target, io));
  });
}

function addSave(l4: Command, io: Io, finish: Finish): void {
  running(
    l4,
    'save',
    'keep what ipvsadm and the API ordered, over reloads and restarts',
    'balancer l4 save',
  ).action(async ({ json = false, ...target }: TargetFlags) => {
    const { saveOrders } = await import('./commands.ts');
    finish(await saveOrders(target, { json, io }));
  });
}

function addFlows(l4: Command, io: Io, finish: Finish): void {
  running(
    l4,
    'conns',
    'flows of the connection table',
    'balancer l4 conns --service 203.0.113.1:80',
  )
    .option('--service <address:port>', 'only of this service; of a rule proto=tcp,...')
    .option('--client <network>', 'only from this client, or network such as 192.0.2.0/24')
    .option('--backend <address>', 'only to this server')
    .option('--state <state>', 'only in this state, such as ESTABLISHED')
    .option('--limit <flows>', 'show at most so many (default: 1000)')
    .option('--kill', 'end the flows instead: connections are reset at their next segment')
    .action(async ({ json = false, kill, config, url, token, socket, ...filter }: FlowFlags) => {
      const target = given({ config, url, token, socket });
      const chosen = given(filter);
      const { killFlows, showFlows } = await import('./commands.ts');
      finish(
        kill
          ? await killFlows(chosen, target, { json, io })
          : await showFlows({ limit: '1000', ...chosen }, target, { json, io }),
      );
    });
  running(
    l4,
    'lookup',
    'where a flow would go; sends nothing',
    'balancer l4 lookup 203.0.113.1:80 192.0.2.10:40000',
  )
    .argument('<service>', 'address and port')
    .argument('<client>', 'address and port')
    .option('--udp', 'of a UDP service')
    .action(
      async (service: string, client: string, { json = false, udp, ...target }: LookupFlags) => {
        const query = { protocol: udp ? 'udp' : 'tcp', service, client };
        const { lookUp } = await import('./commands.ts');
        finish(await lookUp(query, target, { json, io }));
      },
    );
}

interface LookupFlags extends TargetFlags {
  readonly udp?: boolean;
}

function addDoctor(l4: Command, io: Io, finish: Finish): void {
  running(
    l4,
    'doctor',
    'what is wrong with this host or the running plane, with the command that mends it',
    'balancer l4 doctor --config balancer.toml',
  ).action(async ({ json = false, ...target }: TargetFlags) => {
    const { doctor } = await import('./commands.ts');
    finish(await doctor(target, { json, io }));
  });
}

function addHostCommands(l4: Command, io: Io, finish: Finish): void {
  withExamples(l4.command('unload'), 'balancer l4 unload --config balancer.toml')
    .description('take programs, maps and addresses off this host; flows end')
    .option('-c, --config <file>', 'file that names the pin_path')
    .option('--pin-path <directory>', 'instead of the file (default: /sys/fs/bpf/balancer)')
    .option('--json', 'print as JSON')
    .action(
      async ({
        json = false,
        ...options
      }: {
        json?: boolean;
        config?: string;
        pinPath?: string;
      }) => {
        const { unloadPlane } = await import('./commands.ts');
        finish(await unloadPlane(options, { json, io }));
      },
    );
  withExamples(
    l4.command('decap'),
    'balancer l4 decap --interface eth0 --address 10.0.0.11',
    'balancer l4 decap --interface eth0 --off',
  )
    .description('on a server of mode "tunnel": take off the outer headers')
    .requiredOption('--interface <name>', 'where the packets arrive')
    .option('--address <address...>', 'addresses of this server that tunnels lead to', [])
    .addOption(
      new Option('--gue-port <port>', 'UDP port of GUE; 0 for none').default(6080).argParser(port),
    )
    .addOption(
      new Option('--vxlan-port <port>', 'UDP port of VXLAN; 0 for none')
        .default(4789)
        .argParser(port),
    )
    .addOption(
      new Option('--pin-path <directory>', 'where the program is kept').default(
        '/sys/fs/bpf/balancer-decap',
      ),
    )
    .option('--off', 'detach it')
    .action(async (options: DecapFlags) => {
      const { decapsulate } = await import('./commands.ts');
      finish(decapsulate({ off: false, ...options }, io));
    });
}

interface DecapFlags {
  readonly interface: string;
  readonly address: readonly string[];
  readonly guePort: number;
  readonly vxlanPort: number;
  readonly pinPath: string;
  readonly off?: boolean;
}

function addImport(l4: Command, io: Io, finish: Finish): void {
  withExamples(
    l4.command('import'),
    'balancer l4 import /etc/keepalived/keepalived.conf > balancer.toml',
  )
    .description('print a keepalived.conf as TOML, and what of it was not carried over')
    .argument('<file>', 'keepalived.conf of LVS or DPVS')
    .option('--interface <name...>', 'where packets arrive (default: those of its VRRP instances)')
    .option('--config-id <id>', 'as keepalived is started with: which conditional lines hold')
    .action(async (file: string, options: ImportFlags) => {
      const { importConfiguration } = await import('./import-keepalived.ts');
      finish(await importConfiguration(file, options, io));
    });
}

interface ImportFlags {
  readonly interface?: readonly string[];
  readonly configId?: string;
}

function addIpvsadm(program: Command, io: Io, finish: Finish): void {
  withExamples(
    program.command('ipvsadm'),
    'balancer ipvsadm -A -t 203.0.113.1:80 -s wrr',
    'balancer ipvsadm -L -n --stats',
  )
    .description("LVS's command line, for the running packet plane")
    .argument('[arguments...]', 'as ipvsadm has them; see "balancer ipvsadm -h"')
    .allowUnknownOption()
    .helpOption('--help', 'display help for command')
    .action(async (args: string[]) => {
      const { ipvsadm } = await import('./ipvsadm.ts');
      finish(await ipvsadm(args, io));
    });
}

function addDpip(program: Command, io: Io, finish: Finish): void {
  withExamples(
    program.command('dpip'),
    'balancer dpip addr show -s',
    'balancer dpip ipset add office 192.0.2.0/24',
  )
    .description("DPVS's command line for interfaces, addresses, routes, queues and sets")
    .argument('[arguments...]', 'as dpip has them; see "balancer dpip -h"')
    .allowUnknownOption()
    .helpOption('--help', 'display help for command')
    .action(async (args: string[]) => {
      const { dpip } = await import('./dpip.ts');
      finish(await dpip(args, io));
    });
}

/** A command that talks to the running plane. */
function running(l4: Command, name: string, description: string, example: string): Command {
  return withExamples(l4.command(name), example)
    .description(description)
    .option('-c, --config <file>', 'file of the running load balancer')
    .option('--socket <path>', 'socket of the plane (default: /run/balancer/l4.sock)')
    .option('--url <url>', 'admin listener, instead of the socket')
    .option('--token <token>', 'for the admin listener')
    .option('--json', 'print as JSON');
}

/** The keys that are not `undefined`. */
function given<T extends object>(table: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(table).filter(([, value]) => value !== undefined);
  // Only absent keys were left out.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

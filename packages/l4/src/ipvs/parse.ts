/**
 * From arguments of `ipvsadm` to commands.
 *
 * @module
 */
import type { IpvsCommand, IpvsListing, IpvsView } from './commands.ts';
import { checkOptions } from './grammar.ts';
import { OptionReader, type Resolve } from './option-reader.ts';
import { integer, IpvsUsageError, readArguments } from './options.ts';
import { sockpair, timeout } from './values.ts';

/** A command, or what the command line does by itself. */
export type IpvsCall =
  | IpvsCommand
  | { readonly op: 'restore' }
  | { readonly op: 'help' }
  | { readonly op: 'version' };

/** More CPUs than Linux has. */
const CPU_MAX = 65_535;

/**
 * Reads the arguments of one call.
 *
 * @throws {IpvsUsageError}
 */
export async function parseIpvs(args: readonly string[], resolve: Resolve): Promise<IpvsCall> {
  const parsed = readArguments(args);
  checkOptions(parsed);
  const { command, options } = parsed;
  const reader = new OptionReader(options, resolve);
  switch (command) {
    case 'add-service':
    case 'edit-service':
      return { op: command, service: await reader.service(), options: reader.serviceOptions() };
    case 'delete-service':
      return { op: command, service: await reader.service() };
    case 'add-server':
    case 'edit-server':
      return {
        op: command,
        service: await reader.service(),
        server: await reader.server(),
        options: reader.serverOptions(),
      };
    case 'delete-server':
      return { op: command, service: await reader.service(), server: await reader.server() };
    case 'add-laddr':
    case 'del-laddr':
      return {
        op: command === 'add-laddr' ? 'add-local' : 'delete-local',
        service: await reader.service(),
        addresses: reader.localAddresses(),
      };
    case 'add-deny':
    case 'del-deny':
    case 'add-allow':
    case 'del-allow':
      return {
        op: command.startsWith('add') ? 'add-network' : 'delete-network',
        service: await reader.service(),
        list: command.endsWith('deny') ? 'deny' : 'allow',
        network: reader.network(),
      };
    case 'clear':
      return { op: 'flush' };
    case 'zero':
      return { op: 'zero', ...(reader.hasService && { service: await reader.service() }) };
    case 'set':
      return timeouts(parsed.values);
    case 'save':
      return { op: 'save', compat: options.has('compat'), ...nameOption(options) };
    case 'restore':
    case 'help':
    case 'version':
      return { op: command };
    default:
      return listing(command, options, reader);
  }
}

/** Commands that list what is not shown with the services. */
const GET_VIEWS: Readonly<Record<string, IpvsView>> = {
  'get-laddr': 'local',
  'get-deny': 'deny',
  'get-allow': 'allow',
};

async function listing(
  command: string,
  options: ReadonlyMap<string, string>,
  reader: OptionReader,
): Promise<IpvsListing> {
  const views: Readonly<Record<string, IpvsView>> = {
    connection: options.has('dpvs') ? 'connections-local' : 'connections',
    stats: 'stats',
    rate: 'rate',
    thresholds: 'thresholds',
    'persistent-conn': 'persistent',
    'tun-info': 'tunnels',
    timeout: 'timeout',
    daemon: 'daemon',
  };
  const named = Object.entries(views).find(([name]) => options.has(name))?.[1];
  const pair = options.get('sockpair');
  const cpu = options.get('cpu');
  if (cpu !== undefined && !options.has('stats')) {
    throw new IpvsUsageError("The option 'cpu' needs the 'stats' option in the 'list' command");
  }
  return {
    op: 'list',
    view: GET_VIEWS[command] ?? named ?? (pair === undefined ? 'services' : 'connections'),
    exact: options.has('exact'),
    sorted: !options.has('nosort'),
    ...nameOption(options),
    ...(reader.hasService && { service: await reader.service() }),
    ...(pair !== undefined && { sockpair: sockpair(pair) }),
    ...(cpu !== undefined && { cpu: integer(cpu, 'cpu', CPU_MAX) }),
  };
}

/** Names are printed unless `-n` says otherwise. */
function nameOption(options: ReadonlyMap<string, string>): { readonly named?: true } {
  return options.has('numeric') ? {} : { named: true };
}

function timeouts(values: readonly string[]): IpvsCommand {
  const [tcp, tcpfin, udp] = values.map(timeout);
  return { op: 'timeouts', tcp: tcp!, tcpfin: tcpfin!, udp: udp! };
}

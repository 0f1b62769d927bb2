/**
 * Which options a command of `ipvsadm` may have, and which it needs.
 *
 * @module
 */
import { IpvsUsageError, type ParsedArguments } from './options.ts';
import { TUNNEL_OPTION_NAMES } from './tunnel-options.ts';

/** Options that say which service is meant. */
export const SERVICE_NAMES: readonly string[] = [
  'tcp-service',
  'udp-service',
  'icmp-service',
  'match',
];
const SERVICE_OPTIONS = [
  'scheduler',
  'persistent',
  'netmask',
  'sched-flags',
  'ops',
  'conn-timeout',
  'hash-target',
  'expire-quiescent',
  'proxy-protocol',
  'synproxy',
  'dest-check',
];
const SERVER_OPTIONS = [
  'gatewaying',
  'ipip',
  'masquerading',
  'fullnat',
  'snat',
  'weight',
  'u-threshold',
  'l-threshold',
  ...TUNNEL_OPTION_NAMES,
];
const LIST_OPTIONS = [
  'numeric',
  'connection',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'timeout',
  'daemon',
  'exact',
  'nosort',
  'sort',
  'dpvs',
  'sockpair',
  'cpu',
  'tun-info',
];

/** Which options a command may have, and which it needs. */
const RULES: Readonly<
  Record<string, { readonly may: readonly string[]; readonly needs: readonly string[] }>
> = {
  'add-service': { may: [...SERVICE_NAMES, ...SERVICE_OPTIONS], needs: ['service-address'] },
  'edit-service': { may: [...SERVICE_NAMES, ...SERVICE_OPTIONS], needs: ['service-address'] },
  'delete-service': { may: SERVICE_NAMES, needs: ['service-address'] },
  'add-server': {
    may: [...SERVICE_NAMES, 'real-server', ...SERVER_OPTIONS],
    needs: ['service-address', 'real-server'],
  },
  'edit-server': {
    may: [...SERVICE_NAMES, 'real-server', ...SERVER_OPTIONS],
    needs: ['service-address', 'real-server'],
  },
  'delete-server': {
    may: [...SERVICE_NAMES, 'real-server'],
    needs: ['service-address', 'real-server'],
  },
  clear: { may: [], needs: [] },
  restore: { may: [], needs: [] },
  save: { may: ['numeric', 'compat'], needs: [] },
  list: { may: [...SERVICE_NAMES, ...LIST_OPTIONS], needs: [] },
  zero: { may: SERVICE_NAMES, needs: [] },
  set: { may: [], needs: [] },
  'add-laddr': { may: [...SERVICE_NAMES, 'laddr', 'ifname'], needs: ['service-address', 'laddr'] },
  'del-laddr': { may: [...SERVICE_NAMES, 'laddr', 'ifname'], needs: ['service-address', 'laddr'] },
  'get-laddr': { may: [...SERVICE_NAMES, 'numeric'], needs: [] },
  'add-deny': { may: [...SERVICE_NAMES, 'network'], needs: ['service-address', 'network'] },
  'del-deny': { may: [...SERVICE_NAMES, 'network'], needs: ['service-address', 'network'] },
  'get-deny': { may: [...SERVICE_NAMES, 'numeric'], needs: [] },
  'add-allow': { may: [...SERVICE_NAMES, 'network'], needs: ['service-address', 'network'] },
  'del-allow': { may: [...SERVICE_NAMES, 'network'], needs: ['service-address', 'network'] },
  'get-allow': { may: [...SERVICE_NAMES, 'numeric'], needs: [] },
  help: { may: [], needs: [] },
  version: { may: [], needs: [] },
};

/** @throws {IpvsUsageError} for an option that does not belong there, is missing, or conflicts with another. */
export function checkOptions({ command, options }: ParsedArguments): void {
  const { may, needs } = RULES[command]!;
  for (const option of options.keys()) {
    if (!may.includes(option)) {
      throw new IpvsUsageError(`Illegal '${option}' option with the '${command}' command`);
    }
  }
  for (const need of needs) {
    const isGiven =
      need === 'service-address'
        ? SERVICE_NAMES.some((name) => options.has(name))
        : options.has(need);
    if (!isGiven) {
      throw new IpvsUsageError(
        `You need to supply the '${need}' option for the '${command}' command`,
      );
    }
  }
  const pairs = [
    SERVICE_NAMES,
    ['gatewaying', 'ipip', 'masquerading', 'fullnat', 'snat'],
    ['connection', 'stats', 'rate', 'thresholds', 'persistent-conn', 'timeout', 'daemon'],
  ];
  for (const group of pairs) {
    const given = group.filter((name) => options.has(name));
    if (given.length < 2) continue;
    throw new IpvsUsageError(
      `The option '${given[1]}' conflicts with the '${given[0]}' option in the '${command}' command`,
    );
  }
}

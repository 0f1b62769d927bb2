/**
 * What the system tests need from the operating system: one row per command, with the Debian
 * package that brings it and the tests that use it.
 *
 * @module
 */
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface SystemRequirement {
  /** Name of a command, or the whole path of a file that must be there. */
  readonly command: string;
  readonly debianPackage: string;
  /** What cannot be tested without it. */
  readonly neededFor: string;
}

/** What nginx loads for its `stream` block. */
export const NGINX_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** The daemon of FRR that keeps the routes; Debian puts it outside of every path. */
export const FRR_ZEBRA = '/usr/lib/frr/zebra';

const SYSTEM_REQUIREMENTS: readonly SystemRequirement[] = [
  { command: 'nginx', debianPackage: 'nginx-light', neededFor: 'the relay in front of nginx' },
  { command: 'chromium', debianPackage: 'chromium', neededFor: 'the console in a browser' },
  {
    command: 'haproxy',
    debianPackage: 'haproxy',
    neededFor: 'PROXY protocol and SNI routing beside HAProxy',
  },
  {
    command: 'ethtool',
    debianPackage: 'ethtool',
    neededFor: 'offloads of virtual interfaces under XDP',
  },
  {
    command: NGINX_STREAM_MODULE,
    debianPackage: 'libnginx-mod-stream',
    neededFor: 'the configurations of the migration guide beside nginx',
  },
  {
    command: 'clang-14',
    debianPackage: 'clang-14',
    neededFor: 'compiling the BPF objects again, to compare them with the committed ones',
  },
  {
    command: 'llvm-strip-14',
    debianPackage: 'llvm-14',
    neededFor: 'compiling the BPF objects again, to compare them with the committed ones',
  },
  {
    command: 'pg_ctlcluster',
    debianPackage: 'postgresql',
    neededFor: 'the gateway on PostgreSQL',
  },
  { command: 'initdb', debianPackage: 'postgresql', neededFor: 'PostgreSQL through the relay' },
  {
    command: 'redis-server',
    debianPackage: 'redis-server',
    neededFor: 'Redis through the relay, the gateway on Redis, experiments on a queue',
  },
  { command: 'php', debianPackage: 'php-cli', neededFor: 'the calls of Moodle by PHP itself' },
  {
    command: '/usr/share/php8.2-curl/curl/curl.ini',
    debianPackage: 'php-curl',
    neededFor: 'the calls of Moodle by PHP itself',
  },
  {
    command: '/usr/share/php8.2-xml/xml/xml.ini',
    debianPackage: 'php-xml',
    neededFor: 'the calls of Moodle by PHP itself',
  },
  {
    command: 'ruby',
    debianPackage: 'ruby',
    neededFor: 'the calls of Greenlight by Ruby itself',
  },
  { command: 'ip', debianPackage: 'iproute2', neededFor: 'views of interfaces beside those of ip' },
  { command: 'tc', debianPackage: 'iproute2', neededFor: 'views of queues beside those of tc' },
  { command: 'ping', debianPackage: 'iputils-ping', neededFor: 'health checks by ICMP echo' },
  { command: 'bash', debianPackage: 'bash', neededFor: 'the completion of bash' },
  { command: 'zsh', debianPackage: 'zsh', neededFor: 'the completion of zsh' },
  { command: 'fish', debianPackage: 'fish', neededFor: 'the completion of fish' },
  { command: 'mandoc', debianPackage: 'mandoc', neededFor: 'the faults of the manual page' },
  { command: 'groff', debianPackage: 'groff-base', neededFor: 'the looks of the manual page' },
  {
    command: 'keepalived',
    debianPackage: 'keepalived',
    neededFor: 'a pair of balancers with VRRP',
  },
  { command: 'curl', debianPackage: 'curl', neededFor: 'a pair of balancers with VRRP' },
  { command: 'hping3', debianPackage: 'hping3', neededFor: 'floods of SYNs' },
  { command: 'nft', debianPackage: 'nftables', neededFor: 'transfers while packets are lost' },
  { command: 'tcpdump', debianPackage: 'tcpdump', neededFor: 'options in what servers get' },
  { command: 'bird', debianPackage: 'bird2', neededFor: 'balancers that BIRD announces' },
  {
    command: FRR_ZEBRA,
    debianPackage: 'frr',
    neededFor: 'balancers that FRR announces',
  },
  { command: 'exabgp', debianPackage: 'exabgp', neededFor: 'balancers that ExaBGP announces' },
  {
    command: 'systemd-analyze',
    debianPackage: 'systemd',
    neededFor: 'the units of the service manager',
  },
];

/** Where Debian puts commands, whatever PATH says. */
const COMMAND_FOLDERS = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** Where Debian keeps the servers of PostgreSQL, one folder per version. */
const POSTGRESQL_FOLDER = '/usr/lib/postgresql';

/** Path of a command or file, or `undefined` when it is not installed. */
export function commandPath(command: string): string | undefined {
  if (command.startsWith('/')) return isThere(command, constants.R_OK) ? command : undefined;
  return [...COMMAND_FOLDERS, ...postgresqlFolders()]
    .map((folder) => join(folder, command))
    .find((path) => isThere(path, constants.X_OK));
}

/** Rows whose command is not installed. */
export function missingRequirements(): readonly SystemRequirement[] {
  return SYSTEM_REQUIREMENTS.filter(({ command }) => commandPath(command) === undefined);
}

/** `' (skipped: needs nginx; apt-get install nginx-light)'`, or nothing when the command is there. */
export function skipReason(command: string): string {
  if (commandPath(command) !== undefined) return '';
  const row = SYSTEM_REQUIREMENTS.find((requirement) => requirement.command === command);
  if (!row) throw new Error(`${command} has no row in SYSTEM_REQUIREMENTS`);
  return ` (skipped: needs ${command}; apt-get install ${row.debianPackage})`;
}

/** The newest version first. */
function postgresqlFolders(): string[] {
  if (!isThere(POSTGRESQL_FOLDER, constants.R_OK)) return [];
  return readdirSync(POSTGRESQL_FOLDER)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(POSTGRESQL_FOLDER, version, 'bin'));
}

function isThere(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

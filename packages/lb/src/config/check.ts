/**
 * What a configuration file may say only together with something else: names that must exist,
 * addresses that must differ, settings that need a companion. Also the warnings for what is allowed
 * and rarely meant.
 *
 * @module
 */
import {
  type Address,
  type ConfigReport,
  formatAddress,
  isLoopback,
  type KeyPath,
} from '@balancer/kit';
import type { CertificateConfig } from './types.ts';
import type { BackendTable, ConfigFile, FrontendTable } from './schema.ts';
import { authorityProblem, certificateProblem } from './certificates.ts';
import { checkHealth } from './health-check.ts';
import { checkPacketModes } from './l4-check.ts';
import { checkPresence } from './l4-presence-check.ts';
import { reportNotBuilt } from './not-built.ts';
import { reportWorkers } from './workers.ts';

/** Longest connect timeout that raises no warning. */
const CONNECT_TIMEOUT_WARN_MS = 60_000;

/** Reports every problem and warning of a file whose values are sound one by one. */
export function checkConfig(file: ConfigFile, report: ConfigReport): void {
  checkFrontends(file, report);
  checkBackends(file, report);
  checkHealth(file, report);
  checkStats(file, report);
  noticePacketSettings(file, report);
  checkPacketModes(file, report);
  checkPresence(file, report);
  reportNotBuilt(file, report);
  reportWorkers(file, report);
}

function checkFrontends(file: ConfigFile, report: ConfigReport): void {
  // Whoever empties a file before writing it anew does not mean to serve nobody meanwhile.
  if (report.keysOf(['frontends']).length === 0) {
    report.problem([], 'has no frontends; needs at least one, such as [frontends.web]');
  }
  const listeners = new Map<string, { path: KeyPath; name: string }>();
  for (const [name, frontend] of Object.entries(file.frontends ?? {})) {
    const path = ['frontends', name];
    if ((frontend.mode ?? file.defaults?.mode) !== 'snat') {
      requireKey(report, path, 'listen_addr', 'is required, such as listen_addr = ":3000"');
      if (frontend.listen_addr?.length === 0) {
        report.problem([...path, 'listen_addr'], 'needs at least one address, such as ":3000"');
      }
    }
    if (!report.has([...path, 'backend'])) {
      report.problem(path, 'backend is required; ' + known(file, report));
    }
    checkBackendName(frontend.backend, [...path, 'backend'], file, report);
    frontend.sni?.forEach((rule, index) => {
      checkBackendName(rule.backend, [...path, 'sni', index, 'backend'], file, report);
    });
    checkListeners(name, frontend, listeners, report);
    checkFrontendCompanions(frontend, { ...file.defaults, ...frontend }, path, report);
  }
}

function checkBackendName(
  name: string | undefined,
  path: KeyPath,
  file: ConfigFile,
  report: ConfigReport,
): void {
  if (name === undefined || name === '' || report.has(['backends', name])) return;
  report.problem(path, `backends has no ${JSON.stringify(name)}; ${known(file, report)}`);
}

function known(_file: ConfigFile, report: ConfigReport): string {
  const names = report.keysOf(['backends']);
  return names.length === 0 ? 'no backend is defined' : `known: ${names.join(', ')}`;
}

function checkListeners(
  name: string,
  frontend: FrontendTable,
  listeners: Map<string, { path: KeyPath; name: string }>,
  report: ConfigReport,
): void {
  const path = ['frontends', name, 'listen_addr'];
  const transport = frontend.protocol === 'udp' ? 'udp' : 'tcp';
  for (const address of frontend.listen_addr ?? []) {
    if (address.kind === 'inet' && address.port === 0) continue;
    const key = `${transport} ${formatAddress(address)}`;
    const earlier = listeners.get(key);
    if (earlier) {
      const { line } = report.valuePosition(earlier.path);
      report.problem(path, `address already used by frontends.${earlier.name} (line ${line})`);
    } else {
      listeners.set(key, { path, name });
    }
  }
}

function checkFrontendCompanions(
  own: FrontendTable,
  merged: FrontendTable,
  path: KeyPath,
  report: ConfigReport,
): void {
  const { proxy_protocol = 'off', proxy_protocol_trusted = [], protocol = 'tcp' } = merged;
  if (proxy_protocol !== 'off' && proxy_protocol_trusted.length === 0) {
    const at = own.proxy_protocol === undefined ? path : [...path, 'proxy_protocol'];
    report.problem(at, 'needs proxy_protocol_trusted (use ["0.0.0.0/0","::/0"] to trust everyone)');
  }
  if (protocol === 'tls' && own.tls === undefined) {
    report.problem(path, 'protocol "tls" needs a tls table with cert and key');
  }
  if (own.tls !== undefined && protocol !== 'tls') {
    report.problem([...path, 'tls'], `needs protocol = "tls"; got ${JSON.stringify(protocol)}`);
  }
  if (protocol === 'udp') checkUdp(own, path, report);
  if (own.tls) checkFrontendTls(own.tls, [...path, 'tls'], report);
  if (own.tls && own.listen_addr?.some(({ kind }) => kind === 'unix')) {
    report.problem([...path, 'listen_addr'], 'TLS needs TCP; a unix socket cannot have it');
  }
  if (merged.idle_timeout === 0) {
    const at = own.idle_timeout === undefined ? path : [...path, 'idle_timeout'];
    report.warning(at, 'idle_timeout = 0 keeps dead connections for ever; "1h" is the default');
  }
}

/** What only connections have. */
function checkUdp(own: FrontendTable, path: KeyPath, report: ConfigReport): void {
  if (own.listen_addr?.some(({ kind }) => kind === 'unix')) {
    report.problem([...path, 'listen_addr'], 'UDP needs an IP address; got a unix socket');
  }
  if ((own.sni ?? []).length > 0) report.problem([...path, 'sni'], 'UDP has no server names');
  if ((own.proxy_protocol ?? 'off') !== 'off') {
    report.problem(
      [...path, 'proxy_protocol'],
      'is read from connections only; got protocol "udp"',
    );
  }
}

function checkFrontendTls(
  tls: NonNullable<FrontendTable['tls']>,
  path: KeyPath,
  report: ConfigReport,
): void {
  const { cert, key, certificates = [], client_ca = '' } = tls;
  if ((cert === undefined) !== (key === undefined)) {
    report.problem(path, 'needs both cert and key');
  } else if (cert === undefined && certificates.length === 0) {
    report.problem(path, 'needs cert and key');
  }
  const pairs: [KeyPath, CertificateConfig][] = certificates.map((pair, index) => [
    [...path, 'certificates', index],
    pair,
  ]);
  if (cert !== undefined && key !== undefined) pairs.push([path, { cert, key }]);
  for (const [pairPath, pair] of pairs) {
    const problem = certificateProblem(pair);
    if (problem) report.problem([...pairPath, problem.key], problem.message);
  }
  if (client_ca !== '') checkAuthority(client_ca, [...path, 'client_ca'], report);
}

function checkAuthority(file: string, path: KeyPath, report: ConfigReport): void {
  const problem = authorityProblem(file);
  if (problem !== undefined) report.problem(path, problem);
}

function checkBackends(file: ConfigFile, report: ConfigReport): void {
  const used = new Set(
    Object.values(file.frontends ?? {}).flatMap(({ backend, sni = [] }) =>
      [backend].concat(sni.map((rule) => rule.backend)),
    ),
  );
  for (const [name, backend] of Object.entries(file.backends ?? {})) {
    const path = ['backends', name];
    checkServers(backend, path, report);
    checkBackendCompanions(backend, path, report);
    if (!used.has(name)) report.warning(path, 'no frontend uses this backend');
  }
}

function checkServers(backend: BackendTable, path: KeyPath, report: ConfigReport): void {
  const serversPath = [...path, 'servers'];
  if (report.keysOf(serversPath).length === 0 && !report.has([...path, 'discovery'])) {
    report.problem(path, 'has no servers and no discovery');
  }
  const addresses = new Map<string, string>();
  for (const [name, server] of Object.entries(backend.servers ?? {})) {
    const serverPath = [...serversPath, name];
    requireKey(report, serverPath, 'addr', 'is required, such as addr = "10.0.0.1:8080"');
    if (!server.addr) continue;
    const address = formatAddress(server.addr);
    const twin = addresses.get(address);
    if (twin === undefined) {
      addresses.set(address, name);
    } else {
      const { line } = report.valuePosition([...serversPath, twin, 'addr']);
      report.problem([...serverPath, 'addr'], `same address as servers.${twin} (line ${line})`);
    }
  }
  const servers = Object.values(backend.servers ?? {});
  if (servers.length > 0 && servers.every((server) => server.weight === 0)) {
    report.warning(serversPath, 'all weights are 0: no server takes connections');
  }
}

function checkBackendCompanions(backend: BackendTable, path: KeyPath, report: ConfigReport): void {
  if ((backend.connect_timeout ?? 0) > CONNECT_TIMEOUT_WARN_MS) {
    report.warning([...path, 'connect_timeout'], 'clients wait longer than 60 s for a dead server');
  }
  if (backend.discovery) checkDiscovery(backend.discovery, [...path, 'discovery'], report);
  if (backend.tls?.ca) checkAuthority(backend.tls.ca, [...path, 'tls', 'ca'], report);
  if (backend.tls?.verify === false) {
    report.warning([...path, 'tls', 'verify'], 'certificates of the servers are not verified');
  }
}

function checkDiscovery(
  { type = 'dns', name }: NonNullable<BackendTable['discovery']>,
  path: KeyPath,
  report: ConfigReport,
): void {
  const examples = {
    dns: 'pg.internal:5432',
    srv: '_pg._tcp.internal',
    file: '/etc/servers',
    http: 'http://host/servers',
  };
  const example = type in examples ? examples[type as keyof typeof examples] : '';
  if (name === undefined) report.problem(path, `name is required, such as name = "${example}"`);
  else if (type === 'dns' && !/^[^:]+:\d+$/.test(name)) {
    report.problem([...path, 'name'], `needs "host:port"; got ${JSON.stringify(name)}`);
  } else if (type === 'http' && !URL.canParse(name)) {
    report.problem(
      [...path, 'name'],
      `needs an address such as "${example}"; got ${JSON.stringify(name)}`,
    );
  }
}

function checkStats(file: ConfigFile, report: ConfigReport): void {
  const { stats } = file;
  if (!stats) return;
  if (stats.port !== undefined && stats.listen_addr) {
    report.problem(['stats', 'port'], 'give either listen_addr or port');
  } else if (stats.port !== undefined) {
    report.warning(
      ['stats', 'port'],
      'binds 127.0.0.1; to reach it from elsewhere use listen_addr with allow_remote = true and a token',
    );
  }
  if (stats.listen_addr && !isLoopback(stats.listen_addr))
    checkRemoteStats(stats.listen_addr, file, report);
}

function checkRemoteStats(address: Address, file: ConfigFile, report: ConfigReport): void {
  const path = ['stats', 'listen_addr'];
  if (file.stats?.allow_remote !== true) {
    report.problem(
      path,
      `needs allow_remote = true; ${formatAddress(address)} is not a loopback address`,
    );
  }
  if (!report.has(['stats', 'token'])) {
    report.problem(path, 'needs a token on an address that is not loopback');
  }
}

/** Settings of Convey's packet modes, which its files carry and which mean nothing to a relay. */
function noticePacketSettings(file: ConfigFile, report: ConfigReport): void {
  const message = 'has no effect on frontends of mode "proxy"';
  if (file.passthrough) report.warning(['passthrough'], message);
  for (const [name, { xdp }] of Object.entries(file.frontends ?? {})) {
    if (xdp) report.warning(['frontends', name, 'xdp'], message);
  }
}

function requireKey(report: ConfigReport, table: KeyPath, key: string, message: string): void {
  if (!report.has([...table, key])) report.problem(table, `${key} ${message}`);
}

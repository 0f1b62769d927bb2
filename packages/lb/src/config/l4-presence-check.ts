/**
 * What the settings that decide whether this host has the addresses of services need beside them.
 *
 * @module
 */
import { isIP } from 'node:net';
import { type ConfigReport, formatAddress } from '@balancer/kit';
import { PACKET_MODES } from './l4-types.ts';
import type { BackendTable, ConfigFile } from './schema.ts';

/** Reports each problem of announcements, roles, quorums and sorry servers. */
export function checkPresence(file: ConfigFile, report: ConfigReport): void {
  checkManaged(file, report);
  for (const [name, backend] of Object.entries(file.backends ?? {})) {
    checkQuorum(name, { ...file.defaults, ...backend }, report);
    checkSorryServer(name, backend, file, report);
  }
}

function checkManaged({ l4 }: ConfigFile, report: ConfigReport): void {
  if (l4?.manage_vips !== false) return;
  const needing = [
    (l4.announce ?? 'none') !== 'none' && 'announce',
    l4.role === 'backup' && 'role',
  ].filter((key) => key !== false);
  for (const key of needing) {
    report.problem(
      ['l4', key],
      'needs manage_vips = true: the addresses of services come and go with it',
    );
  }
}

function checkQuorum(name: string, backend: BackendTable, report: ConfigReport): void {
  const { quorum = 1, hysteresis = 0 } = backend;
  if (hysteresis < quorum) return;
  report.problem(
    ['backends', name, 'hysteresis'],
    `must be less than quorum = ${quorum}, or the quorum is never lost; got ${hysteresis}`,
  );
}

function checkSorryServer(
  name: string,
  { sorry_server: address }: BackendTable,
  { frontends, defaults }: ConfigFile,
  report: ConfigReport,
): void {
  if (!address) return;
  const at = ['backends', name, 'sorry_server'];
  if (address.kind !== 'inet' || isIP(address.host) === 0) {
    report.problem(at, `needs an IP address and a port; got "${formatAddress(address)}"`);
    return;
  }
  for (const [frontendName, table] of Object.entries(frontends ?? {})) {
    if (table.backend !== name) continue;
    const mode = table.mode ?? defaults?.mode ?? 'proxy';
    if (!PACKET_MODES.some((each) => each === mode)) {
      report.problem(
        at,
        `frontends.${frontendName} of mode "${mode}" has no sorry server; give it a server with backup = true`,
      );
      continue;
    }
    for (const listen of table.listen_addr ?? []) {
      if (listen.kind !== 'inet') continue;
      const keepsPort = mode === 'dr' || mode === 'tunnel';
      if (mode === 'nat64' && isIP(address.host) === 6) {
        report.problem(
          at,
          `mode "nat64" of frontends.${frontendName} needs an IPv4 sorry server; got ${address.host}`,
        );
        break;
      }
      const mayDiffer = mode === 'tunnel' || mode === 'nat64';
      if (!mayDiffer && isIP(listen.host) !== isIP(address.host)) {
        report.problem(
          at,
          `frontends.${frontendName} listens on ${listen.host}: mode "${mode}" needs a sorry server of the same family`,
        );
      } else if (keepsPort && listen.port !== 0 && listen.port !== address.port) {
        report.problem(
          at,
          `mode "${mode}" of frontends.${frontendName} keeps the port: must be ${listen.port}; got ${address.port}`,
        );
      }
    }
  }
}

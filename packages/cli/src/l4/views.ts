/**
 * The packet plane's documents as text for people.
 *
 * @module
 */
import { formatBytes, formatCount } from '@balancer/console';
import type { Styler } from '@balancer/kit';
import type { Finding, FlowView, PlaneDocument } from '@balancer/l4';

/** A summary, the services with their servers, and the drops. */
export function renderPlane(document: PlaneDocument, style: Styler): string {
  const { interfaces, flows, services } = document;
  const attached = interfaces.map(({ name, hook }) => `${name} (${hook})`).join(', ') || 'nothing';
  const { pid, unwatched_s: unwatched } = document.process;
  const taken = unwatched === null ? '' : `; nobody had for ${unwatched} s when it started`;
  const lines = [
    `process ${pid} looks after it${taken}`,
    style('bold', `attached to ${attached}: ${document.hook_reason}`),
    `${formatCount(flows.entries)} of ${formatCount(flows.max)} flow entries; last collection took ${(flows.collection_seconds * 1000).toFixed(1)} ms`,
  ];
  for (const service of services) {
    const { counters } = service;
    // A rule says its protocol itself.
    const isRule = service.service.startsWith('match ');
    const name = isRule ? service.service : `${service.protocol} ${service.service}`;
    lines.push(
      '',
      `${style('bold', name)}  ${service.scheduler}  ${formatCount(counters.conns)} flows, ` +
        `in ${formatCount(counters.in_packets)} packets (${formatBytes(counters.in_bytes)}), ` +
        `out ${formatCount(counters.out_packets)} packets (${formatBytes(counters.out_bytes)})`,
    );
    for (const backend of service.backends) {
      const state =
        backend.health === 'down'
          ? style('red', 'down')
          : backend.inhibited
            ? style('yellow', 'inhibited')
            : style('green', backend.health);
      lines.push(
        `  ${`${backend.address}:${backend.port}`.padEnd(28)} ${backend.mode.padEnd(6)} ${state}  weight ${backend.weight}  ` +
          `${backend.active} active, ${backend.inactive} inactive, ${formatCount(backend.counters.conns)} so far`,
      );
    }
  }
  return `${[...lines, '', ...dropLines(document.drops)].join('\n')}\n`;
}

/** One line for each reason. */
export function renderDrops(drops: PlaneDocument['drops']): string {
  return `${dropLines(drops).join('\n')}\n`;
}

function dropLines(drops: PlaneDocument['drops']): string[] {
  const rows = Object.entries(drops).toSorted(([, a], [, b]) => b.packets - a.packets);
  if (rows.length === 0) return ['nothing was dropped'];
  return rows.map(
    ([reason, { packets, bytes }]) =>
      `dropped ${reason.padEnd(14)} ${String(packets).padStart(12)} packets  ${formatBytes(bytes)}`,
  );
}

/** One line for each flow. */
export function renderFlows(flows: readonly FlowView[]): string {
  if (flows.length === 0) return 'no flows\n';
  const lines = flows.map((flow) => {
    const own = flow.local === '' ? '' : `  via ${flow.local}:${flow.localPort}`;
    return `${flow.protocol} ${flow.state.padEnd(11)} ${`${flow.expiresS}s`.padStart(6)}  ${flow.client}:${flow.clientPort} > ${flow.virtual}:${flow.virtualPort} > ${flow.destination}:${flow.destinationPort} (${flow.mode})${own}`;
  });
  return `${lines.join('\n')}\n`;
}

/** What is wrong and the command that mends it, the gravest first. */
export function renderFindings(findings: readonly Finding[], style: Styler): string {
  if (findings.length === 0) return 'everything is as it should be\n';
  const colours = { problem: 'red', warning: 'yellow', hint: 'dim' } as const;
  const lines = findings.map(
    ({ level, what, mend }) => `${style(colours[level], level.padEnd(7))} ${what}\n        ${mend}`,
  );
  return `${lines.join('\n')}\n`;
}

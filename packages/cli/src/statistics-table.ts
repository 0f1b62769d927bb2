/**
 * The statistics as text tables, for `balancer stats`.
 *
 * @module
 */
import {
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatSeconds,
  UNKNOWN_FIGURE,
} from '@balancer/console';
import type { Styler } from '@balancer/kit';
import type {
  BackendStatistics,
  FrontendStatistics,
  ServerStatistics,
  Statistics,
} from '@balancer/lb';

/** Renders a document: a summary, the frontends, and the servers of each backend. */
export function renderStatistics(statistics: Statistics, style: Styler): string {
  const sections = [
    summary(statistics, style),
    table(FRONTEND_HEADINGS, Object.entries(statistics.frontends).map(frontendRow), style),
    ...Object.entries(statistics.backends).map(([name, backend]) =>
      backendTable(name, backend, style),
    ),
  ];
  return `${sections.join('\n\n')}\n`;
}

const FRONTEND_HEADINGS = [
  'FRONTEND',
  'LISTENS ON',
  '#OPEN',
  '#TOTAL',
  '#REFUSED',
  '#TO SERVERS',
  '#TO CLIENTS',
] as const;

function frontendRow([name, frontend]: [string, FrontendStatistics]): string[] {
  return [
    name,
    frontend.listen.join(' ') || 'not listening',
    formatCount(frontend.current_connections),
    formatCount(frontend.total_connections),
    formatCount(Object.values(frontend.refused).reduce((sum, count) => sum + count, 0)),
    formatBytes(frontend.bytes_tx),
    formatBytes(frontend.bytes_rx),
  ];
}

function backendTable(name: string, backend: BackendStatistics, style: Styler): string {
  const headings = [
    `BACKEND ${name}`,
    'ADDRESS',
    'STATE',
    '#WEIGHT',
    '#OPEN',
    '#TOTAL',
    '#CONNECT',
    '#ERRORS',
    'LAST CHECK',
  ];
  const rows = Object.entries(backend.server_stats).map(([address, server]) => [
    server.name,
    address,
    paintState(server, style),
    formatCount(server.weight),
    formatCount(server.current),
    formatCount(server.total),
    server.total === 0 ? UNKNOWN_FIGURE : formatMilliseconds(server.connect_ms_avg),
    formatCount(server.connect_errors),
    lastCheck(server),
  ]);
  return table(headings, rows, style);
}

function summary({ process, ...totals }: Statistics, style: Styler): string {
  const facts = [
    `balancer ${process.version}`,
    `process ${process.pid}`,
    process.phase,
    `up ${formatSeconds(process.uptime_s)}`,
    `${formatCount(totals.current_connections)} open of ${formatCount(totals.total_connections)} so far`,
    `${process.fds} of ${process.max_fds} descriptors`,
    `${formatBytes(process.rss)} memory`,
  ];
  const line = style('bold', facts.join(', '));
  if (process.config_error === null) return line;
  return `${line}\n${style('red', `last reload refused: ${process.config_error}`)}`;
}

function paintState({ state }: ServerStatistics, style: Styler): string {
  if (state === 'up') return style('green', state);
  return style(state === 'down' || state === 'ejected' ? 'red' : 'yellow', state);
}

function lastCheck({ last_check: check }: ServerStatistics): string {
  if (!check) return 'none';
  return check.ok ? `passed in ${formatMilliseconds(check.ms)}` : check.reason;
}

/** A heading that starts with `#` is a column of numbers, aligned on the right. */
function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  style: Styler,
): string {
  const names = headings.map((heading) => heading.replace(/^#/, ''));
  const widths = names.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const align = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const padding = ' '.repeat(widths[column]! - widthOf(cell));
        return headings[column]!.startsWith('#') ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [style('dim', align(names)), ...rows.map(align)].join('\n');
}

/** Columns that a text takes, without the codes that colour it. */
function widthOf(text: string): number {
  // oxlint-disable-next-line no-control-regex -- escape codes begin with one
  return text.replaceAll(/\u001b\[\d+m/g, '').length;
}

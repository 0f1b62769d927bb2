/**
 * What `balancer top` shows: a screen of text, worked out from the statistics and their history.
 *
 * @module
 */
import {
  formatAge,
  formatBytes,
  formatCount,
  formatRate,
  formatSeconds,
  type Latest,
  latestOf,
  type StatisticsHistory,
} from '@balancer/console';
import type { StyleName, Styler } from '@balancer/kit';
import type { ServerState, ServerStatistics, Statistics } from '@balancer/lb';

/** What servers are sorted by; each is chosen with its key. */
export const SORT_KEYS = { n: 'name', s: 'state', r: 'rate', o: 'open', t: 'traffic' } as const;

export type SortKey = (typeof SORT_KEYS)[keyof typeof SORT_KEYS];

/** What the operator chose. */
export interface TopView {
  readonly sort: SortKey;
  readonly isReversed: boolean;
  /** Servers scrolled past. */
  readonly firstServer: number;
}

export interface TopScreen {
  readonly statistics: Statistics;
  readonly history: StatisticsHistory;
  readonly view: TopView;
  /** Why the figures are old; `null` while they are not. */
  readonly notice: string | null;
  readonly columns: number;
  /** Lines that there are; `Infinity` shows everything. */
  readonly rows: number;
  /** Whether keys are seen, and worth a line. */
  readonly hasKeyboard: boolean;
  readonly style: Styler;
}

/** Frontends that a small screen shows; the rest is counted. */
const FRONTENDS_MAX = 6;

/** @returns Lines, at most `rows` of them and none wider than `columns`. */
export function renderTop(screen: TopScreen): string[] {
  const { rows, hasKeyboard } = screen;
  const above = [...summary(screen), '', ...frontendLines(screen), ''];
  const below = hasKeyboard ? [keyLine(screen)] : [];
  const left = Math.max(0, rows - above.length - below.length);
  return [...above, ...serverLines(screen, left), ...below].slice(0, rows);
}

function summary(screen: TopScreen): string[] {
  const { statistics, history, notice, style } = screen;
  const { process } = statistics;
  const servers = serversOf(screen).map(({ server }) => server);
  const up = servers.filter(({ state }) => state === 'up').length;
  const facts = `balancer ${process.version}  ${process.phase}  up ${formatSeconds(process.uptime_s)}`;
  const { connections, open, bytesTx, bytesRx } = latestOf(history.whole);
  const figures = [
    `${formatRate(connections)} new/s`,
    `${formatRate(open)} open`,
    `${formatBytes(bytesTx)}/s to servers`,
    `${formatBytes(bytesRx)}/s to clients`,
  ];
  const lines: [text: string, name: StyleName][] = [
    [`${facts}  ${up} of ${servers.length} servers up`, 'bold'],
    [figures.join('   '), 'cyan'],
  ];
  if (notice !== null) lines.push([notice, 'red']);
  const refused = process.config_error?.split('\n')[0];
  if (refused !== undefined) lines.push([`last reload refused: ${refused}`, 'red']);
  return lines.map(([text, name]) => style(name, clip(text, screen.columns)));
}

interface Column {
  readonly heading: string;
  /** Characters; a text that is longer loses its end. */
  readonly width: number;
  readonly isNumber?: boolean;
}

interface Cell {
  readonly text: string;
  readonly style?: StyleName;
}

const RATE_COLUMNS: readonly Column[] = [
  { heading: 'OPEN', width: 6, isNumber: true },
  { heading: 'NEW/S', width: 6, isNumber: true },
  { heading: 'SERVERS/S', width: 9, isNumber: true },
  { heading: 'CLIENTS/S', width: 9, isNumber: true },
];

function frontendLines({ statistics, history, columns, rows, style }: TopScreen): string[] {
  const entries = Object.entries(statistics.frontends);
  const shown = rows === Infinity ? entries : entries.slice(0, FRONTENDS_MAX);
  const table: Column[] = [
    { heading: 'FRONTEND', width: nameWidth(columns) },
    { heading: 'REFUSED', width: 8, isNumber: true },
    ...RATE_COLUMNS,
    { heading: 'LISTENS ON', width: lastWidth(columns) },
  ];
  const lines = shown.map(([name, frontend]) => {
    const refused = Object.values(frontend.refused).reduce((sum, count) => sum + count, 0);
    return line(
      table,
      [
        { text: name },
        { text: formatCount(refused), ...(refused > 0 && { style: 'yellow' }) },
        ...rateCells(latestOf(history.frontend(name))),
        { text: frontend.listen.join(' ') || 'not listening' },
      ],
      style,
    );
  });
  const more = entries.length - shown.length;
  return [heading(table, style), ...lines, ...(more > 0 ? [`and ${more} more`] : [])];
}

function serverLines(screen: TopScreen, rows: number): string[] {
  const { columns, style, view } = screen;
  const table: Column[] = [
    { heading: 'SERVER', width: nameWidth(columns) },
    { heading: 'STATE', width: 8 },
    ...RATE_COLUMNS,
    { heading: 'LAST CHECK', width: lastWidth(columns) },
  ];
  const all = sorted(serversOf(screen), view);
  const first = Math.min(view.firstServer, Math.max(0, all.length - 1));
  const lines = all
    .slice(first, first + rows - 1)
    .map(({ name, server, latest }) =>
      line(
        table,
        [
          { text: name },
          { text: server.state, style: STATE_STYLES[server.state] },
          ...rateCells(latest),
          checkCell(server),
        ],
        style,
      ),
    );
  return rows < 1 ? [] : [heading(table, style), ...lines];
}

interface Row {
  /** `backend/server`, as `balancer drain` takes it. */
  readonly name: string;
  readonly server: ServerStatistics;
  readonly latest: Latest;
}

function serversOf({ statistics, history }: TopScreen): Row[] {
  return Object.entries(statistics.backends).flatMap(([backend, { server_stats: servers }]) =>
    Object.entries(servers).map(([address, server]) => ({
      name: `${backend}/${server.name}`,
      server,
      latest: latestOf(history.server(backend, address)),
    })),
  );
}

/** What needs a look comes first. */
const STATE_ORDER: readonly ServerState[] = ['down', 'ejected', 'checking', 'maint', 'drain', 'up'];

const STATE_STYLES: Readonly<Record<ServerState, StyleName>> = {
  up: 'green',
  down: 'red',
  ejected: 'red',
  checking: 'yellow',
  drain: 'yellow',
  maint: 'yellow',
};

const COMPARE: Readonly<Record<SortKey, (a: Row, b: Row) => number>> = {
  name: () => 0,
  state: (a, b) => STATE_ORDER.indexOf(a.server.state) - STATE_ORDER.indexOf(b.server.state),
  rate: (a, b) => (b.latest.connections ?? 0) - (a.latest.connections ?? 0),
  open: (a, b) => b.server.current - a.server.current,
  traffic: (a, b) => trafficOf(b) - trafficOf(a),
};

/** Equal ones stay in the order of their names, with `2` before `10`. */
function sorted(rows: readonly Row[], { sort, isReversed }: TopView): Row[] {
  const inOrder = rows.toSorted(
    (a, b) => COMPARE[sort](a, b) || a.name.localeCompare(b.name, 'en', { numeric: true }),
  );
  return isReversed ? inOrder.toReversed() : inOrder;
}

function trafficOf({ latest }: Row): number {
  return (latest.bytesTx ?? 0) + (latest.bytesRx ?? 0);
}

function rateCells({ open, connections, bytesTx, bytesRx }: Latest): Cell[] {
  return [
    { text: formatRate(open) },
    { text: formatRate(connections) },
    { text: formatBytes(bytesTx) },
    { text: formatBytes(bytesRx) },
  ];
}

function checkCell({ last_check: check, ejected_until: until }: ServerStatistics): Cell {
  if (until !== null) {
    return { text: `back in ${formatAge((Date.parse(until) - Date.now()) / 1000)}` };
  }
  if (!check) return { text: 'none', style: 'dim' };
  return check.ok ? { text: 'passed', style: 'dim' } : { text: check.reason, style: 'red' };
}

function keyLine({ view, columns, style }: TopScreen): string {
  const keys = Object.entries(SORT_KEYS).map(([key, sort]) =>
    sort === view.sort ? `${key} ${sort}${view.isReversed ? ' ↑' : ' ↓'}` : `${key} ${sort}`,
  );
  return style('dim', clip(`q quit   sort by: ${keys.join('  ')}   ↑ ↓ scroll`, columns));
}

/** Columns of the tables but the first and the last, with the spaces between all. */
const FIXED_WIDTH = RATE_COLUMNS.reduce((sum, { width }) => sum + width + 1, 8 + 1) + 1;

/** Half of what is left, so that 80 columns hold a name and a reason. */
function nameWidth(columns: number): number {
  return Math.max(10, Math.ceil((columns - FIXED_WIDTH) / 2));
}

function lastWidth(columns: number): number {
  return Math.max(0, columns - FIXED_WIDTH - nameWidth(columns));
}

function heading(columns: readonly Column[], style: Styler): string {
  const cells = columns.map((column) => ({ text: column.heading, style: 'dim' as const }));
  return line(columns, cells, style);
}

function line(columns: readonly Column[], cells: readonly Cell[], style: Styler): string {
  const texts = columns.map(({ width, isNumber = false }, index) => {
    const { text, style: name } = cells[index]!;
    const clipped = clip(text, width);
    const isLast = index === columns.length - 1;
    const padded = isNumber ? clipped.padStart(width) : isLast ? clipped : clipped.padEnd(width);
    return name ? style(name, padded) : padded;
  });
  return texts.join(' ');
}

/** What a server sent may stand in a reason: it must not move the cursor. */
function clip(text: string, width: number): string {
  const printable = text.replaceAll(/\p{Cc}/gu, ' ');
  if (printable.length <= width) return printable;
  return width < 1 ? '' : `${printable.slice(0, width - 1)}…`;
}

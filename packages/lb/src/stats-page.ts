/**
 * The statistics as a page: one HTML document without external resources. It is a plain table
 * without scripts, and refreshes itself in place with them. Where there is an app for it, the app
 * takes the table's place.
 *
 * @module
 */
import { STATS_PAGE_STYLE } from './stats-page-assets.ts';
import type {
  BackendStatistics,
  FrontendStatistics,
  ServerStatistics,
  Statistics,
} from './statistics.ts';

/** Files that take over the page in a browser with scripts. */
export interface StatsPageApp {
  /** Path of a module script. It replaces the content of `#app`. */
  readonly script: string;
  /** Paths of style sheets. They leave the plain table alone. */
  readonly styles: readonly string[];
}

/** Renders a snapshot. Everything that came from outside is escaped. */
export function renderStatsPage(statistics: Statistics, app?: StatsPageApp): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Balancer</title>
<link rel="icon" href="data:,">
<noscript><meta http-equiv="refresh" content="2"></noscript>
<style data-plain>${STATS_PAGE_STYLE}</style>
${app ? appFiles(app) : '<script src="/stats.js" defer></script>'}
</head>
<body>
<div id="app">
${header(statistics)}
<main id="live">
${configError(statistics)}
${totals(statistics)}
<section aria-labelledby="frontends"><h2 id="frontends">Frontends</h2>
${frontendTable(statistics)}</section>
${Object.entries(statistics.backends).map(backendSection).join('\n')}
</main>
<footer>${footer(statistics)}</footer>
</div>
</body>
</html>
`;
}

function appFiles({ script, styles }: StatsPageApp): string {
  const links = styles.map((href) => `<link rel="stylesheet" href="${escape(href)}">`);
  return `${links.join('')}<script type="module" src="${escape(script)}"></script>`;
}

function header({ process }: Statistics): string {
  return `<header><h1>Balancer</h1>
<p id="state"><span class="pill ${process.phase === 'running' ? 'up' : 'drain'}">${process.phase}</span>
<span class="quiet" id="fresh">refreshes every 2 s</span></p></header>`;
}

function configError({ process }: Statistics): string {
  if (process.config_error === null) return '';
  return `<div class="alert" role="alert"><strong>The last reload was refused.</strong>
The configuration before it goes on running.<pre>${escape(process.config_error)}</pre></div>`;
}

function totals(statistics: Statistics): string {
  const servers = Object.values(statistics.backends).flatMap((b) => Object.values(b.server_stats));
  const up = servers.filter((server) => server.state === 'up').length;
  const cards: [string, string][] = [
    ['Open connections', count(statistics.current_connections)],
    ['Connections so far', count(statistics.total_connections)],
    ['To servers', bytes(statistics.total_bytes_tx)],
    ['To clients', bytes(statistics.total_bytes_rx)],
    ['Servers up', `${up} of ${servers.length}`],
  ];
  const cells = cards.map(([label, value]) => `<div><dt>${label}</dt><dd>${value}</dd></div>`);
  return `<dl class="cards">${cells.join('')}</dl>`;
}

function frontendTable({ frontends }: Statistics): string {
  const rows = Object.entries(frontends).map(frontendRow);
  return table(
    ['Name', 'Listens on', 'Backend', '#Open', '#Total', '#Refused', '#To servers', '#To clients'],
    rows,
  );
}

function frontendRow([name, frontend]: [string, FrontendStatistics]): string {
  const refused = Object.entries(frontend.refused).filter(([, value]) => value > 0);
  const reasons = refused.map(([reason, value]) => `${reason}: ${value}`).join(', ');
  const total = refused.reduce((sum, [, value]) => sum + value, 0);
  return row([
    ['Name', `<strong>${escape(name)}</strong>`],
    ['Listens on', code(frontend.listen.join(', ') || 'not listening')],
    ['Backend', escape(frontend.backend)],
    ['#Open', count(frontend.current_connections)],
    ['#Total', count(frontend.total_connections)],
    ['#Refused', total === 0 ? '0' : `<span title="${escape(reasons)}">${count(total)}</span>`],
    ['#To servers', bytes(frontend.bytes_tx)],
    ['#To clients', bytes(frontend.bytes_rx)],
  ]);
}

function backendSection([name, backend]: [string, BackendStatistics]): string {
  const servers = Object.entries(backend.server_stats);
  const largest = Math.max(1, ...servers.map(([, server]) => server.total));
  const rows = servers.map(([address, server]) => serverRow(address, server, largest));
  const id = `backend-${escape(name)}`;
  return `<section aria-labelledby="${id}"><h2 id="${id}">Backend ${escape(name)}</h2>
<p class="quiet">${escape(backend.balance)} · ${count(backend.queue)} waiting · ${count(backend.retries)} retries</p>
${table(['Server', 'State', '#Weight', '#Open', '#Total', 'Share', '#Connect', '#Errors', 'Last check'], rows)}</section>`;
}

function serverRow(address: string, server: ServerStatistics, largest: number): string {
  const share = Math.round((server.total / largest) * 100);
  const weight =
    server.effective_weight === server.weight || server.state !== 'up'
      ? count(server.weight)
      : `${server.effective_weight.toFixed(1)} of ${count(server.weight)}`;
  return row([
    ['Server', `<strong>${escape(server.name)}</strong> ${code(address)}`],
    ['State', `<span class="pill ${server.state}">${server.state}</span>`],
    ['#Weight', weight],
    ['#Open', count(server.current)],
    ['#Total', count(server.total)],
    ['Share', `<span class="bar"><i style="width:${share}%"></i></span>`],
    ['#Connect', server.total === 0 ? '–' : `${server.connect_ms_avg.toFixed(2)} ms`],
    ['#Errors', count(server.connect_errors)],
    ['Last check', lastCheck(server)],
  ]);
}

function lastCheck({ last_check: check }: ServerStatistics): string {
  if (!check) return '<span class="quiet">none</span>';
  const at = `<time datetime="${check.at}">${check.at.slice(11, 19)}</time>`;
  const result = check.ok ? `passed in ${check.ms.toFixed(1)} ms` : escape(check.reason);
  return `${result} <span class="quiet">${at}</span>`;
}

function footer({ process }: Statistics): string {
  const facts = [
    `version ${escape(process.version)}`,
    `process ${process.pid}`,
    `up ${duration(process.uptime_s)}`,
    `${process.fds} of ${process.max_fds} descriptors`,
    `${bytes(process.rss)} memory`,
    `configuration of ${process.config_loaded_at.slice(0, 19).replace('T', ' ')} UTC`,
  ];
  const links = ['/stats.json', '/metrics', '/config'].map(
    (path) => `<a href="${path}">${path}</a>`,
  );
  return `<p id="process">${facts.join(' · ')}</p><p>${links.join(' · ')}</p>`;
}

/** A heading that starts with `#` is a column of numbers. */
function table(headings: readonly string[], rows: readonly string[]): string {
  const cells = headings.map((heading) =>
    heading.startsWith('#')
      ? `<th scope="col" class="number">${heading.slice(1)}</th>`
      : `<th scope="col">${heading}</th>`,
  );
  const head = `<thead><tr>${cells.join('')}</tr></thead>`;
  return `<table>${head}<tbody>${rows.join('\n')}</tbody></table>`;
}

/** Cells carry their heading, because on a narrow screen every row becomes a card. */
function row(cells: readonly (readonly [heading: string, content: string])[]): string {
  const tds = cells.map(([heading, content]) =>
    heading.startsWith('#')
      ? `<td class="number" data-label="${heading.slice(1)}"><span>${content}</span></td>`
      : `<td data-label="${heading}"><span>${content}</span></td>`,
  );
  return `<tr>${tds.join('')}</tr>`;
}

function code(text: string): string {
  return `<code>${escape(text)}</code>`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

function bytes(value: number): string {
  const exponent = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  const scaled = value / 1024 ** exponent;
  return `${exponent === 0 ? scaled : scaled.toFixed(1)} ${UNITS[exponent]}`;
}

function duration(seconds: number): string {
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}

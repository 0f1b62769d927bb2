/**
 * The page that every server of the demonstration answers with: who answered, and how often each
 * has.
 *
 * @module
 */
import { DEMO_SERVERS, type DemoServerName } from './config.ts';

export interface DemoPageFacts {
  /** The server that answers. */
  readonly name: DemoServerName;
  readonly answers: Readonly<Record<DemoServerName, number>>;
  readonly running: Readonly<Record<DemoServerName, boolean>>;
  readonly statsUrl: string;
}

const HUES: Readonly<Record<DemoServerName, number>> = { one: 212, two: 152, three: 28 };

/** For a browser. */
export function renderDemoPage(facts: DemoPageFacts): string {
  const { name, answers, statsUrl } = facts;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Server ${name}</title>
<link rel="icon" href="data:,">
<style>${style(HUES[name])}</style>
</head>
<body>
<main>
<p class="kicker">This page came from</p>
<h1>server ${name}</h1>
<p class="count">its answer number ${answers[name].toLocaleString('en-US')}</p>
<table><caption>Answers so far</caption><tbody>
${DEMO_SERVERS.map((server) => serverRow(server, facts)).join('\n')}
</tbody></table>
<p class="actions"><a class="button" href="/">Ask again</a> <a href="${statsUrl}">Statistics</a></p>
</main>
</body>
</html>
`;
}

/** For curl: one line. */
export function renderDemoLine({ name, answers }: DemoPageFacts): string {
  return `server ${name}, answer ${answers[name]}\n`;
}

function serverRow(server: DemoServerName, { answers, running, name }: DemoPageFacts): string {
  const largest = Math.max(1, ...Object.values(answers));
  const share = Math.round((answers[server] / largest) * 100);
  const action = running[server] ? 'stop' : 'start';
  return `<tr${server === name ? ' class="here"' : ''}><th scope="row">${server}</th>
<td class="share"><span style="width:${share}%; background:hsl(${HUES[server]} 60% 50%)"></span></td>
<td class="number">${answers[server].toLocaleString('en-US')}</td>
<td class="action"><form method="post" action="/${action}/${server}"><button>${action}</button></form></td></tr>`;
}

function style(hue: number): string {
  return `
:root { color-scheme: light dark; --paper: hsl(${hue} 45% 95%); --card: #fff; --ink: hsl(${hue} 30% 14%);
  --quiet: hsl(${hue} 12% 40%); --line: hsl(${hue} 25% 88%); --accent: hsl(${hue} 65% 34%); --on-accent: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: hsl(${hue} 28% 9%); --card: hsl(${hue} 18% 14%); --ink: hsl(${hue} 25% 92%);
  --quiet: hsl(${hue} 10% 65%); --line: hsl(${hue} 12% 24%); --accent: hsl(${hue} 70% 66%); --on-accent: hsl(${hue} 40% 10%); } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { width: 100%; max-width: 30rem; padding: clamp(1.5rem, 6vw, 2.5rem); background: var(--card); border: 1px solid var(--line); border-radius: 1rem; }
.kicker { margin: 0; color: var(--quiet); }
h1 { margin: 0; font-size: clamp(2.2rem, 9vw, 3rem); line-height: 1.15; letter-spacing: -.02em; color: var(--accent); }
.count { margin: .25rem 0 1.5rem; color: var(--quiet); }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; color: var(--quiet); font-size: .85rem; padding-bottom: .25rem; }
th, td { padding: .35rem 0; text-align: left; font-weight: 400; }
tr.here th { font-weight: 650; }
.share { width: 100%; padding: 0 .9rem; }
.share span { display: block; height: .55rem; min-width: 2px; border-radius: .3rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; padding-right: .9rem; }
form { margin: 0; }
button { width: 3.6rem; padding: .15rem 0; font: inherit; font-size: .85rem; color: var(--quiet); background: none; border: 1px solid var(--line); border-radius: .4rem; cursor: pointer; }
button:hover { color: var(--ink); border-color: var(--quiet); }
.actions { display: flex; align-items: center; gap: 1.25rem; margin: 1.75rem 0 0; }
.button { padding: .5rem 1.1rem; border-radius: .5rem; background: var(--accent); color: var(--on-accent); font-weight: 600; text-decoration: none; }
a { color: var(--accent); }
`;
}

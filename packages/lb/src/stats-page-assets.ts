/**
 * Style and script of the statistics page. The script is served as a file of its own, since the
 * listener's content security policy allows no inline scripts.
 *
 * @module
 */

export const STATS_PAGE_STYLE: string = `
:root { color-scheme: light dark;
  --paper: #f7f7f5; --card: #fff; --ink: #1c1e21; --quiet: #62676f; --line: #e2e3e0; --accent: #2563a8;
  --up: #15703a; --up-bg: #dff3e4; --down: #a4231d; --down-bg: #fbe3e0; --wait: #7a5200; --wait-bg: #fbeecb; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15171a; --card: #1d2024; --ink: #e6e7e9; --quiet: #989ea7; --line: #30343a; --accent: #6ea8e8;
  --up: #7fd69b; --up-bg: #173424; --down: #f2958e; --down-bg: #40201e; --wait: #e8c46a; --wait-bg: #3a2f14; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem clamp(1rem, 3vw, 2.5rem) 2rem; max-width: 80rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .5rem 1rem; }
h1 { margin: 0; font-size: 1.35rem; letter-spacing: -.01em; }
h2 { margin: 2rem 0 .5rem; font-size: 1.05rem; }
header p { margin: 0; }
.quiet { color: var(--quiet); }
section > .quiet { margin: -.4rem 0 .5rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0; }
.cards div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem .9rem; }
dt { color: var(--quiet); font-size: .82rem; }
dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: middle; }
th { color: var(--quiet); font-weight: 500; font-size: .82rem; white-space: nowrap; border-bottom: 1px solid var(--line); }
tbody tr + tr td { border-top: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; color: var(--quiet); white-space: nowrap; }
.pill { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .85rem; font-weight: 600; background: var(--wait-bg); color: var(--wait); }
.pill.up { background: var(--up-bg); color: var(--up); }
.pill.down, .pill.ejected { background: var(--down-bg); color: var(--down); }
.bar { display: block; min-width: 4rem; height: .45rem; border-radius: .3rem; background: var(--line); overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--accent); border-radius: .3rem; }
.alert { margin-top: 1rem; padding: .7rem .9rem; border-radius: .6rem; background: var(--down-bg); color: var(--down); }
.alert pre { margin: .4rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
a { color: var(--accent); }
footer { margin-top: 2rem; color: var(--quiet); font-size: .85rem; }
footer p { margin: .2rem 0; }
@media (max-width: 46rem) {
  table, tbody, tr, td { display: block; width: 100%; }
  table { background: none; border: 0; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  tr { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .35rem 0; }
  tr + tr { margin-top: .6rem; }
  tbody tr + tr td { border-top: 0; }
  td, td.number { display: flex; justify-content: space-between; align-items: center; gap: 1rem; padding: .2rem .9rem; text-align: right; white-space: normal; }
  td::before { content: attr(data-label); color: var(--quiet); font-size: .85rem; flex: none; }
  td:first-child { font-size: 1.05rem; text-align: left; }
  td:first-child::before { content: none; }
  td[data-label="Share"] > span { flex: 1; max-width: 55%; }
  .cards { grid-template-columns: 1fr 1fr; }
  .cards div:last-child { grid-column: 1 / -1; }
  code { white-space: normal; overflow-wrap: anywhere; }
}
`;

/** Fetches the page again and puts the new content in place, so that scrolling and focus stay. */
export const STATS_PAGE_SCRIPT: string = `
'use strict';
const fresh = document.getElementById('fresh');
const refresh = async () => {
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' });
    if (!answer.ok) throw new Error('answer ' + answer.status);
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const id of ['live', 'process']) document.getElementById(id).replaceWith(next.getElementById(id));
    document.querySelector('#state .pill').replaceWith(next.querySelector('#state .pill'));
    fresh.textContent = 'live';
  } catch {
    fresh.textContent = 'no answer; these are the last figures';
  }
};
setInterval(() => { if (!document.hidden) refresh(); }, 2000);
`;

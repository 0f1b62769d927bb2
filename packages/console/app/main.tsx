/**
 * The script of the page.
 *
 * @module
 */
import { sessionTokenStore } from './access.ts';
import { browserClock, browserVisibility } from './browser.ts';
import './style.css';
import { mount } from './mount.tsx';
import { createUplotChart } from './uplot-chart.ts';

const root = document.querySelector<HTMLElement>('#app');
if (!root) throw new Error('the page has no #app');
await mount(root, {
  tokens: sessionTokenStore(),
  clock: browserClock,
  visibility: browserVisibility,
  createChart: createUplotChart,
});

/**
 * The script of the page.
 *
 * @module
 */
import type { Clock } from '@balancer/kit';
import { sessionTokenStore } from './access.ts';
import './style.css';
import { mount } from './mount.tsx';
import { createUplotChart } from './uplot-chart.ts';

const browserClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

const root = document.querySelector<HTMLElement>('#app');
if (!root) throw new Error('the page has no #app');
await mount(root, {
  tokens: sessionTokenStore(),
  clock: browserClock,
  visibility: {
    isHidden: () => document.hidden,
    onChange: (listener) => document.addEventListener('visibilitychange', listener),
  },
  createChart: createUplotChart,
});

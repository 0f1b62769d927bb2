/**
 * The browser's clock, and whether anybody looks.
 *
 * @module
 */
import type { Clock } from '@balancer/kit';
import type { Visibility } from './live.ts';

export const browserClock: Clock = {
  nowMs: () => performance.timeOrigin + performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export const browserVisibility: Visibility = {
  isHidden: () => document.hidden,
  onChange: (listener) => document.addEventListener('visibilitychange', listener),
};

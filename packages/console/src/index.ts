/**
 * The web console of Balancer's daemons, and what its pages and the terminal have in common:
 * rates from successive documents, and figures for people.
 *
 * @module
 */
export { type Console, type ConsoleApp, loadConsole } from './assets.ts';
export {
  type HistoryOptions,
  type Latest,
  latestOf,
  rowOf,
  type Series,
  StatisticsHistory,
} from './history.ts';
export {
  formatAge,
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatRate,
  formatSeconds,
  UNKNOWN_FIGURE,
} from './format.ts';

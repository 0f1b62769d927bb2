/**
 * What every part of the page needs, handed down once.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
import { type Context, createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Clock } from '@balancer/kit';
import { AdminClient } from './admin-client.ts';
import type { StatisticsHistory } from '../src/history.ts';
import { Access, type TokenStore } from './access.ts';
import type { CreateChart } from './chart.tsx';
import { LiveStatistics, type Visibility } from './live.ts';
import { Orders } from './orders.ts';

export interface Dashboard {
  readonly client: AdminClient;
  readonly access: Access;
  readonly live: LiveStatistics;
  readonly orders: Orders;
  readonly clock: Clock;
  readonly createChart: CreateChart;
  /** The row of the history that the pointer is on, in every chart; `null` shows the latest. */
  readonly cursorRow: Signal<number | null>;
}

export interface DashboardOptions {
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly visibility: Visibility;
  readonly createChart: CreateChart;
  /** Default: the browser's. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Wires the parts that have no looks. */
export function createDashboard(options: DashboardOptions): Dashboard {
  const { tokens, clock, visibility, createChart, fetch } = options;
  const access = new Access(tokens);
  const client = new AdminClient({ token: () => access.token, ...(fetch && { fetch }) });
  const live = new LiveStatistics({
    read: () => access.run(() => client.statistics()),
    clock,
    visibility,
  });
  const orders = new Orders({ client, access, onDone: () => void live.refresh() });
  return { client, access, live, orders, clock, createChart, cursorRow: signal(null) };
}

export const DashboardContext: Context<Dashboard | null> = createContext<Dashboard | null>(null);

/** The history, for a part that draws anew with each reading: the object itself never changes. */
export function useHistory(): StatisticsHistory {
  const { live } = useDashboard();
  void live.reading.value;
  return live.history;
}

export function useDashboard(): Dashboard {
  const dashboard = useContext(DashboardContext);
  if (!dashboard) throw new Error('outside of a page');
  return dashboard;
}

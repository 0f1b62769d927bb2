/**
 * One server: its state and why, its figures, and the orders that can be given to it.
 *
 * @module
 */
import type { ComponentChildren, JSX } from 'preact';
import type { AdminState, ServerStatistics } from '@balancer/lb';
import {
  formatAge,
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatRate,
  UNKNOWN_FIGURE,
} from '../src/format.ts';
import type { Latest } from '../src/history.ts';
import { useDashboard } from './context.ts';

export interface ServerRowProps {
  readonly backend: string;
  readonly address: string;
  readonly server: ServerStatistics;
  readonly latest: Latest;
  /** New connections in proportion to the busiest server, 0 to 1. */
  readonly share: number;
}

export function ServerRow(props: ServerRowProps): JSX.Element {
  const { backend, address, server, latest, share } = props;
  return (
    <tr class={`server ${server.state}`} data-server={server.name}>
      <th scope="row">
        <span class="name">{server.name}</span> <code>{address}</code>
      </th>
      <State server={server} />
      <Weight backend={backend} server={server} />
      <Cell label="New/s" kind="number">
        {formatRate(latest.connections)}
        <span class="bar" aria-hidden="true">
          <i style={{ width: `${share * 100}%` }} />
        </span>
      </Cell>
      <Cell label="Open" kind="number">
        {formatCount(server.current)}
      </Cell>
      <Cell label="Total" kind="number">
        {formatCount(server.total)}
      </Cell>
      <Cell label="Traffic" kind="number both">
        <span class="ways">
          <span title="From clients to servers">↑ {perSecond(latest.bytesTx)}</span>{' '}
          <span title="From servers to clients">↓ {perSecond(latest.bytesRx)}</span>
        </span>
      </Cell>
      <Cell label="Connect" kind="number">
        {server.total === 0 ? UNKNOWN_FIGURE : formatMilliseconds(server.connect_ms_avg)}
      </Cell>
      <Cell label="Errors" kind={server.connect_errors > 0 ? 'number warn' : 'number'}>
        {formatCount(server.connect_errors)}
      </Cell>
      <LastCheck check={server.last_check} />
      <ServerOrders backend={backend} server={server} />
    </tr>
  );
}

function Weight({
  backend,
  server,
}: {
  readonly backend: string;
  readonly server: ServerStatistics;
}): JSX.Element {
  const { orders } = useDashboard();
  return (
    <Cell label="Weight" kind="number">
      <button
        type="button"
        class="weight"
        title="Change the weight"
        aria-label={`Weight of ${server.name}: ${weightOf(server)}`}
        onClick={() => void orders.setWeight({ backend, server: server.name }, server.weight)}
      >
        {weightOf(server)}
      </button>
    </Cell>
  );
}

function State({ server }: { readonly server: ServerStatistics }): JSX.Element {
  const daemonNowMs = useDaemonNow();
  const changedMs = Date.parse(server.last_change);
  const { ejected_until: until } = server;
  const ageOrReturn = until
    ? `back in ${formatAge((Date.parse(until) - daemonNowMs) / 1000)}`
    : `for ${formatAge((daemonNowMs - changedMs) / 1000)}`;
  return (
    <Cell label="State" kind="state">
      <span class={`pill ${server.state}`}>{server.state}</span>{' '}
      <time class="quiet" dateTime={server.last_change} title={`since ${localTime(changedMs)}`}>
        {ageOrReturn}
      </time>
    </Cell>
  );
}

function LastCheck({ check }: { readonly check: ServerStatistics['last_check'] }): JSX.Element {
  const daemonNowMs = useDaemonNow();
  if (!check) {
    return (
      <Cell label="Last check" kind="check">
        <span class="quiet">none</span>
      </Cell>
    );
  }
  const result = check.ok ? `passed in ${formatMilliseconds(check.ms)}` : check.reason;
  const atMs = Date.parse(check.at);
  return (
    <Cell label="Last check" kind={check.ok ? 'check' : 'check failed'}>
      {result}{' '}
      <time class="quiet" dateTime={check.at} title={localTime(atMs)}>
        {agoOf((daemonNowMs - atMs) / 1000)}
      </time>
    </Cell>
  );
}

const ADMIN_STATES: readonly (readonly [state: AdminState, meaning: string])[] = [
  ['ready', 'Takes connections while its checks pass'],
  ['drain', 'Keeps its connections and gets no new ones'],
  ['maint', 'Out of service'],
];

function ServerOrders({
  backend,
  server,
}: {
  readonly backend: string;
  readonly server: ServerStatistics;
}): JSX.Element {
  const { orders } = useDashboard();
  const name = { backend, server: server.name };
  const ordered = adminStateOf(server);
  return (
    <td class="orders">
      <div class="choice" role="group" aria-label={`State of ${server.name}`}>
        {ADMIN_STATES.map(([state, meaning]) => (
          <button
            key={state}
            type="button"
            title={meaning}
            aria-pressed={state === ordered}
            onClick={() => void orders.setState(name, state)}
          >
            {state}
          </button>
        ))}
      </div>
      <button
        type="button"
        class="kill"
        title="Reset all connections of this server"
        aria-label={`Kill the connections of ${server.name}`}
        disabled={server.current === 0}
        onClick={() => void orders.kill(name, server.current)}
      >
        kill
      </button>
    </td>
  );
}

function Cell({
  label,
  kind,
  children,
}: {
  readonly label: string;
  readonly kind: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <td class={kind} data-label={label}>
      <div>{children}</div>
    </td>
  );
}

/** What the operator or the file ordered; the other states are the checks' findings. */
function adminStateOf({ state }: ServerStatistics): AdminState {
  return state === 'drain' || state === 'maint' ? state : 'ready';
}

function weightOf({ state, weight, effective_weight: effective }: ServerStatistics): string {
  if (effective === weight || state !== 'up') return formatCount(weight);
  return `${formatRate(effective)} of ${formatCount(weight)}`;
}

function perSecond(bytes: number | null): string {
  return bytes === null ? UNKNOWN_FIGURE : `${formatBytes(bytes)}/s`;
}

/** By the daemon's clock, so that ages are right on a machine whose clock is not. */
function useDaemonNow(): number {
  return useDashboard().live.reading.value?.daemonNowMs ?? 0;
}

/** The daemon's clock comes in whole seconds, so less than one is no figure. */
function agoOf(seconds: number): string {
  return seconds < 1 ? 'just now' : `${formatAge(seconds)} ago`;
}

function localTime(ms: number): string {
  return new Date(ms).toLocaleString();
}

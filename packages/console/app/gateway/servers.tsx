/**
 * The servers of the pool: who takes meetings, how full each is, what is wrong.
 *
 * @module
 */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { GatewayStatus, ServerState } from '@balancer/bbb';
import { formatAge, formatCount, formatRate, UNKNOWN_FIGURE } from '../../src/format.ts';
import { useGateway } from './context.ts';
import { Sparkline } from './sparkline.tsx';

type Server = GatewayStatus['servers'][number];

/** From so many servers on it is worth to look for one. */
const FILTER_MIN = 8;

export function Servers({ status }: { readonly status: GatewayStatus }): JSX.Element {
  const gateway = useGateway();
  const [filter, setFilter] = useState('');
  const [isOnlyTrouble, setOnlyTrouble] = useState(false);
  const { servers } = status;
  const trouble = servers.filter(isInTrouble);
  const wanted = filter.trim().toLowerCase();
  const shown = (isOnlyTrouble ? trouble : servers).filter(({ id, url, tag }) =>
    [id, url, tag].some((text) => text.toLowerCase().includes(wanted)),
  );
  const loads = servers.flatMap(({ load, load_history: history }) => [load ?? 0, ...history]);
  const max = Math.max(1, ...loads.map((load) => load ?? 0));
  return (
    <section aria-label="Servers">
      <div class="tools">
        {servers.length >= FILTER_MIN && (
          <input
            type="search"
            placeholder="Find a server"
            aria-label="Find a server"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )}
        {trouble.length > 0 && (
          <button
            type="button"
            aria-pressed={isOnlyTrouble}
            onClick={() => setOnlyTrouble(!isOnlyTrouble)}
          >
            Only trouble <b>{trouble.length}</b>
          </button>
        )}
        {gateway.may('operate') && (
          <>
            <button type="button" class="push" onClick={() => void gateway.poll()}>
              Check all now
            </button>
            <button
              type="button"
              class="primary"
              onClick={() => (gateway.form.value = { kind: 'add-server' })}
            >
              Add a server
            </button>
          </>
        )}
      </div>
      {servers.length === 0 && (
        <p class="card empty">
          No servers yet. On a BigBlueButton server <code>bbb-conf --secret</code> prints the
          address and the secret that are asked for here.
        </p>
      )}
      {servers.length > 0 && shown.length === 0 && <p class="card empty">None fits.</p>}
      <ul class="pool">
        {shown.map((server) => (
          <ServerItem key={server.id} server={server} max={max} />
        ))}
      </ul>
    </section>
  );
}

function ServerItem({
  server,
  max,
}: {
  readonly server: Server;
  readonly max: number;
}): JSX.Element {
  const { id, url, tag, load, load_history: history, last_error: error } = server;
  const host = new URL(url).host;
  const loadText = load === null ? 'no load' : `load ${formatRate(load)}`;
  return (
    <li class={`card ${conditionOf(server).kind}`} data-server={id}>
      <div class="who">
        <h3>{id}</h3>
        <p class="quiet">
          {host !== id && <span>{host}</span>}
          {tag !== '' && <span class="tag">{tag}</span>}
          {server.bbb_version !== '' && <span>BBB {server.bbb_version}</span>}
          {server.multiplier !== 1 && <span>× {server.multiplier}</span>}
        </p>
      </div>
      <Condition server={server} />
      <div class="load">
        <Sparkline samples={history} max={max} label={`Load of ${id}: ${loadText}`} />
        <Figure label="Load" value={load === null ? UNKNOWN_FIGURE : formatRate(load)} />
      </div>
      <Figure label="Meetings" value={formatCount(server.meetings)} limit={server.max_meetings} />
      <Figure label="People" value={formatCount(server.users)} limit={server.max_users} />
      <ServerOrders server={server} />
      {error !== '' && <p class="why">{reasonOf(error)}</p>}
    </li>
  );
}

function Figure({
  label,
  value,
  limit = 0,
}: {
  readonly label: string;
  readonly value: string;
  readonly limit?: number;
}): JSX.Element {
  return (
    <p class="fact">
      <span class="quiet">{label}</span>
      <b>
        {value}
        {limit > 0 && <small class="quiet"> of {formatCount(limit)}</small>}
      </b>
    </p>
  );
}

/** State and health in one word, and since when it is known. */
function Condition({ server }: { readonly server: Server }): JSX.Element {
  const { clock } = useGateway();
  const { kind, text } = conditionOf(server);
  const polledMs = Date.parse(server.polled_at ?? '');
  const age = Number.isNaN(polledMs)
    ? 'never answered'
    : `answered ${formatAge((clock.nowMs() - polledMs) / 1000)} ago`;
  return (
    <p class="condition">
      <span class={`pill ${kind}`}>{text}</span> <span class="quiet">{age}</span>
    </p>
  );
}

interface ServerCondition {
  readonly kind: 'up' | 'down' | 'wait' | 'off';
  readonly text: string;
}

function conditionOf({ state, online }: Server): ServerCondition {
  if (state === 'disabled') return { kind: 'off', text: 'disabled' };
  if (!online) return { kind: 'down', text: state === 'enabled' ? 'offline' : 'cordoned, offline' };
  return state === 'enabled'
    ? { kind: 'up', text: 'takes meetings' }
    : { kind: 'wait', text: 'cordoned' };
}

/** What somebody should look at: it should serve, and does not. */
export function isInTrouble(server: Server): boolean {
  return server.state !== 'disabled' && (!server.online || server.last_error !== '');
}

/** The error with what mends it, where that is known. */
function reasonOf(error: string): string {
  if (error.endsWith('checksumError')) {
    return `${error}: its secret is not the one that is set here`;
  }
  return error;
}

const STATES: readonly (readonly [state: ServerState, meaning: string])[] = [
  ['enabled', 'Gets new meetings'],
  ['cordoned', 'Gets no new meetings; those there go on, then it is disabled'],
  ['disabled', 'Gets nothing; its meetings end'],
];

function ServerOrders({ server }: { readonly server: Server }): JSX.Element | null {
  const gateway = useGateway();
  if (!gateway.may('operate')) return null;
  return (
    <div class="orders">
      <div class="choice" role="group" aria-label={`State of ${server.id}`}>
        {STATES.map(([state, meaning]) => (
          <button
            key={state}
            type="button"
            title={meaning}
            aria-pressed={server.state === state}
            onClick={() => void gateway.setState(server, state)}
          >
            {state}
          </button>
        ))}
      </div>
      <button
        type="button"
        aria-label={`Manage ${server.id}`}
        title="Settings, panic, remove"
        onClick={() => (gateway.form.value = { kind: 'server', server })}
      >
        …
      </button>
    </div>
  );
}

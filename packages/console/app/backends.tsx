/**
 * The backends: their traffic and their servers.
 *
 * @module
 */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { BackendStatistics, ServerStatistics } from '@balancer/lb';
import { formatBytes, formatCount, formatCounted } from '../src/format.ts';
import { latestOf } from '../src/history.ts';
import { useHistory } from './context.ts';
import { ServerRow } from './server-row.tsx';
import { Traffic } from './traffic.tsx';

/** With more servers than this, those that are not up can be shown alone. */
const MANY_SERVERS = 8;

export function Backends({
  backends,
}: {
  readonly backends: Readonly<Record<string, BackendStatistics>>;
}): JSX.Element {
  return (
    <section aria-labelledby="backends">
      <h2 id="backends">Backends</h2>
      {Object.entries(backends).map(([name, backend]) => (
        <BackendCard key={name} name={name} backend={backend} />
      ))}
    </section>
  );
}

function BackendCard({
  name,
  backend,
}: {
  readonly name: string;
  readonly backend: BackendStatistics;
}): JSX.Element {
  const showsAll = useSignal(true);
  const servers = Object.entries(backend.server_stats);
  const notUp = servers.filter(([, server]) => server.state !== 'up');
  const canFilter = servers.length > MANY_SERVERS;
  const shown = canFilter && !showsAll.value ? notUp : servers;
  return (
    <article class="card" id={`backend-${encodeURIComponent(name)}`} aria-label={`Backend ${name}`}>
      <header>
        <h3>
          {name} <UpCount servers={servers.map(([, server]) => server)} />
        </h3>
        <p class="facts">
          <span>{backend.balance}</span>
          <span>{formatCounted(backend.total_connections, 'connection')} so far</span>
          <span>
            {formatBytes(backend.bytes_tx)} to servers, {formatBytes(backend.bytes_rx)} to clients
          </span>
          <span class={backend.queue > 0 ? 'warn' : undefined}>
            {formatCount(backend.queue)} waiting
          </span>
          <span>{formatCount(backend.retries)} retries</span>
        </p>
      </header>
      <Traffic name={`Backend ${name}`} of={(history) => history.backend(name)} />
      {canFilter && (
        <div class="choice" role="group" aria-label="Which servers">
          <button
            type="button"
            aria-pressed={showsAll.value}
            onClick={() => (showsAll.value = true)}
          >
            All {servers.length}
          </button>
          <button
            type="button"
            aria-pressed={!showsAll.value}
            onClick={() => (showsAll.value = false)}
          >
            Not up {notUp.length}
          </button>
        </div>
      )}
      <ServerTable backend={name} servers={shown} />
    </article>
  );
}

function UpCount({ servers }: { readonly servers: readonly ServerStatistics[] }): JSX.Element {
  const up = servers.filter((server) => server.state === 'up').length;
  const kind = up === servers.length ? 'up' : up === 0 ? 'down' : 'wait';
  return (
    <span class={`pill ${kind}`}>
      {up} of {servers.length} up
    </span>
  );
}

const HEADINGS: readonly [text: string, className?: string][] = [
  ['Server'],
  ['State'],
  ['Weight', 'number'],
  ['New/s', 'number'],
  ['Open', 'number'],
  ['Total', 'number'],
  ['Traffic', 'number'],
  ['Connect', 'number'],
  ['Errors', 'number'],
  ['Last check'],
  ['Orders', 'orders'],
];

function ServerTable({
  backend,
  servers,
}: {
  readonly backend: string;
  readonly servers: readonly (readonly [address: string, server: ServerStatistics])[];
}): JSX.Element {
  const history = useHistory();
  const rated = servers.map(([address, server]) => ({
    address,
    server,
    latest: latestOf(history.server(backend, address)),
  }));
  const busiest = Math.max(0, ...rated.map(({ latest }) => latest.connections ?? 0));
  if (rated.length === 0) return <p class="empty">No servers here.</p>;
  return (
    <table class="servers">
      <thead>
        <tr>
          {HEADINGS.map(([text, className]) => (
            <th key={text} scope="col" class={className}>
              {text}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rated.map(({ address, server, latest }) => (
          <ServerRow
            key={address}
            backend={backend}
            address={address}
            server={server}
            latest={latest}
            share={busiest === 0 ? 0 : (latest.connections ?? 0) / busiest}
          />
        ))}
      </tbody>
    </table>
  );
}

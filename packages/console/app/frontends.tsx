/**
 * The frontends: where they listen, what they turned away, their traffic.
 *
 * @module
 */
import type { JSX } from 'preact';
import type { FrontendStatistics } from '@balancer/lb';
import { formatBytes, formatCount, formatCounted } from '../src/format.ts';
import { Traffic } from './traffic.tsx';

export function Frontends({
  frontends,
}: {
  readonly frontends: Readonly<Record<string, FrontendStatistics>>;
}): JSX.Element {
  const entries = Object.entries(frontends);
  return (
    <section aria-labelledby="frontends">
      <h2 id="frontends">Frontends</h2>
      {entries.length === 0 && <p class="empty">The configuration has no frontends.</p>}
      {entries.map(([name, frontend]) => (
        <FrontendCard key={name} name={name} frontend={frontend} />
      ))}
    </section>
  );
}

function FrontendCard({
  name,
  frontend,
}: {
  readonly name: string;
  readonly frontend: FrontendStatistics;
}): JSX.Element {
  const { listen, protocol, backend } = frontend;
  return (
    <article class="card" aria-label={`Frontend ${name}`}>
      <header>
        <h3>{name}</h3>
        <p class="facts">
          <span>
            {protocol} on{' '}
            {listen.length > 0 ? <code>{listen.join(', ')}</code> : <em>no address at present</em>}
          </span>
          {backend !== '' && (
            <span>
              to <a href={`#backend-${encodeURIComponent(backend)}`}>{backend}</a>
            </span>
          )}
          <span>{formatCounted(frontend.total_connections, 'connection')} so far</span>
          <span>
            {formatBytes(frontend.bytes_tx)} to servers, {formatBytes(frontend.bytes_rx)} to clients
          </span>
          <Refused refused={frontend.refused} />
        </p>
      </header>
      <Traffic name={`Frontend ${name}`} of={(history) => history.frontend(name)} />
    </article>
  );
}

function Refused({ refused }: { readonly refused: FrontendStatistics['refused'] }): JSX.Element {
  const reasons = Object.entries(refused).filter(([, count]) => count > 0);
  if (reasons.length === 0) return <span>none refused</span>;
  const words = reasons.map(
    ([reason, count]) => `${formatCount(count)} ${reason.replaceAll('_', ' ')}`,
  );
  return <span class="warn">refused: {words.join(', ')}</span>;
}

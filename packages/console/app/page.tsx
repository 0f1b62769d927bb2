/**
 * The load balancer's page.
 *
 * @module
 */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Statistics } from '@balancer/lb';
import { formatAge, formatBytes, formatCount, formatSeconds } from '../src/format.ts';
import { Backends } from './backends.tsx';
import { Configuration } from './configuration.tsx';
import { useDashboard } from './context.ts';
import { ConfirmationDialog, TokenDialog, WeightDialog } from './dialogs.tsx';
import { Frontends } from './frontends.tsx';
import { OrderNotice } from './order-notice.tsx';
import { Traffic } from './traffic.tsx';

export function Page(): JSX.Element {
  const { live, access, orders } = useDashboard();
  const statistics = live.reading.value?.statistics;
  const question = access.question.value;
  const confirmation = orders.confirmation.value;
  const weightQuestion = orders.weightQuestion.value;
  useTitle(statistics);
  return (
    <>
      <header class="top">
        <h1>Balancer</h1>
        {statistics && <Phase statistics={statistics} />}
        <LinkState />
      </header>
      {statistics && <ReloadError error={statistics.process.config_error} />}
      {statistics && (
        <main class={live.link.value.state === 'live' ? undefined : 'stale'}>
          <Overview statistics={statistics} />
          <Frontends frontends={statistics.frontends} />
          <Backends backends={statistics.backends} />
          <Configuration loadedAt={statistics.process.config_loaded_at} />
          <Footer statistics={statistics} />
        </main>
      )}
      <OrderNotice desk={orders} />
      {question && <TokenDialog key={String(question.refusal)} question={question} />}
      {weightQuestion && <WeightDialog question={weightQuestion} />}
      {confirmation && <ConfirmationDialog confirmation={confirmation} />}
    </>
  );
}

function Phase({ statistics }: { readonly statistics: Statistics }): JSX.Element {
  const { phase } = statistics.process;
  return <span class={`pill ${phase === 'running' ? 'up' : 'wait'}`}>{phase}</span>;
}

function LinkState(): JSX.Element {
  const { live, clock } = useDashboard();
  const link = live.link.value;
  if (link.state === 'lost') {
    const age = formatAge((clock.nowMs() - link.sinceMs) / 1000);
    return (
      <p class="link alert" role="alert">
        No figures for {age}: {link.reason}. What stands here is old; trying again.
      </p>
    );
  }
  if (link.state === 'locked') {
    return (
      <p class="link">
        The figures need the token.{' '}
        <button type="button" onClick={() => void live.refresh()}>
          Enter it
        </button>
      </p>
    );
  }
  return <p class="link quiet">{link.state === 'live' ? 'live · last 5 min' : 'connecting'}</p>;
}

function ReloadError({ error }: { readonly error: string | null }): JSX.Element | null {
  if (error === null) return null;
  return (
    <div class="alert reload-error" role="alert">
      <strong>The last reload was refused.</strong> The configuration before it goes on running.
      <pre>{error}</pre>
    </div>
  );
}

function Overview({ statistics }: { readonly statistics: Statistics }): JSX.Element {
  const servers = Object.values(statistics.backends).flatMap((b) => Object.values(b.server_stats));
  const up = servers.filter((server) => server.state === 'up').length;
  const cards: readonly (readonly [label: string, value: string, className: string | undefined])[] =
    [
      ['Servers up', `${up} of ${servers.length}`, up < servers.length ? 'warn' : undefined],
      ['Connections so far', formatCount(statistics.total_connections), undefined],
      ['To servers so far', formatBytes(statistics.total_bytes_tx), undefined],
      ['To clients so far', formatBytes(statistics.total_bytes_rx), undefined],
    ];
  return (
    <section class="card overview" aria-label="Everything together">
      <dl>
        {cards.map(([label, value, className]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class={className}>{value}</dd>
          </div>
        ))}
      </dl>
      <Traffic name="All frontends" of={(history) => history.whole} />
    </section>
  );
}

function Footer({ statistics: { process } }: { readonly statistics: Statistics }): JSX.Element {
  const facts = [
    `version ${process.version}`,
    `process ${process.pid}`,
    `up ${formatSeconds(process.uptime_s)}`,
    `${process.workers} ${process.workers === 1 ? 'worker' : 'workers'}`,
    `${formatCount(process.fds)} of ${formatCount(process.max_fds)} descriptors`,
    `${formatBytes(process.rss)} memory`,
  ];
  return (
    <footer>
      <p class="facts">
        {facts.map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </p>
      <p class="facts">
        {['/stats.json', '/metrics', '/config'].map((path) => (
          <a key={path} href={path}>
            {path}
          </a>
        ))}
      </p>
    </footer>
  );
}

/** What a tab in the background shows. */
function useTitle(statistics: Statistics | undefined): void {
  const link = useDashboard().live.link.value;
  const servers = Object.values(statistics?.backends ?? {}).flatMap((b) =>
    Object.values(b.server_stats),
  );
  const notUp = servers.filter((server) => server.state !== 'up').length;
  const state = [
    link.state === 'lost' ? 'no answer' : '',
    statistics?.process.config_error ? 'reload refused' : '',
    notUp > 0 ? `${notUp} not up` : '',
  ].find((each) => each !== '');
  useEffect(() => {
    document.title = state === undefined ? 'Balancer' : `${state} · Balancer`;
  }, [state]);
}

/**
 * The page of the BigBlueButton gateway.
 *
 * @module
 */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { GatewayStatus } from '@balancer/bbb';
import { formatAge, formatBytes, formatCount, formatSeconds } from '../../src/format.ts';
import type { TokenQuestion } from '../access.ts';
import { ConfirmationDialog } from '../dialogs.tsx';
import { OrderNotice } from '../order-notice.tsx';
import { AccessList } from './access-list.tsx';
import { type GatewayReading, useGateway, VIEWS, type View } from './context.ts';
import { FormDialog } from './forms.tsx';
import { Meetings } from './meetings.tsx';
import { Recordings } from './recordings.tsx';
import { isInTrouble, Servers } from './servers.tsx';
import { Tenants } from './tenants.tsx';

const TITLES: Readonly<Record<View, string>> = {
  servers: 'Servers',
  meetings: 'Meetings',
  recordings: 'Recordings',
  tenants: 'Tenants',
  access: 'Access',
};

export function GatewayPage(): JSX.Element {
  const { live, access, desk, form } = useGateway();
  const reading = live.reading.value;
  const question = access.question.value;
  useTitle(reading?.status);
  if (question) return <SignIn key={String(question.refusal)} question={question} />;
  return (
    <>
      <header class="top">
        <h1>
          Balancer <span class="quiet">BigBlueButton</span>
        </h1>
        <LinkState />
      </header>
      {reading && (
        <>
          <Overview status={reading.status} />
          <Tabs />
          <main class={live.link.value.state === 'live' ? undefined : 'stale'}>
            <Content reading={reading} />
          </main>
          <Footer status={reading.status} />
        </>
      )}
      {form.value === null && <OrderNotice desk={desk} />}
      {form.value !== null && <FormDialog form={form.value} />}
      {desk.confirmation.value && <ConfirmationDialog confirmation={desk.confirmation.value} />}
    </>
  );
}

function SignIn({ question }: { readonly question: TokenQuestion }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  return (
    <main class="sign-in card">
      <h1>
        Balancer <span class="quiet">BigBlueButton</span>
      </h1>
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          const token = field.current!.value.trim();
          if (token !== '') question.answer(token);
        }}
      >
        {question.refusal !== null && (
          <p class="failed" role="alert">
            That token is not known here. It may have been revoked.
          </p>
        )}
        <label>
          <span>Token</span>
          <input
            ref={field}
            type="password"
            name="token"
            autocomplete="current-password"
            autofocus
            required
          />
        </label>
        <button type="submit" class="primary">
          Sign in
        </button>
        <p class="quiet">
          The first one is made on the gateway’s machine:
          <br />
          <code>balancer bbb token create --role admin</code>
        </p>
      </form>
    </main>
  );
}

function LinkState(): JSX.Element {
  const gateway = useGateway();
  const { live, clock } = gateway;
  const link = live.link.value;
  if (link.state === 'lost') {
    const age = formatAge((clock.nowMs() - link.sinceMs) / 1000);
    return (
      <p class="link alert" role="alert">
        No figures for {age}: {link.reason}. What stands here is old; trying again.
      </p>
    );
  }
  return (
    <p class="link quiet">
      <span class="state">{link.state === 'live' ? 'live' : 'connecting'}</span>
      <button type="button" onClick={() => gateway.signOut()}>
        Sign out
      </button>
    </p>
  );
}

function Tabs(): JSX.Element {
  const gateway = useGateway();
  const tabs = VIEWS.filter((view) => view !== 'access' || gateway.may('admin'));
  return (
    <nav class="tabs" aria-label="Parts of this page">
      {tabs.map((view) => (
        <a
          key={view}
          href={`#${view}`}
          aria-current={gateway.view.value === view ? 'page' : undefined}
        >
          {TITLES[view]}
        </a>
      ))}
    </nav>
  );
}

function Content({ reading }: { readonly reading: GatewayReading }): JSX.Element {
  const view = useGateway().view.value;
  const { status, meetings, tenants, tokens, recordings } = reading;
  if (view === 'servers') return <Servers status={status} />;
  if (view === 'recordings' && !status.recordings) {
    return <p class="card empty">Recordings are switched off.</p>;
  }
  // What has not come yet is there with the next reading.
  if (view === 'recordings') {
    return recordings === null ? <p class="card empty">…</p> : <Recordings {...recordings} />;
  }
  if (tenants === null) return <p class="card empty">…</p>;
  if (view === 'tenants') return <Tenants status={status} tenants={tenants} />;
  if (view === 'access') return <AccessList tokens={tokens} />;
  return meetings === null ? (
    <p class="card empty">…</p>
  ) : (
    <Meetings meetings={meetings} tenants={tenants} />
  );
}

function Overview({ status }: { readonly status: GatewayStatus }): JSX.Element {
  const { servers } = status;
  const active = servers.filter(({ state }) => state !== 'disabled');
  const online = active.filter(({ online: isOnline }) => isOnline);
  const sum = (of: (server: GatewayStatus['servers'][number]) => number): number =>
    servers.reduce((total, server) => total + of(server), 0);
  const cards: readonly (readonly [label: string, value: string, isWarning: boolean])[] = [
    [
      'Servers online',
      `${online.length} of ${active.length}`,
      online.length < active.length || active.length === 0,
    ],
    ['Meetings', formatCount(status.meetings), false],
    ['People', formatCount(sum(({ users }) => users)), false],
    ['Cameras', formatCount(sum(({ videos }) => videos)), false],
  ];
  return (
    <section class="card overview glance" aria-label="Everything together">
      <dl>
        {cards.map(([label, value, isWarning]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class={isWarning ? 'warn' : undefined}>{value}</dd>
          </div>
        ))}
      </dl>
      {status.degraded && (
        <p class="alert">
          Redis is away. Meetings go on; loads are counted by each process for itself.
        </p>
      )}
    </section>
  );
}

function Footer({ status }: { readonly status: GatewayStatus }): JSX.Element {
  const { last_round: round } = status;
  const facts = [
    status.storage === 'embedded' ? 'embedded storage' : 'PostgreSQL',
    `up ${formatSeconds(status.uptime_seconds)}`,
    `${formatBytes(status.memory_bytes)} memory`,
    round === null
      ? status.polls
        ? 'first poll under way'
        : 'another process polls'
      : `last round of polls took ${formatRound(round.ms)}`,
    `signed in as ${status.role}`,
  ];
  return (
    <footer>
      <p class="facts">
        {facts.map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
        <a href="/api/v1/openapi.json">REST API</a>
      </p>
    </footer>
  );
}

function formatRound(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** What a tab in the background shows. */
function useTitle(status: GatewayStatus | undefined): void {
  const link = useGateway().live.link.value;
  const trouble = status?.servers.filter(isInTrouble).length ?? 0;
  const state = link.state === 'lost' ? 'no answer' : trouble > 0 ? `${trouble} in trouble` : null;
  useEffect(() => {
    document.title = state === null ? 'BigBlueButton · Balancer' : `${state} · Balancer`;
  }, [state]);
}

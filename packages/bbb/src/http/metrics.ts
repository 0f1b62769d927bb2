/**
 * The gateway's metrics. No meeting and no person is a label.
 *
 * @module
 */
import { Metrics } from '@balancer/kit';
import { recordingFolders } from '../config/folders.ts';
import type { GatewayContext, GatewayEvent } from '../context.ts';
import type { RoundSummary } from '../poll/poller.ts';
import { spooledArchives } from '../recordings/spool.ts';
import type { ServerRow } from '../store/servers.ts';
import type { UpstreamObserver } from '../upstream/client.ts';

const SECONDS_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Keys of servers are theirs to choose; only these become labels. */
const RESULTS = new Set([
  'SUCCESS',
  'checksumError',
  'unsupportedRequest',
  'unsupportedContentType',
  'missingParamMeetingID',
  'missingParamRecordID',
  'missingParamPublish',
  'missingParameters',
  'validationError',
  'notFound',
  'serverUnavailable',
  'serverTagUnavailable',
  'maxConcurrent',
  'idNotUnique',
  'internalError',
  'noRecordings',
  '405',
]);

const SERVER_GAUGES: Readonly<Record<string, readonly [help: string, (row: ServerRow) => number]>> =
  {
    up: ['1 while the server is online', ({ is_online: isOnline }) => isOnline],
    load: ['Load by the last poll; 0 while offline', ({ load }) => load ?? 0],
    meetings: ['Meetings by the last poll', ({ meetings }) => meetings],
    users: ['Participants by the last poll', ({ users }) => users],
    videos: ['Shared cameras by the last poll', ({ videos }) => videos],
    largest_meeting: ['Participants of the largest meeting', (row) => row.largest_meeting],
  };

export class GatewayMetrics {
  readonly #metrics = new Metrics();
  readonly #requests = this.#metrics.counter({
    name: 'balancer_bbb_api_requests_total',
    help: 'Calls of the API by their result',
    labels: ['call', 'result'],
  });
  readonly #seconds = this.#metrics.histogram({
    name: 'balancer_bbb_api_seconds',
    help: 'Time to answer a call of the API',
    labels: ['call'],
    buckets: SECONDS_BUCKETS,
  });
  readonly #upstreamSeconds = this.#metrics.histogram({
    name: 'balancer_bbb_upstream_seconds',
    help: 'Time of calls to servers',
    labels: ['call'],
    buckets: SECONDS_BUCKETS,
  });
  readonly #upstreamErrors = this.#metrics.counter({
    name: 'balancer_bbb_upstream_errors_total',
    help: 'Calls to servers that failed',
    labels: ['server', 'reason'],
  });
  readonly #placements = this.#metrics.counter({
    name: 'balancer_bbb_placements_total',
    help: 'Meetings placed on a server',
    labels: ['server'],
  });
  readonly #placementFailures = this.#metrics.counter({
    name: 'balancer_bbb_placement_failures_total',
    help: 'Meetings that found no server',
    labels: ['reason'],
  });
  readonly #imports = this.#metrics.counter({
    name: 'balancer_bbb_imports_total',
    help: 'Archives of recordings by what became of them',
    labels: ['result'],
  });
  #scraped: Scraped = {
    servers: [],
    recordCount: 0,
    round: null,
    recordings: new Map(),
    deliveries: new Map(),
    spoolCount: 0,
    tenants: [],
  };

  constructor() {
    for (const [name, [help, valueOf]] of Object.entries(SERVER_GAUGES)) {
      this.#metrics.gauge({
        name: `balancer_bbb_server_${name}`,
        help,
        labels: ['server'],
        collect: () =>
          this.#scraped.servers.map((row) => ({ labels: { server: row.id }, value: valueOf(row) })),
      });
    }
    this.#metrics.gauge({
      name: 'balancer_bbb_server_state',
      help: '1 for the state that the operator gave the server',
      labels: ['server', 'state'],
      collect: () =>
        this.#scraped.servers.map(({ id, state }) => ({ labels: { server: id, state }, value: 1 })),
    });
    this.#metrics.gauge({
      name: 'balancer_bbb_poll_last_success_timestamp',
      help: 'Start of the last poll that succeeded, in seconds since 1970; 0: none',
      labels: ['server'],
      collect: () =>
        this.#scraped.servers.map((row) => ({
          labels: { server: row.id },
          value: row.polled_at_ms / 1000,
        })),
    });
    this.#metrics.gauge({
      name: 'balancer_bbb_records',
      help: 'Meetings that have a record',
      collect: () => [{ labels: {}, value: this.#scraped.recordCount }],
    });
    this.#countsGauge('recordings', 'Recordings by state', ({ recordings }) => recordings);
    this.#countsGauge(
      'deliveries',
      'Calls owed to front-ends, by state',
      (scraped) => scraped.deliveries,
    );
    this.#metrics.gauge({
      name: 'balancer_bbb_spool_files',
      help: 'Archives of recordings that wait to be imported',
      collect: () => [{ labels: {}, value: this.#scraped.spoolCount }],
    });
    this.#tenantGauge('meetings', 'Meetings of the tenant that have a record');
    this.#tenantGauge('users', 'Participants by the last poll, and joins since');
    this.#roundGauge(
      'poll_seconds',
      'Duration of the last round of polls',
      (round) => round.durationMs / 1000,
    );
    this.#roundGauge(
      'orphan_meetings',
      'Running meetings without a record',
      (round) => round.orphanCount,
    );
  }

  get contentType(): string {
    return this.#metrics.contentType;
  }

  apiCall({
    call,
    result,
    durationMs,
  }: Readonly<{ call: string; result: string; durationMs: number }>): void {
    this.#requests.inc({ call, result: RESULTS.has(result) ? result : 'other' });
    this.#seconds.observe({ call }, durationMs / 1000);
  }

  readonly upstream: UpstreamObserver = ({ serverId, call, durationMs, answer }) => {
    this.#upstreamSeconds.observe({ call }, durationMs / 1000);
    if (answer.kind !== 'success')
      this.#upstreamErrors.inc({ server: serverId, reason: answer.kind });
  };

  readonly event = (event: GatewayEvent): void => {
    if (event.kind === 'placed') this.#placements.inc({ server: event.serverId });
    else if (event.kind === 'imported') this.#imports.inc({ result: event.result });
    else if (event.kind === 'placement-failed')
      this.#placementFailures.inc({ reason: event.reason });
  };

  /** Everything in the Prometheus text format. */
  async text(
    context: Pick<GatewayContext, 'board' | 'directory' | 'store' | 'config'>,
    round: RoundSummary | null,
  ): Promise<string> {
    const { directory, store, config } = context;
    const servers = [...(await directory.servers()).values()];
    const spool = await spooledArchives(recordingFolders(config()).spool);
    this.#scraped = {
      servers,
      recordCount: await store.meetings.count(),
      round,
      recordings: await store.recordings.countByState(),
      deliveries: await store.deliveries.countByState(),
      spoolCount: spool.length,
      tenants: await tenantCounts(context),
    };
    return this.#metrics.text();
  }

  #countsGauge(
    name: string,
    help: string,
    countsOf: (scraped: Scraped) => ReadonlyMap<string, number>,
  ): void {
    this.#metrics.gauge({
      name: `balancer_bbb_${name}`,
      help,
      labels: ['state'],
      collect: () =>
        [...countsOf(this.#scraped)].map(([state, value]) => ({ labels: { state }, value })),
    });
  }

  #tenantGauge(of: 'meetings' | 'users', help: string): void {
    this.#metrics.gauge({
      name: `balancer_bbb_tenant_${of}`,
      help,
      labels: ['tenant'],
      collect: () =>
        this.#scraped.tenants.map((tenant) => ({
          labels: { tenant: tenant.name },
          value: tenant[of],
        })),
    });
  }

  #roundGauge(name: string, help: string, valueOf: (round: RoundSummary) => number): void {
    this.#metrics.gauge({
      name: `balancer_bbb_${name}`,
      help,
      collect: () => {
        const { round } = this.#scraped;
        return round === null ? [] : [{ labels: {}, value: valueOf(round) }];
      },
    });
  }
}

/** What is looked up when somebody asks, not when it changes. */
interface Scraped {
  readonly servers: readonly ServerRow[];
  readonly recordCount: number;
  readonly round: RoundSummary | null;
  readonly recordings: ReadonlyMap<string, number>;
  readonly deliveries: ReadonlyMap<string, number>;
  readonly spoolCount: number;
  readonly tenants: readonly TenantCounts[];
}

interface TenantCounts {
  readonly name: string;
  readonly meetings: number;
  readonly users: number;
}

async function tenantCounts({
  board,
  config,
  directory,
  store,
}: Pick<GatewayContext, 'board' | 'config' | 'directory' | 'store'>): Promise<TenantCounts[]> {
  if (!config().multitenancy) return [];
  const meetings = await store.meetings.countByTenant();
  const tenants = [...(await directory.tenants()).values()];
  return Promise.all(
    tenants.map(async ({ row: { id, name } }) => ({
      name,
      meetings: meetings.get(id) ?? 0,
      users: await board.tenantUsers(id),
    })),
  );
}

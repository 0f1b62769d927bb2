/**
 * A gateway on a real port in front of two fake servers, for the cases of the contract. It runs on any
 * storage; between two cases it is emptied, not started anew.
 *
 * @module
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as rawRequest } from 'node:http';
import { join } from 'node:path';
import { type ArchiveOptions, buildArchive, FakeBbb, signedQuery } from '@balancer/fake-bbb';
import { createLog, type Log, Secret } from '@balancer/kit';
import { recordingFolders, type RecordingFolders } from '../../src/config/folders.ts';
import { type BbbConfig, defaultBbbConfig, Gateway, type ImportSummary } from '../../src/index.ts';
import type { MeetingRecord } from '../../src/store/meetings.ts';
import type { NewServer, ServerChange } from '../../src/store/servers.ts';
import type { Tables } from '../../src/store/schema.ts';
import type { Store } from '../../src/store/store.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { until } from '../until.ts';

export const SECRET = 'Kq7-balancer-test-secret';

/** Where a case's data are. */
export interface CaseStorage {
  readonly config: Partial<BbbConfig>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly secret?: string;
  readonly algorithm?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  readonly init?: RequestInit;
  readonly host?: string;
  /** Before `/bigbluebutton`. */
  readonly prefix?: string;
}

export interface CallResult {
  readonly status: number;
  readonly text: string;
  /** `SUCCESS`, or the `messageKey` of a failure. */
  readonly result: string;
  readonly location: URL | null;
  readonly headers: Headers;
}

const BASE: Partial<BbbConfig> = {
  bind: '127.0.0.1',
  port: 0,
  admin_port: 0,
  secrets: [new Secret(SECRET)],
  // Rounds are asked for by the cases.
  poll_interval: 3_600_000,
  // A machine that stalls must neither take a server for dead nor a lease from its owner; a server that
  // is offline has a tenth of the time.
  connect_timeout: 300_000,
  response_timeout: 300_000,
  database_timeout: 300_000,
  lease_seconds: 3600,
  url_host: 'gateway.example.com',
  recordings_import_poll_interval: 3_600_000,
  recordings_import_settle_seconds: 0,
};

/** Tables of recordings and of what belongs to them. */
const RECORDING_TABLES: readonly (keyof Tables)[] = [
  'thumbnails',
  'playback_formats',
  'metadata',
  'recordings',
  'callback_data',
  'gw_text_tracks',
  'gw_recording_work',
  'gw_used_tokens',
  'gw_deliveries',
  'gw_hooks',
];

/** An answer with its bytes as they came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export class Harness {
  readonly gateway: Gateway;
  readonly origin: string;
  readonly adminOrigin: string;
  readonly bbb1: FakeBbb;
  readonly bbb2: FakeBbb;
  /** Everything that was logged. */
  readonly logged: string[];
  readonly #storage: CaseStorage;
  readonly #recordings: ReturnType<typeof temporaryFolder>;
  readonly #log: Log;
  readonly #more: FakeBbb[] = [];

  private constructor(parts: {
    gateway: Gateway;
    origin: string;
    adminOrigin: string;
    fakes: [FakeBbb, FakeBbb];
    storage: CaseStorage;
    recordings: ReturnType<typeof temporaryFolder>;
    log: Log;
    logged: string[];
  }) {
    this.gateway = parts.gateway;
    this.origin = parts.origin;
    this.adminOrigin = parts.adminOrigin;
    [this.bbb1, this.bbb2] = parts.fakes;
    this.#storage = parts.storage;
    this.#recordings = parts.recordings;
    this.#log = parts.log;
    this.logged = parts.logged;
  }

  static async start(openStorage: () => Promise<CaseStorage>): Promise<Harness> {
    const storage = await openStorage();
    const logged: string[] = [];
    const log = createLog({
      level: 'trace',
      repeatsPerSecondMax: Infinity,
      lineOutput: {
        droppedLines: 0,
        write: (line: string) => void logged.push(line),
        reopen: () => {},
        flush: async () => {},
        close: async () => {},
      },
    });
    const recordings = temporaryFolder();
    const folders = foldersBelow(recordings.folder);
    const config = defaultBbbConfig({ ...BASE, ...folders, ...storage.config });
    const gateway = await Gateway.open({ config, logger: log });
    const ports = await gateway.start();
    // What a gateway does by itself is over before a case begins; samples are taken by the cases.
    await gateway.history.stop();
    await gateway.importer.round();
    await until('the first round of polls is over', () => gateway.poller.lastRound !== null);
    return new Harness({
      gateway,
      origin: `http://127.0.0.1:${ports.publicPort}`,
      adminOrigin: `http://127.0.0.1:${ports.adminPort}`,
      fakes: [
        await FakeBbb.start({ secret: 'bbb1-secret' }),
        await FakeBbb.start({ secret: 'bbb2-secret' }),
      ],
      storage,
      recordings,
      log,
      logged,
    });
  }

  get store(): Store {
    return this.gateway.context.store;
  }

  /** Empties everything, and starts with `bbb1` and `bbb2` enabled, online and idle. */
  async reset(config: Partial<BbbConfig> = {}): Promise<void> {
    const { store } = this;
    const ids = (await store.servers.list()).map(({ id }) => id);
    for (const id of new Set([...ids, 'bbb1', 'bbb2'])) {
      await store.servers.remove(id);
      await this.gateway.context.board.clear(id);
    }
    for (const record of await store.meetings.list()) await store.meetings.drop(record);
    for (const { id } of await store.tenants.list()) await store.tenants.remove(id);
    for (const { id } of await store.tokens.list()) await store.tokens.remove(id);
    for (const fake of this.#more.splice(0)) await fake.close();
    await this.bbb1.reset();
    await this.bbb2.reset();
    this.configure(config);
    await this.addServer('bbb1', this.bbb1);
    await this.addServer('bbb2', this.bbb2);
  }

  /** Forgets all recordings, with their files. */
  async resetRecordings(): Promise<void> {
    const lease = await this.store.leases.acquire(
      { name: 'test', owner: 'test' },
      { nowMs: Date.now(), forMs: 60_000 },
    );
    await this.store.leases.fenced(lease!, async (db) => {
      for (const table of RECORDING_TABLES) await db.deleteFrom(table).execute();
    });
    for (const folder of Object.values(this.folders))
      rmSync(folder, { recursive: true, force: true });
  }

  get folders(): RecordingFolders {
    return recordingFolders(this.gateway.context.config());
  }

  /** Puts an archive into the spool. @returns Its path. */
  spool(options: ArchiveOptions): string {
    const { fileName, content } = buildArchive(options);
    mkdirSync(this.folders.spool, { recursive: true });
    const path = join(this.folders.spool, fileName);
    writeFileSync(path, content);
    return path;
  }

  /** Imports what is in the spool. */
  async importAll(): Promise<ImportSummary> {
    const summary = await this.gateway.importer.round();
    if (summary === null) throw new Error('another process imports');
    return summary;
  }

  /** Puts an archive into the spool and imports it. */
  async importArchive(options: ArchiveOptions): Promise<ImportSummary> {
    this.spool(options);
    return this.importAll();
  }

  /** A request whose path is sent as it is, dots and all. */
  async raw(
    path: string,
    { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ): Promise<RawAnswer> {
    const { hostname, port } = new URL(this.origin);
    return new Promise((resolve, reject) => {
      const sent = rawRequest({ hostname, port, path, method, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => void chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const body = Buffer.concat(chunks);
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
        });
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  configure(config: Partial<BbbConfig>): void {
    const folders = foldersBelow(this.#recordings.folder);
    this.gateway.configure(
      defaultBbbConfig({ ...BASE, ...folders, ...this.#storage.config, ...config }),
    );
    this.gateway.context.directory.forget();
  }

  /** A further fake server, which ends with the case. */
  async startFake(id: string, server: Partial<NewServer> = {}): Promise<FakeBbb> {
    const fake = await FakeBbb.start({ secret: `${id}-secret` });
    this.#more.push(fake);
    await this.addServer(id, fake, server);
    return fake;
  }

  /** Adds a server that is enabled, online and idle. */
  async addServer(id: string, fake: FakeBbb, server: Partial<NewServer> = {}): Promise<void> {
    const { url, secret } = fake;
    await this.store.servers.add({ id, url, secret, state: 'enabled', ...server }, Date.now());
    await this.change(id, { is_online: 1, load: 0, polled_at_ms: Date.now() });
  }

  /** Changes a server behind the gateway's back, and lets it know. */
  async change(id: string, change: ServerChange): Promise<void> {
    await this.store.servers.update(id, change);
    this.gateway.context.directory.forget();
  }

  /** A signed GET, or what `init` says. */
  async call(
    name: string,
    parameters: Record<string, string> = {},
    options: CallOptions = {},
  ): Promise<CallResult> {
    const query = new URLSearchParams(parameters).toString();
    return this.callRaw(name, query, options);
  }

  /** As `call`, with a query that is signed and sent as it is. */
  async callRaw(name: string, query: string, options: CallOptions = {}): Promise<CallResult> {
    const { secret = SECRET, algorithm = 'sha256' } = options;
    return this.request(
      `${name}?${signedQuery({ call: name, query, secret }, algorithm)}`,
      options,
    );
  }

  /** A request below the API's path, unsigned. */
  async request(
    target: string,
    { init, host, prefix = '' }: CallOptions = {},
  ): Promise<CallResult> {
    const headers = new Headers(init?.headers);
    // The tests come from loopback, which is a trusted proxy.
    if (host !== undefined) headers.set('x-forwarded-host', host);
    const answer = await fetch(`${this.origin}${prefix}/bigbluebutton/api/${target}`, {
      redirect: 'manual',
      ...init,
      headers,
    });
    const text = await answer.text();
    const location = answer.headers.get('location');
    const key = /<messageKey>([^<]*)<\/messageKey>/.exec(text)?.[1] ?? '';
    return {
      status: answer.status,
      text,
      result: text.includes('<returncode>FAILED<') ? key : text === '' ? '' : 'SUCCESS',
      location: location === null ? null : new URL(location),
      headers: answer.headers,
    };
  }

  /** Creates a meeting that must succeed. */
  async create(meetingID: string, parameters: Record<string, string> = {}): Promise<CallResult> {
    const created = await this.call('create', { name: 'Room', meetingID, ...parameters });
    if (created.result !== 'SUCCESS') throw new Error(`create ${meetingID}: ${created.text}`);
    return created;
  }

  async record(meetingId: string): Promise<MeetingRecord | undefined> {
    return this.store.meetings.find({ scope: '', meeting_id: meetingId });
  }

  /** The load of a server as the gateway counts it; undefined for none. */
  async loadOf(id: string): Promise<number | undefined> {
    const rows = (await this.store.servers.list()).filter((row) => row.id === id);
    return (await this.gateway.context.placer.view(rows)).entries.get(id)?.load;
  }

  async poll(): Promise<void> {
    await this.gateway.poller.round();
  }

  async close(): Promise<void> {
    await this.gateway.close();
    for (const fake of [this.bbb1, this.bbb2, ...this.#more]) await fake.close();
    await this.#log.close();
    await this.#storage.close();
    this.#recordings.remove();
  }
}

function foldersBelow(folder: string): Partial<BbbConfig> {
  return {
    recordings_spool_dir: join(folder, 'spool'),
    recordings_work_dir: join(folder, 'work'),
    recordings_publish_dir: join(folder, 'published'),
    recordings_unpublish_dir: join(folder, 'unpublished'),
  };
}

/**
 * A gateway: its storage, its API, its poller and its listeners.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AdminAsset, AdminServer, type Logger, Secret, silentLogger } from '@balancer/kit';
import { Api } from './api/api.ts';
import { Notifier } from './callbacks/notifier.ts';
import { announceRecording } from './callbacks/recording-ready.ts';
import type { BbbConfig } from './config/keys.ts';
import type { GatewayContext } from './context.ts';
import { Directory } from './directory.ts';
import { adminRoutes } from './http/admin.ts';
import { GatewayMetrics } from './http/metrics.ts';
import { PublicServer } from './http/public-server.ts';
import { LoadHistory } from './operations/load-history.ts';
import { Placer } from './placement/placer.ts';
import { Poller } from './poll/poller.ts';
import { Importer } from './recordings/importer.ts';
import { RecordingLibrary } from './recordings/library.ts';
import type { Board } from './store/board.ts';
import { MemoryBoard } from './store/memory-board.ts';
import { ResilientBoard } from './store/resilient-board.ts';
import { Store } from './store/store.ts';
import { UpstreamClient } from './upstream/client.ts';

export interface GatewayOptions {
  readonly config: BbbConfig;
  readonly logger?: Logger;
  /** Told once of a secret that was made because none is configured. */
  readonly onNewSecret?: (secret: string) => void;
  /** Reads the configuration again and calls `configure`; without it nobody can order that. */
  readonly reload?: () => Promise<void>;
  /** Files of the admin page by path, `/` first of all; without them there is no page. */
  readonly assets?: ReadonlyMap<string, AdminAsset>;
}

/** Where a started gateway listens. */
export interface GatewayPorts {
  readonly publicPort: number;
  readonly adminPort: number;
}

/** Name of the socket in the data directory through which the command line talks to the gateway. */
export const ADMIN_SOCKET = 'admin.sock';

/** Room for a file of some thousand servers. */
const ADMIN_BODY_MAX_BYTES = 4 * 2 ** 20;

export class Gateway {
  readonly context: GatewayContext;
  readonly api: Api;
  readonly poller: Poller;
  readonly importer: Importer;
  readonly notifier: Notifier;
  readonly metrics: GatewayMetrics;
  readonly history: LoadHistory;
  readonly reload: (() => Promise<void>) | null;
  readonly #assets: ReadonlyMap<string, AdminAsset>;
  readonly #store: Store;
  readonly #board: Board;
  readonly #upstream: UpstreamClient;
  #config: BbbConfig;
  #closing: Promise<void> | null = null;
  #listeners: { readonly public: PublicServer; readonly admin: AdminServer } | null = null;

  private constructor(parts: {
    readonly config: BbbConfig;
    readonly store: Store;
    readonly board: Board;
    readonly logger: Logger;
    readonly keyBase: string;
    readonly reload: (() => Promise<void>) | null;
    readonly assets: ReadonlyMap<string, AdminAsset>;
  }) {
    const { store, board, logger, keyBase } = parts;
    this.reload = parts.reload;
    this.#assets = parts.assets;
    this.#config = parts.config;
    this.#store = store;
    this.#board = board;
    this.metrics = new GatewayMetrics();
    this.#upstream = new UpstreamClient(parts.config, this.metrics.upstream);
    const directory = new Directory(store);
    const config = (): BbbConfig => this.#config;
    this.poller = new Poller(() => this.context);
    this.notifier = new Notifier(() => this.context);
    this.importer = new Importer(
      () => this.context,
      async (recording, fingerprint) => announceRecording(this.context, recording, fingerprint),
    );
    this.history = new LoadHistory(() => this.context);
    this.context = {
      config,
      store,
      board,
      directory,
      placer: new Placer({ directory, board, store, settings: config }),
      upstream: this.#upstream,
      recordings: new RecordingLibrary({ config, store, logger, nowMs: Date.now }),
      notifier: this.notifier,
      keyBase: () => this.#config.secret_key_base?.reveal() ?? keyBase,
      logger,
      nowMs: Date.now,
      pollSoon: (serverId, why) => this.poller.pollSoon(serverId, why),
      count: this.metrics.event,
    };
    this.api = new Api(this.context);
  }

  /**
   * Opens the storage; nothing listens or polls yet.
   *
   * @throws {DataLockedError} {SchemaTooNewError} {StorageError} if the storage cannot be opened.
   */
  static async open({
    config,
    logger = silentLogger,
    onNewSecret,
    reload,
    assets = new Map<string, AdminAsset>(),
  }: GatewayOptions): Promise<Gateway> {
    const store = await openStore(config, logger);
    try {
      const secrets =
        config.secrets.length > 0 ? config.secrets : [await keptSecret(store, onNewSecret)];
      const board = await openBoard(config, logger);
      const { value: keyBase } = await store.keep('secret_key_base', randomKey);
      return new Gateway({
        config: { ...config, secrets },
        store,
        board,
        logger,
        keyBase,
        reload: reload ?? null,
        assets,
      });
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Listens and polls. */
  async start(): Promise<GatewayPorts> {
    const { admin_bind: host, admin_port: port, data_dir: dataDir } = this.#config;
    const { context, api, metrics, poller, importer, history, reload } = this;
    const { logger } = context;
    const admin = new AdminServer({
      routes: adminRoutes({
        context,
        metrics,
        poller,
        importer,
        history,
        reload,
        startedAtMs: Date.now(),
      }),
      assets: this.#assets,
      bodyMaxBytes: ADMIN_BODY_MAX_BYTES,
      logger,
      addressSetting: 'admin_bind',
      remoteSetting: 'admin_allow_remote',
      allowRemote: this.#config.admin_allow_remote,
      hasOwnTokens: true,
    });
    const publicServer = new PublicServer({ context, api, metrics });
    this.#listeners = { public: publicServer, admin };
    const { roles } = this.#config;
    const publicPort = roles.includes('api') ? await publicServer.listen() : 0;
    const bound = await admin.listen({ kind: 'inet', host, port });
    if (this.#store.dialect === 'sqlite') {
      const path = join(dataDir, ADMIN_SOCKET);
      // The lock on the data is ours, so a socket that is there was left by a process that died.
      rmSync(path, { force: true });
      await admin.listen({ kind: 'unix', path });
      chmodSync(path, 0o600);
    }
    if (roles.includes('poller')) await poller.start();
    if (roles.includes('importer')) await importer.start();
    if (roles.includes('notifier')) await this.notifier.start();
    history.start();
    return { publicPort, adminPort: bound.kind === 'inet' ? bound.port : 0 };
  }

  /** Takes over what may change while running: all but storage and addresses. */
  configure(config: BbbConfig): void {
    const { database_url, redis_url, data_dir, bind, port } = this.#config;
    const { admin_bind, admin_port, admin_allow_remote } = this.#config;
    const storage = { database_url, redis_url, data_dir };
    const fixed = { ...storage, bind, port, admin_bind, admin_port, admin_allow_remote };
    const secrets = config.secrets.length > 0 ? config.secrets : this.#config.secrets;
    this.#config = { ...config, ...fixed, secrets };
    this.#upstream.configure(this.#config);
    this.#listeners?.public.configure();
  }

  /** Stops accepting; resolves when the requests at hand are answered. */
  async drain(): Promise<void> {
    await Promise.all([this.#listeners?.public.drain(), this.importer.stop()]);
  }

  /** Ends everything, once. The storage is free for another process after that. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await this.#listeners?.public.close();
    await this.#listeners?.admin.close();
    await this.importer.stop();
    await this.history.stop();
    await this.poller.stop();
    await this.notifier.stop();
    await this.#upstream.close();
    await this.#board.close();
    await this.#store.close();
  }
}

async function openStore(config: BbbConfig, logger: Logger): Promise<Store> {
  if (config.database_url === '') return Store.openEmbedded(config.data_dir);
  return Store.openPostgres({
    url: config.database_url,
    connectionsMax: config.database_connections,
    timeoutMs: config.database_timeout,
    onIdleError: (error) => logger.warn('a connection to PostgreSQL broke', { error }),
  });
}

async function openBoard(config: BbbConfig, logger: Logger): Promise<Board> {
  if (config.redis_url === '') return new MemoryBoard();
  // Only those who use Redis pay for its client.
  const { RedisBoard } = await import('./store/redis-board.ts');
  const shared = RedisBoard.connect({ url: config.redis_url, prefix: config.redis_prefix });
  return new ResilientBoard(shared, (isDegraded) => {
    if (isDegraded) logger.warn('Redis is away: loads are counted per process');
    else logger.info('Redis is back');
  });
}

async function keptSecret(store: Store, onNew: GatewayOptions['onNewSecret']): Promise<Secret> {
  const { value, isNew } = await store.keep('api_secret', randomKey);
  if (isNew) onNew?.(value);
  return new Secret(value);
}

function randomKey(): string {
  return randomBytes(32).toString('hex');
}

/**
 * The admin HTTP listener: routes given by others, behind one door.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Address } from '../config/address.ts';
import type { Secret } from '../config/secret.ts';
import { type Logger, silentLogger } from '../log/log.ts';
import { type AdminAccess, denialOf, SECURITY_HEADERS } from './guard.ts';
import { assertReachable, bindListener, type BoundListener, closeListener } from './listener.ts';
import { type AdminContext, AdminRefusal, refusal } from './respond.ts';

export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/backends/:backend/servers/:server`. */
  readonly path: string;
  /** Default: `read` for GET, `write` for the others. */
  readonly access?: AdminAccess;
  /** May throw `AdminRefusal`; anything else that it throws is logged and answered with 500. */
  readonly handler: (context: AdminContext) => Response | Promise<Response>;
}

/** One static file of the console. */
export interface AdminAsset {
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** True when the name changes with the content, so that browsers may keep it for good. */
  readonly immutable?: boolean;
}

export interface AdminServerOptions {
  readonly routes: readonly AdminRoute[];
  /** Bearer token; without one every write over TCP is refused. */
  readonly token?: Secret | undefined;
  /** True: the routes look after tokens of their own, so remote clients may be allowed without `token`. */
  readonly hasOwnTokens?: boolean;
  /** False (default) refuses to listen on anything but loopback. True needs a token for reads too. */
  readonly allowRemote?: boolean;
  /** Static files by path, `/console/index.html`. Served to everybody who reaches the listener. */
  readonly assets?: ReadonlyMap<string, AdminAsset>;
  readonly logger?: Logger;
  /** Name of the setting that holds the address, for messages; default `listen_addr`. */
  readonly addressSetting?: string;
  /** Name of the setting for `allowRemote`, for messages; default `allow_remote`. */
  readonly remoteSetting?: string;
  /** Largest request body, in bytes; 64 KiB by default. */
  readonly bodyMaxBytes?: number;
}

const BODY_MAX_BYTES = 64 * 1024;

/** Clients of a unix socket have passed the file system's permissions (0600) and need no token. */
export class AdminServer {
  #options: AdminServerOptions;
  #app: App;
  #localApp: App;
  readonly #listeners: BoundListener[] = [];

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#app = createApp(options, false);
    this.#localApp = createApp(options, true);
  }

  /** Addresses that are bound. */
  get addresses(): readonly Address[] {
    return this.#listeners.map(({ address }) => address);
  }

  /**
   * Binds the address, in addition to those already bound.
   *
   * @returns The bound address, with the port that the system chose when it was 0.
   * @throws {AdminListenError} naming the address, the reason and how to choose another.
   */
  async listen(address: Address): Promise<Address> {
    const { allowRemote = false, token, hasOwnTokens = false } = this.#options;
    const { addressSetting: setting = 'listen_addr', remoteSetting = 'allow_remote' } =
      this.#options;
    const hasToken = hasOwnTokens || token !== undefined;
    assertReachable(address, { allowRemote, hasToken, setting, remoteSetting });
    const isLocal = address.kind === 'unix';
    const listener = await bindListener(address, {
      fetch: (request) => (isLocal ? this.#localApp : this.#app).fetch(request),
      setting,
    });
    this.#listeners.push(listener);
    return listener.address;
  }

  /** Answers a request without a socket; for tests and for listeners of one's own. */
  async fetch(request: Request): Promise<Response> {
    return this.#app.fetch(request);
  }

  /** Replaces routes, token, assets; bound addresses and open connections stay. */
  configure(options: AdminServerOptions): void {
    this.#app = createApp(options, false);
    this.#localApp = createApp(options, true);
    this.#options = options;
  }

  /**
   * Stops accepting, lets requests finish for `graceMs` (default 1000), then cuts the rest.
   *
   * @param address - One bound address; default: all of them.
   */
  async close(graceMs = 1000, address?: Address): Promise<void> {
    const closing = this.#listeners.filter(
      (listener) => address === undefined || listener.address === address,
    );
    for (const listener of closing) this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    await Promise.all(closing.map((listener) => closeListener(listener, graceMs)));
  }
}

type App = Hono;

function createApp(options: AdminServerOptions, isTrusted: boolean): App {
  const { routes, assets = new Map<string, AdminAsset>(), logger = silentLogger } = options;
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      if (!context.res.headers.has(name)) context.res.headers.set(name, value);
    }
  });
  app.onError((error, context) => {
    if (error instanceof AdminRefusal) return refusal(error.status, error.message);
    logger.error('admin request failed', { path: context.req.path, error });
    return refusal(500, 'internal error; the log has it');
  });
  app.notFound((context) => refusal(404, `nothing at ${context.req.path}`));

  const { bodyMaxBytes = BODY_MAX_BYTES } = options;
  const limit = bodyLimit({
    maxSize: bodyMaxBytes,
    onError: () => refusal(413, `the body has more than ${bodyMaxBytes} bytes`),
  });
  for (const route of [...routes, ...assetRoutes(assets)]) {
    const { method, path, handler, access = method === 'GET' ? 'read' : 'write' } = route;
    app.on(
      method,
      path,
      async (context, next) => {
        const guard = { token: options.token, allowRemote: options.allowRemote ?? false };
        const denial = isTrusted ? null : denialOf(context.req.raw, access, guard);
        if (denial === null) return next();
        const challenge = denial.status === 401 ? { 'www-authenticate': 'Bearer' } : undefined;
        return refusal(denial.status, denial.reason, challenge);
      },
      limit,
      handler,
    );
  }
  refuseOtherMethods(app, routes, assets);
  return app;
}

/** After all routes: a known path that none of them answered was asked with another method. */
function refuseOtherMethods(
  app: App,
  routes: readonly AdminRoute[],
  assets: ReadonlyMap<string, AdminAsset>,
): void {
  const methods = new Map<string, Set<string>>();
  const known = [...routes, ...[...assets.keys()].map((path) => ({ path, method: 'GET' }))];
  for (const { path, method } of known) {
    const allowed = methods.get(path) ?? new Set();
    allowed.add(method);
    if (method === 'GET') allowed.add('HEAD');
    methods.set(path, allowed);
  }
  for (const [path, allowed] of methods) {
    const allow = [...allowed].join(', ');
    app.all(path, (context) =>
      refusal(405, `${context.req.method} is not possible here; allowed: ${allow}`, { allow }),
    );
  }
}

function assetRoutes(assets: ReadonlyMap<string, AdminAsset>): AdminRoute[] {
  return [...assets].map(([path, asset]) => {
    const etag = `"${createHash('sha256').update(asset.body).digest('base64url').slice(0, 22)}"`;
    const headers = {
      'content-type': asset.contentType,
      'cache-control': asset.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag,
    };
    return {
      method: 'GET',
      path,
      access: 'open',
      handler: (context) =>
        context.req.header('if-none-match') === etag
          ? new Response(null, { status: 304, headers })
          : new Response(asset.body, { headers }),
    };
  });
}

/**
 * Events of servers on their way to the hooks of front-ends. Each server is given one address of the
 * gateway, and a second one if somebody wants raw events; what comes there and is signed is passed on.
 *
 * Source: BigBlueButton, "Webhooks".
 *
 * @module
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type ApiAnswer, emptyAnswer } from '../api/answer.ts';
import { type ApiRequest, readForm } from '../api/request.ts';
import { mapLimited } from '../concurrency.ts';
import type { GatewayContext } from '../context.ts';
import type { ServerRow } from '../store/servers.ts';
import { textOf } from '../sound-xml.ts';
import { derivedKey } from '../tokens.ts';
import { passOnEvents } from './hook-events.ts';
import { hookChecksum } from './sending.ts';

/** Begin of the path below the API. */
export const RELAY_PATH = 'hooks_relay/';

/** Servers forget hooks; this often each is told again. */
const TELL_EVERY_MS = 5 * 60_000;
/** One that did not listen is told again after so long. */
const TELL_AGAIN_MS = 60_000;
const SERVERS_AT_ONCE_MAX = 8;
const TOKEN = /^(mapped|raw)-([0-9a-f]{64})-(.+)$/;

/** Keeps servers told of where events go, while somebody wants them. */
export class HookRelays {
  /** When each server is told next, by server and kind. */
  readonly #tellAtMs = new Map<string, number>();
  readonly #hookIds = new Map<string, string>();

  /** Tells the servers that have to be told. Never rejects for what servers do. */
  async keep(context: GatewayContext): Promise<void> {
    const wanted = await context.store.hooks.wanted();
    if (wanted.length === 0 && this.#hookIds.size === 0) return;
    const servers = [...(await context.directory.servers()).values()].filter(
      (server) => server.is_online === 1 && server.state !== 'disabled',
    );
    const pairs = servers.flatMap((server) =>
      [false, true].map((isRaw) => ({
        server,
        isRaw,
        isWanted: wanted.some((one) => one.isRaw === isRaw),
      })),
    );
    await mapLimited(pairs, SERVERS_AT_ONCE_MAX, async ({ server, isRaw, isWanted }) => {
      if (isWanted) await this.#tell(context, server, isRaw);
      else await this.#untell(context, server, isRaw);
    });
  }

  async #tell(context: GatewayContext, server: ServerRow, isRaw: boolean): Promise<void> {
    const url = relayUrl(context, server.id, isRaw);
    const key = `${isRaw} ${server.id}`;
    const nowMs = performance.now();
    if (url === null || nowMs < (this.#tellAtMs.get(key) ?? 0)) return;
    this.#tellAtMs.set(key, nowMs + TELL_EVERY_MS);
    const answer = await context.upstream.call(server, 'hooks/create', [
      ['callbackURL', url],
      ['getRaw', String(isRaw)],
    ]);
    if (answer.kind === 'success') {
      this.#hookIds.set(key, textOf(answer.root, 'hookID'));
      return;
    }
    this.#tellAtMs.set(key, nowMs + TELL_AGAIN_MS);
    context.logger.warn('a server takes no hook', { server: server.id, outcome: answer.kind });
  }

  async #untell(context: GatewayContext, server: ServerRow, isRaw: boolean): Promise<void> {
    const key = `${isRaw} ${server.id}`;
    const hookId = this.#hookIds.get(key);
    if (hookId === undefined) return;
    this.#hookIds.delete(key);
    this.#tellAtMs.delete(key);
    await context.upstream.call(server, 'hooks/destroy', [['hookID', hookId]]);
  }
}

/** Takes an event of a server: 401 unless it is signed, else 200. */
export async function receiveHookEvent(
  context: GatewayContext,
  request: ApiRequest,
  token: string,
): Promise<ApiAnswer> {
  const [, kind = '', mac = '', serverId = ''] = TOKEN.exec(decoded(token)) ?? [];
  const isRaw = kind === 'raw';
  const server = (await context.directory.servers()).get(serverId);
  const url = relayUrl(context, serverId, isRaw);
  if (server === undefined || url === null || !isSame(mac, macOf(context, serverId, isRaw))) {
    return emptyAnswer(401);
  }
  const body = request.body.toString('utf8');
  const checksum = readForm(request.rawQuery).get('checksum') ?? '';
  if (!isSame(checksum, hookChecksum(url, body, server.secret))) return emptyAnswer(401);
  await passOnEvents(context, body, isRaw);
  return emptyAnswer(200);
}

/** The address that a server is given; null without an address of one's own. */
function relayUrl(context: GatewayContext, serverId: string, isRaw: boolean): string | null {
  const { url_host: host, public_url: publicUrl } = context.config();
  const base = host === '' ? publicUrl : `https://${host}`;
  if (base === '') return null;
  const token = `${isRaw ? 'raw' : 'mapped'}-${macOf(context, serverId, isRaw)}-${serverId}`;
  return `${base}/bigbluebutton/api/${RELAY_PATH}${encodeURIComponent(token)}`;
}

function macOf({ keyBase }: GatewayContext, serverId: string, isRaw: boolean): string {
  return createHmac('sha256', derivedKey(keyBase(), 'hook relay'))
    .update(`${isRaw} ${serverId}`)
    .digest('hex');
}

function isSame(actual: string, expected: string): boolean {
  const [a, b] = [Buffer.from(actual), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

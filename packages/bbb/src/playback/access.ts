/**
 * Who may see a protected recording: an address that opens once, and a cookie that it gives.
 *
 * @module
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { BbbConfig } from '../config/keys.ts';
import type { GatewayContext } from '../context.ts';
import { derivedKey, signToken, type TokenKey, verifyToken } from '../tokens.ts';

/** One format of one recording. */
export interface PlaybackTarget {
  readonly recordId: string;
  readonly format: string;
}

type AccessConfig = Pick<BbbConfig, 'protected_token_minutes' | 'protected_cookie_minutes'>;
type AccessContext = Pick<GatewayContext, 'keyBase' | 'nowMs'> & {
  readonly config: () => AccessConfig;
};

const NONCE_BYTES = 18;
const MINUTE_MS = 60_000;
const TOKEN = /^([\w-]{24})\.(\d{1,16})\.([\w-]{43})$/;

/**
 * A token that opens a recording once: random, its end, and a signature over both and over what it
 * opens. Making it writes nothing.
 */
export function issueToken(context: AccessContext, target: PlaybackTarget): string {
  const nonce = randomBytes(NONCE_BYTES).toString('base64url');
  const expiresAtMs = context.nowMs() + context.config().protected_token_minutes * MINUTE_MS;
  const expiry = String(Math.floor(expiresAtMs));
  return `${nonce}.${expiry}.${signatureOf(context, target, `${nonce}.${expiry}`)}`;
}

/** Uses a token up. @returns False if it is not right, not for this, too old, or was used. */
export async function redeemToken(
  context: AccessContext & Pick<GatewayContext, 'store'>,
  target: PlaybackTarget,
  token: string,
): Promise<boolean> {
  const [, nonce = '', expiry = '', signature = ''] = TOKEN.exec(token) ?? [];
  const expected = Buffer.from(signatureOf(context, target, `${nonce}.${expiry}`));
  const actual = Buffer.from(signature);
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) return false;
  const expiresAtMs = Number(expiry);
  if (expiresAtMs <= context.nowMs()) return false;
  return context.store.usedTokens.use(nonce, expiresAtMs);
}

/** The `Set-Cookie` that lets a browser load the files of a recording. */
export async function accessCookie(
  context: AccessContext,
  target: PlaybackTarget,
  userAgent: string,
): Promise<string> {
  const minutes = context.config().protected_cookie_minutes;
  const exp = Math.floor((context.nowMs() + minutes * MINUTE_MS) / 1000);
  const token = await signToken({ sub: pathOf(target), exp }, cookieKey(context));
  const sameSite = refusesSameSiteNone(userAgent) ? '' : '; SameSite=None';
  return `${cookieName(target)}=${token}; Path=${pathOf(target)}; Secure; HttpOnly${sameSite}`;
}

/** True if one of the cookies opens the files of a recording. */
export async function hasAccess(
  context: AccessContext,
  target: PlaybackTarget,
  cookieHeader: string,
): Promise<boolean> {
  const name = cookieName(target);
  for (const pair of cookieHeader.split(';')) {
    const split = pair.indexOf('=');
    if (pair.slice(0, split).trim() !== name) continue;
    const payload = await verifyToken(
      pair.slice(split + 1).trim(),
      cookieKey(context),
      context.nowMs(),
    );
    if (payload?.['sub'] === pathOf(target)) return true;
  }
  return false;
}

function pathOf({ recordId, format }: PlaybackTarget): string {
  return `/${format}/${recordId}`;
}

function cookieName({ recordId, format }: PlaybackTarget): string {
  return `recording_${format}_${recordId}`;
}

function signatureOf(context: AccessContext, target: PlaybackTarget, text: string): string {
  return createHmac('sha256', derivedKey(context.keyBase(), 'playback token'))
    .update(`${pathOf(target)} ${text}`)
    .digest('base64url');
}

/** Scalelite's: cookies that it gave stay good. */
function cookieKey(context: AccessContext): TokenKey {
  return { secret: context.keyBase(), algorithm: 'HS256' };
}

/**
 * Browsers that drop cookies with `SameSite=None`, or take it for `Strict`.
 *
 * Source: Chromium project, "SameSite=None: Known Incompatible Clients".
 */
export function refusesSameSiteNone(userAgent: string): boolean {
  const version = (pattern: RegExp): number[] =>
    (pattern.exec(userAgent)?.slice(1) ?? []).map(Number);
  if (/\(iP.+; CPU .*OS 12[_\d]*.*\) AppleWebKit\//.test(userAgent)) return true;
  if (/\(Macintosh;.*Mac OS X 10_14[_\d]*.*\) AppleWebKit\//.test(userAgent)) {
    const isSafari = /Version\/.* Safari\//.test(userAgent) && !/Chrom(e|ium)/.test(userAgent);
    const isEmbedded =
      /^Mozilla\/[.\d]+ \(Macintosh;.*Mac OS X [_\d]+\) AppleWebKit\/[.\d]+ \(KHTML, like Gecko\)$/.test(
        userAgent,
      );
    return isSafari || isEmbedded;
  }
  const ucBrowser = version(/UCBrowser\/(\d+)\.(\d+)\.(\d+)/);
  if (ucBrowser.length > 0) return isBelow(ucBrowser, [12, 13, 2]);
  const [chrome] = version(/Chrom(?:e|ium)\/(\d+)/);
  return chrome !== undefined && chrome >= 51 && chrome <= 66;
}

function isBelow(version: readonly number[], limit: readonly number[]): boolean {
  for (const [i, part] of limit.entries()) {
    const own = version[i] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
}

/**
 * What people watch: the entrance of a recording, its files, its captions, and the player. Whatever
 * may not be seen is a page that says nothing more than that it was not found.
 *
 * @module
 */
import { type ApiAnswer, emptyAnswer } from '../api/answer.ts';
import { type ApiRequest, headerOf, readForm } from '../api/request.ts';
import type { GatewayContext } from '../context.ts';
import type { RecordingRow } from '../store/recording-rows.ts';
import { isReachable } from '../tenants/visible.ts';
import { accessCookie, hasAccess, type PlaybackTarget, redeemToken } from './access.ts';
import { answerFile, type FileAnswer, openBelow } from './static-file.ts';

/** A small answer, or a file. */
export type PlaybackAnswer =
  | ApiAnswer
  | (FileAnswer & { readonly result: string; readonly serverId?: never });

/** Formats that a browser shows; what others hold is saved. */
const SHOWN_FORMATS = new Set(['presentation', 'video', 'screenshare']);
const PLAYER = ['playback', 'presentation', '2.3'];
const OLD_PLAYER = '/playback/presentation/2.0/playback.html';
const INDEX = 'index.html';
const NOSNIFF = { 'x-content-type-options': 'nosniff' } as const;

/** Answers what is playback's; null for any other path or method. */
export async function answerPlayback(
  context: GatewayContext,
  request: ApiRequest,
): Promise<PlaybackAnswer | null> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return null;
  const names = request.path.split('/').slice(1);
  const [first = ''] = names;
  const { recordings_playback_formats: formats } = context.config();
  const isOurs = ['recording', 'playback', 'textTrack', ...formats].includes(first);
  if (!isOurs || names.length < 2) return null;
  const parts = names.map(decodedName);
  if (!context.config().recordings_enabled || !parts.every((part) => part !== null)) {
    return notFound();
  }
  if (first === 'playback') return player(context, request, parts);
  if (first === 'textTrack') return textTrack(context, request, parts);
  if (first === 'recording') return entrance(context, request, parts);
  return recordingFile(context, request, parts);
}

/** A name of a path; null for one that could mean another place. */
function decodedName(name: string): string | null {
  try {
    const decoded = decodeURIComponent(name);
    return decoded === '.' || decoded === '..' || /[/\\\0]/.test(decoded) ? null : decoded;
  } catch {
    return null;
  }
}

/** `/recording/<recordID>/<format>`: to the recording, with a cookie if it is protected. */
async function entrance(
  context: GatewayContext,
  request: ApiRequest,
  parts: readonly string[],
): Promise<PlaybackAnswer> {
  const [, recordId = '', format = '', ...rest] = parts;
  if (recordId === 'screenshare') return redirectTo(`/screenshare/${format}`, 307);
  if (rest.some((part) => part !== '')) return notFound();
  const row = await visibleRow(context, request, recordId);
  const url = row && (await context.store.recordings.formatUrl(row, format));
  if (!row || !url || !/^(\/(?!\/)|https?:\/\/)/.test(url)) return notFound();
  if (!isGuarded(context, row)) return redirectTo(url, 307);
  // Whoever only looks at the address must not use it up.
  if (request.method === 'HEAD') return notFound();
  const target = { recordId, format };
  const token = readForm(request.rawQuery).get('token') ?? '';
  if (!(await redeemToken(context, target, token))) return notFound();
  const cookie = await accessCookie(context, target, headerOf(request, 'user-agent'));
  return redirectTo(url, 307, { 'set-cookie': cookie, 'cache-control': 'no-store' });
}

/** `/<format>/<recordID>/…` */
async function recordingFile(
  context: GatewayContext,
  request: ApiRequest,
  [format = '', recordId = '', ...inner]: readonly string[],
): Promise<PlaybackAnswer> {
  const row = await visibleRow(context, request, recordId);
  if (row === null || !(await mayLoad(context, request, row, { recordId, format }))) {
    return notFound();
  }
  const headers = {
    ...NOSNIFF,
    // A cache in between must not show one person what another may see.
    'cache-control': isGuarded(context, row) ? 'private, no-store' : 'no-cache',
    ...(!SHOWN_FORMATS.has(format) && { 'content-disposition': 'attachment' }),
  };
  if (inner.length === 0) return redirectTo(`${request.path}/`, 301);
  const isIndex = inner.at(-1) === '';
  const parts = isIndex ? [...inner.slice(0, -1), INDEX] : inner;
  if (parts.includes('')) return notFound();
  const { accel_redirect_prefix: prefix } = context.config();
  if (prefix !== '') {
    const path = [format, recordId, ...parts].map(encodeURIComponent).join('/');
    return emptyAnswer(200, { ...headers, 'x-accel-redirect': `${prefix}/${path}` });
  }
  const folder = context.recordings.trees.path('published', format, recordId);
  return fileBelow(folder, parts, { request, headers });
}

/** `/textTrack/<recordID>/<kind>_<lang>.vtt` */
async function textTrack(
  context: GatewayContext,
  request: ApiRequest,
  [, recordId = '', file = '', ...rest]: readonly string[],
): Promise<PlaybackAnswer> {
  const [, kind, lang] = /^(subtitles|captions)_([A-Za-z0-9-]+)\.vtt$/.exec(file) ?? [];
  if (kind === undefined || lang === undefined || rest.length > 0) return notFound();
  const row = await visibleRow(context, request, recordId);
  if (row === null) return notFound();
  const formats = await context.store.recordings.formatTypes(row);
  const allowed = await Promise.all(
    formats.map(async (format) => mayLoad(context, request, row, { recordId, format })),
  );
  if (isGuarded(context, row) && !allowed.includes(true)) return notFound();
  const content = await context.store.textTracks.find({ recording_id: row.id, kind, lang });
  if (content === undefined) return notFound();
  const headers = { ...NOSNIFF, 'content-type': 'text/vtt; charset=utf-8' };
  return { ...emptyAnswer(200, { ...headers, 'cache-control': 'no-cache' }), body: content };
}

/** `/playback/…`: the player, and addresses of players that there were before. */
async function player(
  context: GatewayContext,
  request: ApiRequest,
  parts: readonly string[],
): Promise<PlaybackAnswer> {
  if (request.path === OLD_PLAYER) {
    const meetingId = readForm(request.rawQuery).get('meetingId') ?? '';
    if (meetingId === '') return notFound();
    return redirectTo(`/${PLAYER.join('/')}/${encodeURIComponent(meetingId)}`, 301);
  }
  const [, second, third = ''] = parts;
  if (second === 'video') return redirectTo(`/video/${encodeURIComponent(third)}`, 307);
  const { player_dir: folder } = context.config();
  const isPlayer = PLAYER.every((part, i) => part === parts[i]);
  if (!isPlayer || folder === '') return notFound();
  const inner = parts.slice(PLAYER.length).filter((part) => part !== '');
  const options = { request, headers: { ...NOSNIFF, 'cache-control': 'no-cache' } };
  const found = inner.length === 0 ? null : await openBelow(folder, inner);
  if (found !== null && found !== 'folder') return fileAnswer(found, inner.at(-1)!, options);
  return fileBelow(folder, [INDEX], options);
}

/** A recording that is published and reachable under the host; null for any other. */
async function visibleRow(
  context: GatewayContext,
  { host }: ApiRequest,
  recordId: string,
): Promise<RecordingRow | null> {
  const row = await context.store.recordings.find(recordId);
  if (row === undefined || !row.isPublished || row.state === 'deleted') return null;
  return (await isReachable(context, row.tenantId, host)) ? row : null;
}

function isGuarded({ config }: GatewayContext, row: RecordingRow): boolean {
  return config().protected_enabled && row.isProtected;
}

async function mayLoad(
  context: GatewayContext,
  request: ApiRequest,
  row: RecordingRow,
  target: PlaybackTarget,
): Promise<boolean> {
  return !isGuarded(context, row) || hasAccess(context, target, headerOf(request, 'cookie'));
}

interface FileOptions {
  readonly request: ApiRequest;
  readonly headers: Readonly<Record<string, string>>;
}

async function fileBelow(
  folder: string,
  parts: readonly string[],
  options: FileOptions,
): Promise<PlaybackAnswer> {
  const found = await openBelow(folder, parts);
  if (found === 'folder') return redirectTo(`${options.request.path}/`, 301);
  return found === null ? notFound() : fileAnswer(found, parts.at(-1)!, options);
}

async function fileAnswer(
  found: Exclude<Awaited<ReturnType<typeof openBelow>>, 'folder' | null>,
  name: string,
  { request, headers }: FileOptions,
): Promise<PlaybackAnswer> {
  const answer = await answerFile(found, {
    name,
    conditions: {
      ifNoneMatch: headerOf(request, 'if-none-match'),
      ifModifiedSince: headerOf(request, 'if-modified-since'),
      ifRange: headerOf(request, 'if-range'),
      range: headerOf(request, 'range'),
    },
  });
  return { ...answer, headers: { ...headers, ...answer.headers }, result: String(answer.status) };
}

function redirectTo(
  location: string,
  status: 301 | 307,
  headers: Readonly<Record<string, string>> = {},
): ApiAnswer {
  return emptyAnswer(status, { location: sound(location), ...headers });
}

/** Without what cannot stand in a header. */
function sound(location: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it takes out
  return location.replaceAll(/[^\u0021-\u007e]/g, (sign) => encodeURIComponent(sign));
}

const NOT_FOUND_PAGE =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Not found</title><h1>Not found</h1><p>There is no such recording.</p></html>\n';

function notFound(): ApiAnswer {
  const headers = {
    ...NOSNIFF,
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
  };
  return { ...emptyAnswer(404, headers), body: NOT_FOUND_PAGE };
}

/**
 * The calls about captions. They speak JSON, also about their failures.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from '@balancer/kit';
import type { GatewayContext } from '../../context.ts';
import type { RecordingRow } from '../../store/recording-rows.ts';
import { treeOf } from '../../recordings/library.ts';
import type { ApiAnswer } from '../answer.ts';
import { type ApiCall } from '../call.ts';
import { toVtt } from '../text-track.ts';

/** A track as front-ends see it. */
interface TrackView {
  readonly href: string;
  readonly kind: string;
  readonly label: string;
  readonly lang: string;
  readonly source: 'upload' | 'live';
}

const KINDS = new Set(['subtitles', 'captions']);
/** The shape of BCP 47, section 2.1: subtags of one to eight letters or digits. */
const LANGUAGE = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/;
const SHIPPED_FORMAT = 'presentation';
const SHIPPED_MAX = 100;
const LABEL_MAX = 255;

const shippedSchema = z.array(
  z.object({ locale: z.string().regex(/^[A-Za-z0-9_-]{1,35}$/), localeName: z.string() }),
);

/** `getRecordingTextTracks`. */
export async function getRecordingTextTracks(
  context: GatewayContext,
  call: ApiCall,
): Promise<ApiAnswer> {
  if (!context.config().recordings_enabled) return noRecordings();
  const recordId = call.parameters.get('recordID') ?? '';
  if (recordId === '') return failedJson('missingParamRecordID', 'You must specify a record ID.');
  const row = await findOwn(context, call, recordId);
  if (row === null) return noRecordings();
  const uploaded = await context.store.textTracks.list(row.id);
  const { origin } = call.request;
  const tracks: TrackView[] = [
    ...uploaded.map(({ kind, lang, label }): TrackView => ({
      href: `${origin}/textTrack/${recordId}/${kind}_${lang}.vtt`,
      kind,
      label,
      lang,
      source: 'upload',
    })),
    ...(await shippedTracks(context, row, origin)),
  ];
  return json({ returncode: 'SUCCESS', tracks }, 'SUCCESS');
}

/** `putRecordingTextTrack`. */
export async function putRecordingTextTrack(
  context: GatewayContext,
  call: ApiCall,
): Promise<ApiAnswer> {
  if (!context.config().recordings_enabled) return noRecordings();
  const [recordId, kind, lang, label] = ['recordID', 'kind', 'lang', 'label'].map(
    (name) => call.parameters.get(name) ?? '',
  ) as [string, string, string, string];
  if ([recordId, kind, lang, label].includes('')) {
    return failedJson('paramError', 'recordID, kind, lang and label are needed.');
  }
  if (!KINDS.has(kind)) return failedJson('invalidKind', 'kind must be subtitles or captions.');
  if (!LANGUAGE.test(lang)) return failedJson('invalidLang', 'lang must be a language tag.');
  const row = await findOwn(context, call, recordId);
  if (row === null) return noRecordings();
  const content = call.file === null ? null : toVtt(call.file);
  if (content === null) {
    return failedJson('empty_uploaded_text_track', 'No track was found in the upload.');
  }
  const name = label.replaceAll('\0', '').slice(0, LABEL_MAX);
  const track = { recording_id: row.id, kind, lang, label: name, content };
  if (!(await context.store.textTracks.put(track))) return noRecordings();
  return json(
    {
      returncode: 'SUCCESS',
      recordId,
      messageKey: 'upload_text_track_success',
      message: 'Text track uploaded successfully',
    },
    'SUCCESS',
  );
}

/** A failure as these calls tell it. */
export function failedJson(messageKey: string, message: string): ApiAnswer {
  return json({ returncode: 'FAILED', messageKey, message }, messageKey);
}

function noRecordings(): ApiAnswer {
  return failedJson('noRecordings', 'No recording was found');
}

async function findOwn(
  { store }: GatewayContext,
  { caller }: ApiCall,
  recordId: string,
): Promise<RecordingRow | null> {
  const row = await store.recordings.find(recordId);
  if (row === undefined || row.state === 'deleted') return null;
  return caller.tenant === null || row.tenantId === caller.tenant.row.id ? row : null;
}

/** Captions that came with the recording, written while the meeting went on. */
async function shippedTracks(
  { recordings }: GatewayContext,
  { recordId, isPublished }: RecordingRow,
  origin: string,
): Promise<TrackView[]> {
  const folder = recordings.trees.path(treeOf(isPublished), SHIPPED_FORMAT, recordId);
  let content: string;
  try {
    content = await readFile(join(folder, 'captions.json'), 'utf8');
  } catch {
    return [];
  }
  const captions = shippedSchema.safeParse(parsed(content));
  if (!captions.success) return [];
  return captions.data.slice(0, SHIPPED_MAX).map(({ locale, localeName }) => ({
    href: `${origin}/${SHIPPED_FORMAT}/${recordId}/caption_${locale}.vtt`,
    kind: 'subtitles',
    label: localeName,
    lang: locale,
    source: 'live',
  }));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function json(response: object, result: string): ApiAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, no-store' },
    body: JSON.stringify({ response }),
    result,
  };
}

/**
 * The calls about recordings. They are answered from the index; no server is asked.
 *
 * @module
 */
import { messageOf } from '@balancer/kit';
import type { GatewayContext } from '../../context.ts';
import { issueToken } from '../../playback/access.ts';
import type {
  MetadataFilter,
  RecordingFilter,
  RecordingPage,
} from '../../store/recording-filter.ts';
import type { RecordingRow } from '../../store/recording-rows.ts';
import { type ApiAnswer, failed, succeeded } from '../answer.ts';
import { type ApiCall } from '../call.ts';
import { recordingsXml } from '../recordings-xml.ts';
import type { ApiParameters } from '../request.ts';
import { element } from '../xml.ts';

const META = 'meta_';
const LIMIT_MAX = 100;
const STATES = new Set(['processing', 'processed', 'published', 'unpublished', 'deleted']);
const STATES_BY_DEFAULT = ['published', 'unpublished'];
/** Names that become keys of the metadata. */
const KEY = /^[a-z][a-z0-9._-]*$/;
/** Keys that name a tenant are not a front-end's to change. */
const TENANT_KEYS = new Set(['tenant-id', 'tenant-name']);

/** `getRecordings`. */
export async function getRecordings(context: GatewayContext, call: ApiCall): Promise<ApiAnswer> {
  const config = context.config();
  if (!config.recordings_enabled) return noRecordings();
  const { parameters, request } = call;
  const isFiltered = parameters.get('recordID') || parameters.get('meetingID');
  if (config.get_recordings_filtered && !isFiltered) return failed('missingParameters');

  const { recordings } = context.store;
  const filter = filterOf(context, call);
  const page = pageOf(parameters);
  const found = await recordings.list(filter, page);
  const total = page === null ? '' : element('totalElements', await recordings.count(filter));
  if (found.length === 0) return noRecordings(total);
  const xml = recordingsXml(found, {
    origin: request.origin,
    protectedUrl: config.protected_enabled
      ? (recordId, format) => {
          const token = issueToken(context, { recordId, format });
          return `${request.origin}/recording/${recordId}/${format}?token=${token}`;
        }
      : null,
  });
  return succeeded(`${xml}${total}`);
}

/** `publishRecordings`. */
export async function publishRecordings(
  context: GatewayContext,
  call: ApiCall,
): Promise<ApiAnswer> {
  if (!context.config().recordings_enabled) return notFound();
  const ids = listOf(call.parameters.get('recordID'));
  if (ids.length === 0) return failed('missingParamRecordID');
  const publish = call.parameters.get('publish') ?? '';
  if (publish === '') return failed('missingParamPublish');
  const isPublished = publish.toLowerCase() === 'true';
  const rows = (await ownRows(context, call, ids)).filter(
    ({ state }) => state === 'published' || state === 'unpublished',
  );
  if (rows.length === 0) return notFound();
  for (const { recordId } of rows) {
    try {
      const outcome = await context.recordings.setPublished(recordId, isPublished);
      if (outcome === 'missing') return failed('internalError', 'The recording has no files.');
    } catch (error) {
      context.logger.error('a recording could not be moved', { recordId, error: messageOf(error) });
      return failed('internalError');
    }
  }
  return succeeded(element('published', isPublished));
}

/** `updateRecordings`: all that are named, or nothing. */
export async function updateRecordings(context: GatewayContext, call: ApiCall): Promise<ApiAnswer> {
  if (!context.config().recordings_enabled) return notFound();
  const ids = listOf(call.parameters.get('recordID'));
  if (ids.length === 0) return failed('missingParamRecordID');
  const metadata = metadataChange(call.parameters);
  const protect = call.parameters.get('protect')?.toLowerCase();
  const isProtected = protect === 'true' || protect === 'false' ? protect === 'true' : undefined;
  const rows = (await ownRows(context, call, ids)).filter(({ state }) => state !== 'deleted');
  const isUsable = metadata.size > 0 || isProtected !== undefined;
  if (!isUsable || rows.length < ids.length) return succeeded(element('updated', false));
  const isUpdated = await context.store.recordings.update(rows, {
    metadata,
    ...(isProtected !== undefined && { isProtected }),
  });
  return succeeded(element('updated', isUpdated));
}

/** `deleteRecordings`. */
export async function deleteRecordings(context: GatewayContext, call: ApiCall): Promise<ApiAnswer> {
  if (!context.config().recordings_enabled) return notFound();
  const ids = listOf(call.parameters.get('recordID'));
  if (ids.length === 0) return failed('missingParamRecordID');
  const rows = await ownRows(context, call, ids);
  if (rows.length === 0) return notFound();
  for (const { recordId } of rows) await context.recordings.delete(recordId);
  return succeeded(element('deleted', true));
}

/** True while the calls look at no checksum. */
export function areRecordingsOff({ config }: GatewayContext): boolean {
  return !config().recordings_enabled;
}

/** The recordings of a list of ids that are the caller's. */
async function ownRows(
  { store }: GatewayContext,
  { caller }: ApiCall,
  ids: readonly string[],
): Promise<RecordingRow[]> {
  const rows = await store.recordings.rows(ids);
  return rows.filter(({ tenantId }) => caller.tenant === null || tenantId === caller.tenant.row.id);
}

function filterOf({ config }: GatewayContext, { parameters, caller }: ApiCall): RecordingFilter {
  const recordIds = listOf(parameters.get('recordID'));
  const meetingIds = listOf(parameters.get('meetingID'));
  const states = statesOf(parameters.get('state'));
  return {
    ...(recordIds.length > 0 && { recordIdPrefixes: recordIds }),
    ...(meetingIds.length > 0 && { meetingIds }),
    ...(states !== null && { states }),
    ...(caller.tenant !== null && { tenantId: caller.tenant.row.id }),
    metadata: metadataFilters(parameters),
    metadataMatch: config().get_recordings_meta_match,
  };
}

/** Null: any. States that there are none of match nothing. */
function statesOf(value: string | undefined): readonly string[] | null {
  const states = listOf(value);
  if (states.length === 0) return STATES_BY_DEFAULT;
  return states.includes('any') ? null : states.filter((state) => STATES.has(state));
}

function metadataFilters(parameters: ApiParameters): MetadataFilter[] {
  return [...parameters].flatMap(([name, value]) => {
    const key = name.slice(META.length);
    const values = listOf(value);
    const isFilter = name.startsWith(META) && key !== '' && values.length > 0;
    return isFilter ? [{ key, values }] : [];
  });
}

function metadataChange(parameters: ApiParameters): Map<string, string | null> {
  const change = new Map<string, string | null>();
  for (const [name, value] of parameters) {
    if (!name.startsWith(META)) continue;
    const key = name.slice(META.length).toLowerCase();
    if (KEY.test(key) && !TENANT_KEYS.has(key))
      change.set(key, value === '' ? null : storable(value));
  }
  return change;
}

/** PostgreSQL's text cannot hold it, and XML could not show it. */
function storable(text: string): string {
  return text.replaceAll('\0', '');
}

/** Null: everything. */
function pageOf(parameters: ApiParameters): RecordingPage | null {
  const limit = wholeNumber(parameters.get('limit'));
  if (limit === null || limit < 1 || limit > LIMIT_MAX) return null;
  return { limit, offset: wholeNumber(parameters.get('offset')) ?? 0 };
}

function wholeNumber(text: string | undefined): number | null {
  return /^\d{1,9}$/.test(text ?? '') ? Number(text) : null;
}

/** The words of a list with commas, each once. */
function listOf(value: string | undefined): string[] {
  const words = (value ?? '').split(',').map((word) => word.trim());
  return [...new Set(words.filter((word) => word !== ''))];
}

function noRecordings(total = ''): ApiAnswer {
  const message = element('message', 'There are no recordings for the meeting(s).');
  return succeeded(`<recordings/>${element('messageKey', 'noRecordings')}${message}${total}`);
}

function notFound(): ApiAnswer {
  return failed('notFound', 'We could not find the recordings.');
}

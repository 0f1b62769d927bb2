/**
 * The recording calls as they answer while recordings are switched off.
 *
 * @module
 */
import { type ApiAnswer, failed, succeeded } from '../answer.ts';
import { element } from '../xml.ts';

/** `getRecordings`. */
export async function noRecordings(): Promise<ApiAnswer> {
  const message = element('message', 'There are no recordings for the meeting(s).');
  return succeeded(`<recordings/>${element('messageKey', 'noRecordings')}${message}`);
}

/** `publishRecordings`, `updateRecordings`, `deleteRecordings`. */
export async function recordingNotFound(): Promise<ApiAnswer> {
  return failed('notFound', 'We could not find the recordings.');
}

/** `getRecordingTextTracks`, `putRecordingTextTrack`: these speak JSON. */
export async function noTextTracks(): Promise<ApiAnswer> {
  const response = {
    returncode: 'FAILED',
    messageKey: 'noRecordings',
    message: 'No recording was found',
  };
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, no-store' },
    body: JSON.stringify({ response }),
    result: 'noRecordings',
  };
}

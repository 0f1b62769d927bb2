/**
 * Tells a front-end that a recording of its meeting is there.
 *
 * @module
 */
import type { GatewayContext } from '../context.ts';
import type { RecordingRow } from '../store/recording-rows.ts';

/**
 * Queues the call for an imported archive, if the meeting's create asked for one.
 *
 * @param fingerprint - Of the archive: for one archive the call is queued once.
 */
export async function announceRecording(
  { store, notifier }: GatewayContext,
  { recordId, meetingId, tenantId }: RecordingRow,
  fingerprint: string,
): Promise<void> {
  const { recordingReadyUrl } = await store.callbacks.find({ meetingId, tenantId });
  if (recordingReadyUrl === undefined) return;
  await notifier.add({
    id: `ready-${fingerprint}`,
    kind: 'recording-ready',
    tenant_id: tenantId,
    method: 'POST',
    url: recordingReadyUrl,
    payload: JSON.stringify({ meeting_id: meetingId, record_id: recordId }),
  });
}

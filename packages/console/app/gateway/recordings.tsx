/**
 * Recordings, the archives on their way in, and the calls on their way out.
 *
 * @module
 */
import type { ComponentChildren, JSX } from 'preact';
import type { DeliveryView, ImportList, RecordingList, RecordingView } from '@balancer/bbb';
import { formatBytes, formatCount, formatCounted } from '../../src/format.ts';
import { useGateway } from './context.ts';

/** What the part shows. */
export interface RecordingsReading {
  readonly list: RecordingList;
  readonly imports: ImportList;
  readonly deliveries: readonly DeliveryView[];
}

export function Recordings({ list, imports, deliveries }: RecordingsReading): JSX.Element {
  const gateway = useGateway();
  const { recordings, total } = list;
  const owed = deliveries.filter(({ state }) => state === 'pending' || state === 'failed');
  return (
    <section aria-label="Recordings">
      <div class="tools">
        <input
          type="search"
          placeholder="Name, meeting or recording"
          aria-label="Find a recording"
          value={gateway.recordingText.value}
          onInput={(event) => gateway.findRecordings(event.currentTarget.value)}
        />
        <span class="quiet push">
          {recordings.length < total
            ? `the newest ${formatCount(recordings.length)} of ${formatCount(total)}`
            : formatCounted(total, 'recording')}
        </span>
      </div>
      <Archives imports={imports} />
      {owed.length > 0 && <Deliveries deliveries={owed} />}
      {recordings.length === 0 ? (
        <p class="card empty">
          {gateway.recordingText.value === '' ? 'No recordings yet.' : 'None fits.'}
        </p>
      ) : (
        <List headings={['Recording', 'Recorded', 'Length', 'Size', 'State']}>
          {recordings.map((recording) => (
            <Row key={recording.record_id} recording={recording} />
          ))}
        </List>
      )}
    </section>
  );
}

function Row({ recording }: { readonly recording: RecordingView }): JSX.Element {
  const gateway = useGateway();
  const { record_id: id, name, state, published } = recording;
  const minutes = Math.max(0, ...recording.formats.map((format) => format.length_minutes));
  const isChangeable = gateway.may('operate') && state !== 'deleted';
  const shown = name || recording.meeting_id;
  const begun = new Date(recording.started_at);
  return (
    <tr data-recording={id}>
      <th scope="row">
        {shown}
        {recording.protected && <span class="pill">protected</span>}
        <small class="quiet">{recording.formats.map(({ type }) => type).join(', ')}</small>
      </th>
      <td data-label="Recorded" title={begun.toLocaleString()}>
        {begun.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}
      </td>
      <td data-label="Length">{minutes} min</td>
      <td data-label="Size">{formatBytes(recording.size_bytes)}</td>
      <td data-label="State">
        <span class={`pill ${published ? 'up' : 'off'}`}>{state}</span>
      </td>
      <td class="orders">
        {isChangeable && (
          <>
            <button
              type="button"
              aria-label={`${published ? 'Unpublish' : 'Publish'} ${shown}`}
              onClick={() => void gateway.publish(recording, !published)}
            >
              {published ? 'unpublish' : 'publish'}
            </button>
            <button
              type="button"
              class="kill"
              aria-label={`Delete ${shown}`}
              onClick={() => void gateway.deleteRecording(recording)}
            >
              delete
            </button>
          </>
        )}
      </td>
    </tr>
  );
}

function Archives({ imports }: { readonly imports: ImportList }): JSX.Element | null {
  const gateway = useGateway();
  const { current, waiting, failed } = imports;
  if (current === null && waiting.length === 0 && failed.length === 0) return null;
  return (
    <>
      <p class="quiet note">
        {current !== null && `Importing ${current}. `}
        {waiting.length > 0 && `${formatCounted(waiting.length, 'archive')} waiting. `}
        {failed.length > 0 && `${formatCounted(failed.length, 'archive')} put aside:`}
      </p>
      {failed.length > 0 && (
        <List headings={['Archive', 'Reason']}>
          {failed.map(({ file, reason }) => (
            <tr key={file} data-archive={file}>
              <th scope="row">{file}</th>
              <td data-label="Reason" class="failed">
                {reason}
              </td>
              <td class="orders">
                {gateway.may('operate') && (
                  <button
                    type="button"
                    aria-label={`Retry ${file}`}
                    onClick={() => void gateway.retryImport(file)}
                  >
                    retry
                  </button>
                )}
              </td>
            </tr>
          ))}
        </List>
      )}
    </>
  );
}

function Deliveries({ deliveries }: { readonly deliveries: readonly DeliveryView[] }): JSX.Element {
  const gateway = useGateway();
  return (
    <List headings={['Owed to', 'What', 'Tries', 'Last error']}>
      {deliveries.map((delivery) => (
        <tr key={delivery.id}>
          <th scope="row">{delivery.host}</th>
          <td data-label="What">{delivery.kind}</td>
          <td data-label="Tries">{delivery.attempts}</td>
          <td data-label="Last error" class="failed">
            {delivery.last_error || '–'}
          </td>
          <td class="orders">
            {gateway.may('operate') && (
              <button
                type="button"
                aria-label={`Retry ${delivery.host}`}
                onClick={() => void gateway.retryDelivery(delivery)}
              >
                retry
              </button>
            )}
          </td>
        </tr>
      ))}
    </List>
  );
}

function List({
  headings,
  children,
}: {
  readonly headings: readonly string[];
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="card">
      <table class="list">
        <thead>
          <tr>
            {headings.map((heading) => (
              <th key={heading}>{heading}</th>
            ))}
            <th />
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/**
 * The meetings that have a record.
 *
 * @module
 */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { MeetingView, TenantView } from '@balancer/bbb';
import { formatAge, formatCounted } from '../../src/format.ts';
import { useGateway } from './context.ts';

/** Rows that are drawn at a time: a page of thousands would stutter with every refresh. */
const ROWS_STEP = 100;

export function Meetings({
  meetings,
  tenants,
}: {
  readonly meetings: readonly MeetingView[];
  readonly tenants: readonly TenantView[];
}): JSX.Element {
  const [filter, setFilter] = useState('');
  const [rows, setRows] = useState(ROWS_STEP);
  const names = new Map(tenants.map(({ id, name }) => [id, name]));
  const wanted = filter.trim().toLowerCase();
  const found = meetings.filter((meeting) =>
    [
      meeting.meeting_id,
      meeting.server_id,
      meeting.voice_bridge,
      names.get(meeting.tenant_id) ?? '',
    ].some((text) => text.toLowerCase().includes(wanted)),
  );
  const hasTenants = meetings.some(({ tenant_id: tenant }) => tenant !== '');
  return (
    <section aria-label="Meetings">
      <div class="tools">
        <input
          type="search"
          placeholder="Meeting, server, tenant or dial-in number"
          aria-label="Find a meeting"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="quiet push">{formatCounted(found.length, 'meeting')}</span>
      </div>
      {found.length === 0 ? (
        <p class="card empty">{meetings.length === 0 ? 'No meetings now.' : 'None fits.'}</p>
      ) : (
        <div class="card">
          <table class="list">
            <thead>
              <tr>
                <th>Meeting</th>
                <th>Server</th>
                {hasTenants && <th>Tenant</th>}
                <th>Dial-in</th>
                <th>Begun</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {found.slice(0, rows).map((meeting) => (
                <Row
                  key={meeting.id}
                  meeting={meeting}
                  tenant={hasTenants ? (names.get(meeting.tenant_id) ?? '') : null}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {found.length > rows && (
        <p class="more">
          <button type="button" onClick={() => setRows(rows + ROWS_STEP)}>
            Show more
          </button>
        </p>
      )}
    </section>
  );
}

function Row({
  meeting,
  tenant,
}: {
  readonly meeting: MeetingView;
  readonly tenant: string | null;
}): JSX.Element {
  const gateway = useGateway();
  const ageSeconds = (gateway.clock.nowMs() - Date.parse(meeting.created_at)) / 1000;
  return (
    <tr data-meeting={meeting.meeting_id}>
      <th scope="row">
        {meeting.meeting_id}
        {meeting.status === 'pending' && <span class="pill wait">being created</span>}
      </th>
      <td data-label="Server">{meeting.server_id}</td>
      {tenant !== null && <td data-label="Tenant">{tenant || '–'}</td>}
      <td data-label="Dial-in" class="number">
        {meeting.voice_bridge}
      </td>
      <td data-label="Begun" title={new Date(meeting.created_at).toLocaleString()}>
        {formatAge(ageSeconds)} ago
      </td>
      <td class="orders">
        {gateway.may('operate') && (
          <button
            type="button"
            class="kill"
            aria-label={`End ${meeting.meeting_id}`}
            onClick={() => void gateway.endMeeting(meeting)}
          >
            end
          </button>
        )}
      </td>
    </tr>
  );
}

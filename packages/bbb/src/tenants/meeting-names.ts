/**
 * What a meeting is called: by its front-end, and on its server. They are the same unless tenants may
 * use the same meeting IDs (`scope_meeting_ids`): then a server knows the meeting of a tenant as
 * `<tenant id>~<meeting ID>`, and everything that it says of the meeting is translated back.
 *
 * A record keeps the scope with which its meeting was created, so that meetings go on under the name
 * that their server knows when the setting is changed.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { XmlElement } from '@rgrove/parse-xml';
import { element as written } from '../api/xml.ts';
import { elementsOf } from '../sound-xml.ts';
import type { MeetingKey } from '../store/meetings.ts';

const SEPARATOR = '~';

/** What names a meeting of a tenant by the configuration as it is now. */
export function keyOf(
  { scope_meeting_ids: isScoped }: { readonly scope_meeting_ids: boolean },
  tenantId: string,
  meetingId: string,
): MeetingKey {
  return { scope: isScoped ? tenantId : '', meeting_id: meetingId };
}

/** The meeting's ID on its server; one over all tenants. */
export function upstreamIdOf({ scope, meeting_id: meetingId }: MeetingKey): string {
  return scope === '' ? meetingId : `${scope}${SEPARATOR}${meetingId}`;
}

/** What a meeting ID of a server means, if it is of a tenant. */
export function keyOfTenant(upstreamId: string, tenantId: string): MeetingKey {
  const prefix = `${tenantId}${SEPARATOR}`;
  return tenantId !== '' && upstreamId.startsWith(prefix)
    ? { scope: tenantId, meeting_id: upstreamId.slice(prefix.length) }
    : { scope: '', meeting_id: upstreamId };
}

/** What a meeting ID of a server means, whoever's it is. */
export function keyOfAny(
  upstreamId: string,
  tenants: { readonly has: (tenantId: string) => boolean },
): MeetingKey {
  for (let at = upstreamId.indexOf(SEPARATOR); at > 0; at = upstreamId.indexOf(SEPARATOR, at + 1)) {
    const tenantId = upstreamId.slice(0, at);
    if (tenants.has(tenantId)) return keyOfTenant(upstreamId, tenantId);
  }
  return { scope: '', meeting_id: upstreamId };
}

/** By which a server's own id of the meeting begins: SHA-1 of the meeting's ID there, in hex. */
export function idHashOf(key: MeetingKey): string {
  return createHash('sha1').update(upstreamIdOf(key)).digest('hex');
}

/**
 * XML of a server in the words of the front-end: `meetingID` elements lose the scope.
 *
 * @param text - What `element` was parsed from.
 * @returns The text of the element.
 */
export function inOwnWords(text: string, element: XmlElement, scope: string): string {
  if (scope === '') return text.slice(element.start, element.end);
  const parts: string[] = [];
  let copied = element.start;
  for (const named of meetingIdsIn(element)) {
    const key = keyOfTenant(named.text, scope);
    if (key.scope === '') continue;
    parts.push(text.slice(copied, named.start), written('meetingID', key.meeting_id));
    copied = named.end;
  }
  return [...parts, text.slice(copied, element.end)].join('');
}

function meetingIdsIn(element: XmlElement): XmlElement[] {
  return elementsOf(element).flatMap((child) =>
    child.name === 'meetingID' ? [child] : meetingIdsIn(child),
  );
}

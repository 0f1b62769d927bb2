/**
 * To whom the events of servers go: to the hooks of whoever the meeting belongs to, as far as they want
 * to hear of it. Mapped events name the meeting as its server knows it; raw ones name it by the server's
 * own id, which begins with a hash of that.
 *
 * Source: BigBlueButton, "Webhooks"; the raw events are the messages between its parts.
 *
 * @module
 */
import { z } from '@balancer/kit';
import type { GatewayContext } from '../context.ts';
import type { Hook } from '../store/hooks.ts';
import type { MeetingKey } from '../store/meetings.ts';
import { idHashOf, keyOfAny } from '../tenants/meeting-names.ts';

const mappedSchema = z.looseObject({
  data: z.looseObject({
    id: z.string().optional(),
    attributes: z
      .looseObject({
        meeting: z
          .looseObject({
            'external-meeting-id': z.string().optional(),
            metadata: z.record(z.string(), z.unknown()).optional(),
          })
          .optional(),
      })
      .optional(),
  }),
});

const meetingIdSchema = z.object({ meetingId: z.string().optional() }).optional();
const rawSchema = z.object({
  envelope: z.object({ routing: meetingIdSchema }).optional(),
  core: z
    .object({
      header: meetingIdSchema,
      body: z
        .object({
          meetingId: z.string().optional(),
          props: z.object({ meetingProp: z.object({ intId: z.string() }) }).optional(),
        })
        .optional(),
    })
    .optional(),
});

/** SHA-1 of the meeting's ID, and when it was created. */
const INTERNAL_ID = /^([0-9a-f]{40})-\d+$/;

/** One event of a form: as it is sent on, whose it is, and who wants it. */
interface HookEvent {
  readonly value: unknown;
  /** Empty: nobody's. */
  readonly tenantId: string;
  readonly isWantedBy: (hook: Hook) => boolean;
}

/** Owes events to every hook that they are for; a form may hold those of several meetings. */
export async function passOnEvents(
  context: GatewayContext,
  body: string,
  isRaw: boolean,
): Promise<void> {
  const sent = valuesIn(body);
  const read = isRaw ? rawEvent : mappedEvent;
  const events = await Promise.all(sent.map(async (value) => read(context, value)));
  const isTenanted = context.config().multitenancy;
  for (const tenantId of new Set(events.map((event) => event.tenantId))) {
    if (isTenanted && tenantId === '') continue;
    const own = events.filter((event) => event.tenantId === tenantId);
    for (const hook of await context.store.hooks.list(tenantId)) {
      if (hook.is_raw !== Number(isRaw)) continue;
      const values = own.filter(({ isWantedBy }) => isWantedBy(hook)).map(({ value }) => value);
      if (values.length === 0) continue;
      await context.notifier.add({
        kind: 'hook',
        tenant_id: hook.tenant_id,
        method: 'POST',
        url: hook.callback_url,
        payload: formWith(body, sent, values),
      });
    }
  }
}

async function rawEvent({ store, config }: GatewayContext, value: unknown): Promise<HookEvent> {
  const idHash = hashIn(value);
  const isTenanted = config().multitenancy && idHash !== '';
  const record = isTenanted ? await store.meetings.findByHash(idHash) : undefined;
  const tenantId = isTenanted
    ? (record?.tenant_id ?? (await store.callbacks.tenantOfHash(idHash)) ?? '')
    : '';
  return {
    value,
    tenantId,
    isWantedBy: ({ meeting_id: meetingId }) =>
      meetingId === '' ||
      ['', tenantId].some((scope) => idHashOf({ scope, meeting_id: meetingId }) === idHash),
  };
}

/** The hash that a raw event names its meeting by; empty for one that names none. */
function hashIn(value: unknown): string {
  const { envelope, core } = rawSchema.safeParse(value).data ?? {};
  const names = [
    envelope?.routing?.meetingId,
    core?.header?.meetingId,
    core?.body?.meetingId,
    core?.body?.props?.meetingProp.intId,
  ];
  return names.map((name) => INTERNAL_ID.exec(name ?? '')?.[1]).find(Boolean) ?? '';
}

async function mappedEvent(context: GatewayContext, value: unknown): Promise<HookEvent> {
  const { config, directory } = context;
  const event = mappedSchema.safeParse(value).data;
  const meeting = event?.data.attributes?.meeting;
  const isTenanted = config().multitenancy;
  const tenants = isTenanted ? await directory.tenants() : new Set<string>();
  const key = keyOfAny(meeting?.['external-meeting-id'] ?? '', tenants);
  const said = meeting?.metadata?.['tenant-id'];
  const tenantId = !isTenanted
    ? ''
    : typeof said === 'string'
      ? said
      : await tenantOf(context, key);
  if (meeting !== undefined && key.scope !== '') meeting['external-meeting-id'] = key.meeting_id;
  return {
    value: key.scope === '' ? value : event,
    tenantId,
    isWantedBy: ({ meeting_id: meetingId, event_id: eventIds }) =>
      (meetingId === '' || meetingId === key.meeting_id) &&
      (eventIds === '' || eventIds.split(',').includes(event?.data.id ?? '')),
  };
}

/** By the ID, by the record while there is one, then by what was kept of the meeting. */
async function tenantOf({ store }: GatewayContext, key: MeetingKey): Promise<string> {
  const { scope, meeting_id: meetingId } = key;
  if (scope !== '' || meetingId === '' || meetingId.includes('\0')) return scope;
  const record = await store.meetings.find(key);
  if (record !== undefined) return record.tenant_id;
  const remembered = await store.callbacks.tenantOf(meetingId);
  if (remembered !== undefined) return remembered;
  const [recording] = await store.recordings.list(
    { meetingIds: [meetingId] },
    { limit: 1, offset: 0 },
  );
  return recording?.tenantId ?? '';
}

/** The form as it came if all of its events go on as they are, else with those that do. */
function formWith(body: string, sent: readonly unknown[], values: readonly unknown[]): string {
  if (sent.length === values.length && sent.every((value, i) => value === values[i])) return body;
  const form = new URLSearchParams(body);
  const isList = (form.get('event') ?? '').trimStart().startsWith('[');
  form.set('event', JSON.stringify(isList ? values : values[0]));
  return form.toString();
}

/** The events of a form; one that is not understood is none. */
function valuesIn(body: string): unknown[] {
  try {
    const value: unknown = JSON.parse(new URLSearchParams(body).get('event') ?? '');
    return Array.isArray(value) ? value : [value];
  } catch {
    return [];
  }
}

/**
 * The calls about hooks. A front-end's hooks are the gateway's; servers are told by the notifier.
 *
 * @module
 */
import { isHttpUrl } from '../../callbacks/own-address.ts';
import type { GatewayContext } from '../../context.ts';
import type { Hook } from '../../store/hooks.ts';
import { type ApiAnswer, failedWith, succeeded } from '../answer.ts';
import { type ApiCall, tenantIdOf } from '../call.ts';
import { element } from '../xml.ts';

const TEXT_MAX = 2048;

/** `hooks/create`. */
export async function createHook(
  { store, nowMs }: GatewayContext,
  { parameters, caller }: ApiCall,
): Promise<ApiAnswer> {
  const [url, meetingId, eventId] = ['callbackURL', 'meetingID', 'eventID'].map((name) =>
    (parameters.get(name) ?? '').replaceAll('\0', ''),
  ) as [string, string, string];
  const isTooLong = [url, meetingId, eventId].some((text) => text.length > TEXT_MAX);
  if (!isHttpUrl(url) || isTooLong) {
    return failedWith('createHookError', 'callbackURL must be an address of http or https.');
  }
  const added = await store.hooks.add(
    {
      tenant_id: tenantIdOf(caller),
      callback_url: url,
      meeting_id: meetingId,
      event_id: eventId,
      is_raw: Number(parameters.get('getRaw')?.toLowerCase() === 'true'),
    },
    nowMs(),
  );
  if (added === null) return failedWith('createHookError', 'There are too many hooks.');
  const { hook, isNew } = added;
  return succeeded(
    [
      element('hookID', hook.id),
      element('permanentHook', false),
      element('rawData', hook.is_raw === 1),
      element('messageKey', isNew ? '' : 'duplicateWarning'),
      element('message', isNew ? '' : 'There is already a hook for this address.'),
    ].join(''),
  );
}

/** `hooks/list`: with a meeting, the hooks that hear of it. */
export async function listHooks(
  { store }: GatewayContext,
  { parameters, caller }: ApiCall,
): Promise<ApiAnswer> {
  const meetingId = parameters.get('meetingID') ?? '';
  const hooks = (await store.hooks.list(tenantIdOf(caller))).filter(
    (hook) => meetingId === '' || hook.meeting_id === '' || hook.meeting_id === meetingId,
  );
  return succeeded(`<hooks>${hooks.map(hookXml).join('')}</hooks>`);
}

/** `hooks/destroy`. */
export async function destroyHook(
  { store }: GatewayContext,
  { parameters, caller }: ApiCall,
): Promise<ApiAnswer> {
  const id = parameters.get('hookID') ?? '';
  if (id === '') return failedWith('missingParamHookID', 'You must specify a hook.');
  const isKnown =
    /^\d{1,15}$/.test(id) && (await store.hooks.remove(tenantIdOf(caller), Number(id)));
  if (!isKnown) return failedWith('destroyMissingHook', 'There is no such hook.');
  return succeeded(element('removed', true));
}

function hookXml(hook: Hook): string {
  const parts = [
    element('hookID', hook.id),
    element('callbackURL', hook.callback_url),
    hook.meeting_id === '' ? '' : element('meetingID', hook.meeting_id),
    hook.event_id === '' ? '' : element('eventID', hook.event_id),
    element('permanentHook', false),
    element('rawData', hook.is_raw === 1),
  ];
  return `<hook>${parts.join('')}</hook>`;
}

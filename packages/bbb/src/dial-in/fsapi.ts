/**
 * Telephone dial-in: answers FreeSWITCH's question what to do with a call. The caller is asked for a
 * pin, which is a meeting's voice bridge, and is then bridged to the meeting's server.
 *
 * Source: FreeSWITCH documentation, mod_xml_curl, section "dialplan".
 *
 * @module
 */
import { timingSafeEqual } from 'node:crypto';
import { type ApiAnswer, emptyAnswer } from '../api/answer.ts';
import { type ApiRequest, headerOf, readForm } from '../api/request.ts';
import { escapeXml, xmlDocument } from '../api/xml.ts';
import type { GatewayContext } from '../context.ts';
import { isReachable } from '../tenants/visible.ts';
import type { MeetingRecord } from '../store/meetings.ts';

const USER = 'fsapi';
/** Breakout rooms have their meeting's number with one digit more; shorter pins are no such. */
const BREAKOUT_PIN_MIN = 6;

type Action = readonly [application: string, data?: string];
type Fields = ReadonlyMap<string, string>;

/** Answers one question of FreeSWITCH. */
export async function answerDialIn(
  context: GatewayContext,
  request: ApiRequest,
): Promise<ApiAnswer> {
  if (!isAllowed(context, request)) {
    return emptyAnswer(401, { 'www-authenticate': 'Basic realm="fsapi"' });
  }
  const fields = readForm(request.body.toString('latin1'));
  const number = fields.get('Caller-Destination-Number') ?? '';
  if (fields.get('section') !== 'dialplan' || number === '') {
    return xml('<section name="result"><result status="not found"/></section>');
  }
  const actions = (await actionsFor(context, fields, request.host)).map(
    ([application, data]) =>
      `<action application="${application}"${data === undefined ? '' : ` data="${escapeXml(data)}"`}/>`,
  );
  const expression = escapeXml(`^${escapeRegex(number)}$`);
  return xml(
    `<section name="dialplan"><context name="public"><extension><condition field="destination_number" expression="${expression}">${actions.join('')}</condition></extension></context></section>`,
  );
}

async function actionsFor(
  context: GatewayContext,
  fields: Fields,
  host: string,
): Promise<Action[]> {
  const pin = fields.get('variable_pin') ?? '';
  if (pin === '') return welcome(context);
  const record = await recordFor(context, { pin, host });
  const server = record && (await context.directory.servers()).get(record.server_id);
  if (record === null || !server) {
    return [['playback', 'conference/conf-bad-pin.wav'], ['sleep', '500'], ...askForPin(context)];
  }
  return [
    ['set', `meeting_id=${safe(record.meeting_id)}`],
    ['set', `effective_caller_id_name=${safe(callerName(fields))}`],
    ['bridge', `sofia/external/${safe(pin)}@${new URL(server.url).hostname}`],
  ];
}

function welcome(context: GatewayContext): Action[] {
  const { fsapi_max_duration: own, max_meeting_duration: usual } = context.config();
  const minutes = own > 0 ? own : usual;
  return [
    ['answer'],
    ...(minutes > 0 ? [['sched_hangup', `+${minutes * 60} normal_clearing`] as const] : []),
    ['sleep', '500'],
    ['playback', 'ivr/ivr-welcome.wav'],
    ['sleep', '200'],
    ...askForPin(context),
  ];
}

function askForPin(context: GatewayContext): Action[] {
  const { fsapi_pin_min: min, fsapi_pin_max: max } = context.config();
  const prompts = 'conference/conf-enter_conf_pin.wav conference/conf-bad-pin.wav';
  return [
    ['play_and_get_digits', `${min} ${max} 3 7000 # ${prompts} pin \\d+`],
    ['transfer', '${pin} XML public'],
  ];
}

/** The meeting of a pin that may be dialled into under the host that was asked. */
async function recordFor(
  context: GatewayContext,
  { pin, host }: { readonly pin: string; readonly host: string },
): Promise<MeetingRecord | null> {
  const pins = pin.length >= BREAKOUT_PIN_MIN ? [pin, pin.slice(0, -1)] : [pin];
  for (const candidate of pins) {
    const record = await context.store.meetings.findByVoiceBridge(candidate);
    if (record !== undefined)
      return (await isReachable(context, record.tenant_id, host)) ? record : null;
  }
  return null;
}

/** What the others in the meeting see: no whole number, and nothing that the caller hides. */
function callerName(fields: Fields): string {
  const name = fields.get('Caller-Caller-ID-Name') ?? '';
  const isHidden = (what: string): boolean => fields.get(`Caller-Privacy-Hide-${what}`) === 'true';
  const isNumber = /^\d+$/.test(name);
  if (name === '' || isHidden(isNumber ? 'Number' : 'Name')) return 'Unavailable';
  return isNumber ? `${name.slice(0, -4)}XXXX` : name;
}

/** FreeSWITCH expands `${…}` in what it is told; a caller must not reach its variables. */
function safe(text: string): string {
  return text
    .replaceAll(/[\r\n]/g, '')
    .replaceAll('\\', '\\\\')
    .replaceAll('${', '\\${');
}

function escapeRegex(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function isAllowed({ config }: GatewayContext, request: ApiRequest): boolean {
  const { fsapi_password: own, secrets } = config();
  const password = own === null ? secrets[0]?.reveal() : own.reveal();
  if (password === '') return true;
  if (password === undefined) return false;
  const [, token = ''] = /^Basic +(\S+)$/i.exec(headerOf(request, 'authorization')) ?? [];
  const given = Buffer.from(token, 'base64');
  const expected = Buffer.from(`${USER}:${password}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function xml(section: string): ApiAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'text/xml; charset=utf-8', 'cache-control': 'no-store' },
    body: xmlDocument(`<document type="freeswitch/xml">${section}</document>`),
    result: 'SUCCESS',
  };
}

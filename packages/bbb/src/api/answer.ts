/**
 * Answers of the API.
 *
 * @module
 */
import { element, xmlDocument } from './xml.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** For the log and the metrics: `SUCCESS`, or the key of the failure. */
  readonly result: string;
  /** Server that the call was about, for the log. */
  readonly serverId?: string;
}

/** Keys of the gateway's own failures; a server's own keys are passed on as they are. */
export type MessageKey =
  | 'checksumError'
  | 'unsupportedRequest'
  | 'unsupportedContentType'
  | 'missingParamMeetingID'
  | 'missingParamRecordID'
  | 'missingParamPublish'
  | 'missingParameters'
  | 'validationError'
  | 'notFound'
  | 'serverUnavailable'
  | 'serverTagUnavailable'
  | 'maxConcurrent'
  | 'idNotUnique'
  | 'internalError';

const MESSAGES: Readonly<Record<MessageKey, string>> = {
  checksumError: 'Checksums do not match',
  unsupportedRequest: 'This request is not supported.',
  unsupportedContentType: 'POST request Content-Type is missing or unsupported',
  missingParamMeetingID: 'You must specify a meeting ID for the meeting.',
  missingParamRecordID: 'You must specify one or more a record IDs.',
  missingParamPublish: 'You must specify one a publish value true or false.',
  missingParameters: 'You must specify a meeting ID or a record ID.',
  validationError: 'A parameter is out of its limits.',
  notFound: 'A meeting with that ID does not exist',
  serverUnavailable: 'The server of this meeting is not available now.',
  serverTagUnavailable: 'No server with a required tag is available.',
  maxConcurrent: 'No more meetings can be created now.',
  idNotUnique: 'A meeting already exists with that meeting ID. Please use a different meeting ID.',
  internalError: 'Unable to process the request now.',
};

const XML_HEADERS = {
  'content-type': 'application/xml; charset=utf-8',
  'cache-control': 'no-cache, no-store',
} as const;

/** A failure of the gateway's own. */
export function failed(messageKey: MessageKey, message: string = MESSAGES[messageKey]): ApiAnswer {
  return failedWith(messageKey, message);
}

/** A failure by any key, such as a server's. */
export function failedWith(messageKey: string, message: string): ApiAnswer {
  const content = `${element('returncode', 'FAILED')}${element('messageKey', messageKey)}${element('message', message)}`;
  return { ...xmlAnswer(`<response>${content}</response>`), result: messageKey };
}

/** A success; `content` is XML. */
export function succeeded(content: string): ApiAnswer {
  return xmlAnswer(`<response>${element('returncode', 'SUCCESS')}${content}</response>`);
}

/** A server's own answer, byte for byte. */
export function passedOn(body: Buffer, serverId: string): ApiAnswer {
  return { status: 200, headers: XML_HEADERS, body, result: 'SUCCESS', serverId };
}

/** Sends the client elsewhere. */
export function redirected(location: string, serverId: string): ApiAnswer {
  const headers = { location, 'cache-control': 'no-store' };
  return { status: 302, headers, body: '', result: 'SUCCESS', serverId };
}

/** An answer without content. */
export function emptyAnswer(
  status: number,
  headers: Readonly<Record<string, string>> = {},
): ApiAnswer {
  return { status, headers, body: '', result: String(status) };
}

function xmlAnswer(root: string): ApiAnswer {
  return { status: 200, headers: XML_HEADERS, body: xmlDocument(root), result: 'SUCCESS' };
}

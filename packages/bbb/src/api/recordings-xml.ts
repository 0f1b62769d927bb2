/**
 * A list of recordings as `getRecordings` shows it.
 *
 * @module
 */
import type { PlaybackFormat, Recording } from '../store/recording-rows.ts';
import { element, escapeXml } from './xml.ts';

export interface RecordingsXmlOptions {
  /** Scheme and host of addresses. */
  readonly origin: string;
  /** Shows who is protected; a protected recording's address is then what this says. */
  readonly protectedUrl: ((recordId: string, format: string) => string) | null;
}

/** What may become the name of an element. Source: XML 1.0, section 2.3, its ASCII part. */
const ELEMENT_NAME = /^(?!xml)[A-Za-z_][A-Za-z0-9_.-]*$/i;

/** `<recordings>…</recordings>`. */
export function recordingsXml(
  recordings: readonly Recording[],
  options: RecordingsXmlOptions,
): string {
  return `<recordings>${recordings.map((one) => recordingXml(one, options)).join('')}</recordings>`;
}

function recordingXml(recording: Recording, options: RecordingsXmlOptions): string {
  const { protectedUrl } = options;
  const parts = [
    element('recordID', recording.recordId),
    element('meetingID', recording.meetingId),
    element('internalMeetingID', recording.recordId),
    element('name', recording.name),
    element('isBreakout', recording.isBreakout),
    element('published', recording.isPublished),
    protectedUrl === null ? '' : element('protected', recording.isProtected),
    element('state', recording.state),
    element('startTime', recording.startMs),
    element('endTime', recording.endMs),
    element('participants', recording.participants),
    sizeXml('rawSize', recording.rawSizeBytes),
    metadataXml(recording.metadata),
    sizeXml('size', recording.sizeBytes),
    `<playback>${recording.formats.map((format) => formatXml(format, recording, options)).join('')}</playback>`,
  ];
  return `<recording>${parts.join('')}</recording>`;
}

function metadataXml(metadata: ReadonlyMap<string, string>): string {
  const pairs = [...metadata].filter(([key]) => ELEMENT_NAME.test(key));
  const elements = pairs.map(([key, value]) =>
    value === '' ? `<${key}><![CDATA[]]></${key}>` : element(key, value),
  );
  return `<metadata>${elements.join('')}</metadata>`;
}

function formatXml(
  format: PlaybackFormat,
  { recordId, isProtected }: Recording,
  { origin, protectedUrl }: RecordingsXmlOptions,
): string {
  const isGuarded = protectedUrl !== null && isProtected;
  const url = isGuarded ? protectedUrl(recordId, format.type) : absolute(format.url, origin);
  const parts = [
    element('type', format.type),
    element('url', url),
    element('length', format.lengthMinutes),
    element('processingTime', format.processingTimeMs),
    sizeXml('size', format.sizeBytes),
    isGuarded ? '' : previewXml(format, origin),
  ];
  return `<format>${parts.join('')}</format>`;
}

function previewXml({ thumbnails }: PlaybackFormat, origin: string): string {
  if (thumbnails.length === 0) return '';
  const images = thumbnails.map(
    ({ width, height, alt, url }) =>
      `<image alt="${escapeXml(alt)}" width="${width}" height="${height}">${escapeXml(absolute(url, origin))}</image>`,
  );
  return `<preview><images>${images.join('')}</images></preview>`;
}

/** What is not known is left out. */
function sizeXml(name: string, bytes: number | null): string {
  return bytes === null ? '' : element(name, bytes);
}

/** Addresses are kept as paths; other programs may have stored whole ones. */
function absolute(url: string, origin: string): string {
  return /^https?:\/\//i.test(url) ? url : `${origin}${url}`;
}

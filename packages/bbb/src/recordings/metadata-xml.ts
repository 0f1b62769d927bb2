/**
 * `metadata.xml` of a recording, as BigBlueButton's processing scripts write it.
 *
 * Source: record-and-playback of BigBlueButton; a format's folder holds one such file.
 *
 * @module
 */
import type { XmlElement } from '@rgrove/parse-xml';
import { childOf, childrenOf, elementsOf, readSoundXml, textOf } from '../sound-xml.ts';
import { keyOfTenant } from '../tenants/meeting-names.ts';
import type { PlaybackFormat, RecordingFacts, Thumbnail } from '../store/recording-rows.ts';

/** Facts, and whether the server meant the recording to be seen. */
export interface ParsedMetadata extends RecordingFacts {
  readonly isPublished: boolean;
}

/** Keys of `<meta>` that are no metadata of the recording. */
const INTERNAL_KEYS = new Set(['meetingId', 'meetingName', 'isBreakout']);
const THUMBNAILS_MAX = 100;
const MINUTE_MS = 60_000;
/** Times beyond it are no dates. */
const TIME_MAX_MS = 8_640_000_000_000_000;
const COUNT_MAX = 2 ** 31 - 1;

/** @throws {Error} saying what is wrong with the file. */
export function parseMetadata(body: Buffer): ParsedMetadata {
  const { root } = readSoundXml(body, 'metadata.xml');
  if (root?.name !== 'recording') throw new Error('metadata.xml: the root must be <recording>');
  const recordId = trimmed(root, 'id');
  const playback = childOf(root, 'playback');
  const type = playback === undefined ? '' : trimmed(playback, 'format');
  if (recordId === '') throw new Error('metadata.xml: <id> is missing or empty');
  if (playback === undefined || type === '') {
    throw new Error('metadata.xml: <playback><format> is missing or empty');
  }
  const meta = childOf(root, 'meta');
  const meeting = childOf(root, 'meeting');
  const internal = (key: string, attribute: string): string =>
    (meta && trimmed(meta, key)) || meeting?.attributes[attribute] || '';
  const metadata = metadataOf(meta);
  const upstreamId = internal('meetingId', 'externalId');
  return {
    recordId,
    meetingId: keyOfTenant(upstreamId, metadata.get('tenant-id') ?? '').meeting_id,
    name: internal('meetingName', 'name'),
    startMs: Math.min(TIME_MAX_MS, numberIn(root, 'start_time') ?? 0),
    endMs: Math.min(TIME_MAX_MS, numberIn(root, 'end_time') ?? 0),
    participants: Math.min(COUNT_MAX, numberIn(root, 'participants') ?? 0),
    rawSizeBytes: numberIn(root, 'raw_size'),
    isBreakout: internal('isBreakout', 'breakout') === 'true',
    metadata,
    isPublished: trimmed(root, 'published').toLowerCase() === 'true',
    format: formatOf(playback, type),
  };
}

function metadataOf(meta: XmlElement | undefined): Map<string, string> {
  const pairs = meta === undefined ? [] : elementsOf(meta);
  return new Map(
    pairs.filter(({ name }) => !INTERNAL_KEYS.has(name)).map(({ name, text }) => [name, text]),
  );
}

function formatOf(playback: XmlElement, type: string): PlaybackFormat {
  return {
    type,
    url: pathOf(textOf(playback, 'link')),
    lengthMinutes: Math.min(
      COUNT_MAX,
      Math.round((numberIn(playback, 'duration') ?? 0) / MINUTE_MS),
    ),
    processingTimeMs: Math.min(COUNT_MAX, numberIn(playback, 'processing_time') ?? 0),
    sizeBytes: numberIn(playback, 'size'),
    thumbnails: thumbnailsOf(playback),
  };
}

function thumbnailsOf(playback: XmlElement): Thumbnail[] {
  const extensions = childOf(playback, 'extensions');
  const preview = extensions && childOf(extensions, 'preview');
  const images = preview && childOf(preview, 'images');
  if (images === undefined) return [];
  return childrenOf(images, 'image')
    .slice(0, THUMBNAILS_MAX)
    .map(({ attributes, text }) => ({
      width: countOf(attributes['width']),
      height: countOf(attributes['height']),
      alt: attributes['alt'] ?? '',
      url: pathOf(text),
    }));
}

/** Path and query of an address: the host is the gateway's to choose. */
function pathOf(address: string): string {
  try {
    const { pathname, search } = new URL(address.trim(), 'http://localhost');
    return `${pathname}${search}`;
  } catch {
    return '';
  }
}

function trimmed(parent: XmlElement, name: string): string {
  return textOf(parent, name).trim();
}

/** A whole number that a double holds exactly; null if there is none. */
function numberIn(parent: XmlElement, name: string): number | null {
  const text = trimmed(parent, name);
  const value = /^\d+(\.\d+)?$/.test(text) ? Math.floor(Number(text)) : NaN;
  return Number.isSafeInteger(value) ? value : null;
}

function countOf(text: string | undefined): number {
  return Math.min(COUNT_MAX, /^\d+$/.test(text ?? '') ? Number(text) : 0);
}

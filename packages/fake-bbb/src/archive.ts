/**
 * Recording archives as BigBlueButton's post-publish scripts send them: a tar file with one folder
 * per playback format, each with its `metadata.xml`; and the ways in which such a file is broken.
 *
 * Source: POSIX.1-1988 "ustar" interchange format.
 *
 * @module
 */
import { element, elements, escapeXml } from './xml.ts';

/** What an entry of a tar file is. */
export interface TarEntry {
  readonly name: string;
  readonly content?: string | Buffer;
  /** The last two hold the name of the entry after them. */
  readonly kind?: keyof typeof TYPE_FLAGS;
  /** Target of a link. */
  readonly linkName?: string;
}

export interface ArchiveFormat {
  /** `presentation`, `video` … */
  readonly type: string;
  readonly durationMs?: number;
  /** Number of preview images. Default 0. */
  readonly thumbnailCount?: number;
  /** Further files of the folder by name. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Replaces `metadata.xml`, to break it. */
  readonly metadataXml?: string;
}

/** What is wrong with an archive that otherwise is as described. */
export type ArchiveDefect =
  | 'parent-path'
  | 'absolute-path'
  | 'symlink'
  | 'hardlink'
  | 'device'
  | 'truncated'
  | 'not-tar';

export interface ArchiveOptions {
  readonly recordId: string;
  readonly meetingId: string;
  readonly name?: string;
  /** Default: one presentation. */
  readonly formats?: readonly ArchiveFormat[];
  /** Default true. */
  readonly published?: boolean;
  /** Default `published`. */
  readonly state?: string;
  readonly startMs?: number;
  readonly endMs?: number;
  readonly participants?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Address of the server that made it. */
  readonly origin?: string;
  readonly defect?: ArchiveDefect;
}

export interface Archive {
  /** `<recordId>.tar` */
  readonly fileName: string;
  readonly content: Buffer;
}

/** The archive of one recording. */
export function buildArchive(options: ArchiveOptions): Archive {
  const { recordId, formats = [{ type: 'presentation' }], defect } = options;
  const entries = formats.flatMap((format) => formatEntries(format, options));
  const fileName = `${recordId}.tar`;
  if (defect === 'not-tar') return { fileName, content: Buffer.from('this is no tar file\n') };
  const evil = defect === undefined ? undefined : EVIL_ENTRIES[defect];
  const content = tarOf(evil ? [...entries, evil] : entries);
  return {
    fileName,
    content: defect === 'truncated' ? content.subarray(0, content.length / 3) : content,
  };
}

const EVIL_ENTRIES: Readonly<Partial<Record<ArchiveDefect, TarEntry>>> = {
  'parent-path': { name: 'presentation/../../escaped', content: 'outside' },
  'absolute-path': { name: '/tmp/escaped', content: 'outside' },
  symlink: { name: 'presentation/link', kind: 'symlink', linkName: '/etc' },
  hardlink: { name: 'presentation/link', kind: 'hardlink', linkName: '/etc/passwd' },
  device: { name: 'presentation/device', kind: 'device' },
};

function formatEntries(format: ArchiveFormat, options: ArchiveOptions): TarEntry[] {
  const folder = `${format.type}/${options.recordId}`;
  const files = Object.entries(format.files ?? { 'index.html': `<p>${format.type}</p>` });
  return [
    { name: `${folder}/`, kind: 'folder' },
    {
      name: `${folder}/metadata.xml`,
      content: format.metadataXml ?? metadataXml(format, options),
    },
    ...files.map(([name, content]) => ({ name: `${folder}/${name}`, content })),
  ];
}

function metadataXml(format: ArchiveFormat, options: ArchiveOptions): string {
  const { recordId, meetingId, name = meetingId, origin = 'https://bbb.example.com' } = options;
  const { startMs = 1_700_000_000_000, metadata = {} } = options;
  const { durationMs = 60_000, thumbnailCount = 0, type } = format;
  const endMs = options.endMs ?? startMs + durationMs;
  const images = Array.from(
    { length: thumbnailCount },
    (_, i) =>
      `<image width="176" height="136" alt="Slide ${i + 1}">${origin}/${type}/${recordId}/thumbnails/thumb-${i + 1}.png</image>`,
  );
  const preview =
    images.length === 0
      ? ''
      : `<extensions><preview><images>${images.join('')}</images></preview></extensions>`;
  const meta = { meetingId, meetingName: name, isBreakout: 'false', ...metadata };
  return `<?xml version="1.0" encoding="UTF-8"?>
<recording>${elements({ id: recordId, state: options.state ?? 'published', published: options.published ?? true })}
${elements({ start_time: startMs, end_time: endMs, participants: options.participants ?? 2, raw_size: 1000 })}
<meeting id="${recordId}" externalId="${escapeXml(meetingId)}" name="${escapeXml(name)}" breakout="false"/>
<meta>${elements(meta)}</meta>
<playback>${element('format', type)}${element('link', linkOf(type, recordId, origin))}
${elements({ processing_time: 1000, duration: durationMs, size: 2000 })}${preview}</playback></recording>`;
}

function linkOf(type: string, recordId: string, origin: string): string {
  return type === 'presentation'
    ? `${origin}/playback/presentation/2.3/${recordId}`
    : `${origin}/${type}/${recordId}/`;
}

const BLOCK_BYTES = 512;
const TYPE_FLAGS = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  device: '3',
  folder: '5',
  pax: 'x',
  'gnu-long-name': 'L',
} as const;

/** A tar file of the entries, in order. Names have at most 100 bytes. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '');
    const padding = (BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES;
    return [tarHeader(entry, content.length), content, Buffer.alloc(padding)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function tarHeader({ name, kind = 'file', linkName = '' }: TarEntry, sizeBytes: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`a name of the archive is too long: ${name}`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number): string =>
    `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0);
  header.write(octal(kind === 'folder' ? 0o755 : 0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(sizeBytes, 11), 124);
  header.write(octal(1_700_000_000, 11), 136);
  header.write(' '.repeat(8), 148);
  header.write(TYPE_FLAGS[kind], 156);
  header.write(linkName, 157);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/**
 * Captions: WebVTT as it is, SubRip turned into it.
 *
 * Source: W3C, "WebVTT: The Web Video Text Tracks Format".
 *
 * @module
 */

const VTT = /^\uFEFF?WEBVTT(?:[ \t][^\n]*)?(?:\n|$)/;
const SRT_TIMING =
  /^(\d{1,3}:\d{2}:\d{2}),(\d{3})[ \t]+-->[ \t]+(\d{1,3}:\d{2}:\d{2}),(\d{3})([^\n]*)$/gm;

/** The track as WebVTT; null for what is neither WebVTT nor SubRip. */
export function toVtt(file: Uint8Array): string | null {
  const text = decoded(file);
  if (text === null) return null;
  if (VTT.test(text)) return text.replace(/^\uFEFF/, '');
  if (text.search(SRT_TIMING) < 0) return null;
  const cues = text.replace(/^\uFEFF/, '').replaceAll(SRT_TIMING, '$1.$2 --> $3.$4');
  return `WEBVTT\n\n${cues.trim()}\n`;
}

/** UTF-8 without what a database's text cannot hold; null for other bytes. */
function decoded(file: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file);
    return text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').replaceAll('\0', '');
  } catch {
    return null;
  }
}

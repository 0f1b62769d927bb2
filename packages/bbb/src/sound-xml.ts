/**
 * XML from outside, from servers and from archives: only well-formed UTF-8 without a DOCTYPE, and
 * nested no deeper than anything that is meant seriously.
 *
 * @module
 */
import { parseXml, XmlDocumentType, XmlElement } from '@rgrove/parse-xml';

/** A parsed document and its text; offsets of elements count in it. */
export interface SoundXml {
  readonly text: string;
  readonly root: XmlElement | null;
}

const DEPTH_MAX = 64;

/**
 * Reads a document.
 *
 * @param what - Names it in errors: `the answer`.
 * @throws {Error} saying what is wrong; the text itself, which may hold passwords, is not in it.
 */
export function readSoundXml(body: Buffer, what: string): SoundXml {
  const text = decoded(body, what);
  // Before the parser: it would read a DOCTYPE and only then be asked about it.
  if (/<!DOCTYPE/i.test(text)) throw new Error(`${what} has a DOCTYPE`);
  if (isTooDeep(text)) throw new Error(`${what} is nested too deeply`);
  try {
    const document = parseXml(text, { includeOffsets: true, preserveDocumentType: true });
    if (document.children.some((child) => child instanceof XmlDocumentType)) {
      throw new Error(`${what} has a DOCTYPE`);
    }
    return { text, root: document.root };
  } catch (error) {
    // The first line names line and column; what follows quotes the text.
    const reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw new Error(`${what} is no sound XML: ${reason}`, { cause: error });
  }
}

/** Text of the first child element of a name; empty if there is none. */
export function textOf(parent: XmlElement, name: string): string {
  return childOf(parent, name)?.text ?? '';
}

/** The first child element of a name. */
export function childOf(parent: XmlElement, name: string): XmlElement | undefined {
  return elementsOf(parent).find((child) => child.name === name);
}

/** All child elements of a name. */
export function childrenOf(parent: XmlElement, name: string): XmlElement[] {
  return elementsOf(parent).filter((child) => child.name === name);
}

/** All child elements. */
export function elementsOf(parent: XmlElement): XmlElement[] {
  return parent.children.filter((child): child is XmlElement => child instanceof XmlElement);
}

function decoded(body: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch (error) {
    throw new Error(`${what} is no sound XML: it is no UTF-8`, { cause: error });
  }
}

/**
 * A bound on the nesting before the parser, which is recursive: counts what looks like a tag. Tags
 * in comments and CDATA count too, which can only refuse what nobody sends.
 */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [tag] of text.matchAll(/<\/?[A-Za-z_:][^<>]*>/g)) {
    if (tag.startsWith('</')) depth--;
    else if (!tag.endsWith('/>') && ++depth > DEPTH_MAX) return true;
  }
  return false;
}

/**
 * What a server answered. Only well-formed XML without a DOCTYPE and with a `returncode` counts;
 * everything else is a broken answer, whatever the HTTP status.
 *
 * @module
 */
import { messageOf } from '@balancer/kit';
import { parseXml, XmlDocumentType, XmlElement } from '@rgrove/parse-xml';

/** A parsed answer and the bytes it came from. */
export interface UpstreamSuccess {
  readonly kind: 'success';
  readonly body: Buffer;
  /** Text of the body; offsets of elements count in it. */
  readonly text: string;
  readonly root: XmlElement;
}

/** How a call of a server ended. */
export type UpstreamAnswer =
  | UpstreamSuccess
  | { readonly kind: 'failed'; readonly messageKey: string; readonly message: string }
  /** It was never sent: refused, no such host, TLS, connect time-out. Safe to try elsewhere. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** It may have been carried out: time-out, broken connection, no sound answer. */
  | { readonly kind: 'broken'; readonly reason: string };

const DEPTH_MAX = 64;

/** Reads an answer. Never throws. */
export function readAnswer(body: Buffer): UpstreamAnswer {
  try {
    return readSound(body);
  } catch (error) {
    // The parser names line and column; the text itself may hold passwords and stays out.
    const reason = messageOf(error).split('\n')[0]!;
    return { kind: 'broken', reason: `the answer is no sound XML: ${reason}` };
  }
}

/** Text of the first child element of a name; empty if there is none. */
export function textOf(parent: XmlElement, name: string): string {
  return childOf(parent, name)?.text ?? '';
}

/** The first child element of a name. */
export function childOf(parent: XmlElement, name: string): XmlElement | undefined {
  return parent.children.find(
    (child): child is XmlElement => child instanceof XmlElement && child.name === name,
  );
}

/** All child elements of a name. */
export function childrenOf(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter(
    (child): child is XmlElement => child instanceof XmlElement && child.name === name,
  );
}

function readSound(body: Buffer): UpstreamAnswer {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  // Before the parser: it would read a DOCTYPE and only then be asked about it.
  if (/<!DOCTYPE/i.test(text)) return { kind: 'broken', reason: 'the answer has a DOCTYPE' };
  if (isTooDeep(text)) return { kind: 'broken', reason: 'the answer is nested too deeply' };
  const document = parseXml(text, { includeOffsets: true, preserveDocumentType: true });
  if (document.children.some((child) => child instanceof XmlDocumentType)) {
    return { kind: 'broken', reason: 'the answer has a DOCTYPE' };
  }
  const { root } = document;
  const returncode = root === null || root.name !== 'response' ? '' : textOf(root, 'returncode');
  if (root === null || returncode === '') {
    return { kind: 'broken', reason: 'the answer has no returncode' };
  }
  if (returncode === 'SUCCESS') return { kind: 'success', body, text, root };
  const messageKey = textOf(root, 'messageKey') || 'internalError';
  return { kind: 'failed', messageKey, message: textOf(root, 'message') };
}

/**
 * A bound on the nesting before the parser, which is recursive: counts what looks like a tag. Tags
 * in comments and CDATA count too, which can only refuse what no server sends.
 */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (const [tag] of text.matchAll(/<\/?[A-Za-z_:][^<>]*>/g)) {
    if (tag.startsWith('</')) depth--;
    else if (!tag.endsWith('/>') && ++depth > DEPTH_MAX) return true;
  }
  return false;
}

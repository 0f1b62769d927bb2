/**
 * What a server answered. Only sound XML with a `returncode` counts; everything else is a broken
 * answer, whatever the HTTP status.
 *
 * @module
 */
import { messageOf } from '@balancer/kit';
import type { XmlElement } from '@rgrove/parse-xml';
import { readSoundXml, textOf } from '../sound-xml.ts';

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

/** Reads an answer. Never throws. */
export function readAnswer(body: Buffer): UpstreamAnswer {
  try {
    return readSound(body);
  } catch (error) {
    return { kind: 'broken', reason: messageOf(error) };
  }
}

function readSound(body: Buffer): UpstreamAnswer {
  const { text, root } = readSoundXml(body, 'the answer');
  const returncode = root === null || root.name !== 'response' ? '' : textOf(root, 'returncode');
  if (root === null || returncode === '') {
    return { kind: 'broken', reason: 'the answer has no returncode' };
  }
  if (returncode === 'SUCCESS') return { kind: 'success', body, text, root };
  const messageKey = textOf(root, 'messageKey') || 'internalError';
  return { kind: 'failed', messageKey, message: textOf(root, 'message') };
}

/**
 * The ways in which a server fails, and what each sends.
 *
 * @module
 */
import { failed } from './xml.ts';

/** What a call does instead of answering, or before it does. */
export type FailureMode =
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Answers rightly, but only after so long. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Answers rightly, by what is so then, but only once a test lets it. */
  | { readonly kind: 'held'; readonly until: Promise<unknown> }
  /** A page of the web server in front: HTTP 500, no XML. */
  | { readonly kind: 'http-500' }
  /** XML that ends in the middle. */
  | { readonly kind: 'truncated' }
  /** A refusal by any key. */
  | { readonly kind: 'failed'; readonly messageKey: string; readonly message?: string }
  /** Entities that unfold to gigabytes in a parser which expands them. */
  | { readonly kind: 'entity-bomb' }
  /** A right answer with 1000 meetings more in the list. */
  | { readonly kind: 'huge-list' }
  /** Closes the connection after the request came. */
  | { readonly kind: 'reset' };

/** What a mode sends in place of an answer; `null` when it sends the answer itself or nothing. */
export function failureAnswer(mode: FailureMode): { status: number; body: string } | null {
  if (mode.kind === 'http-500') {
    return { status: 500, body: '<html><body><h1>500 Internal Server Error</h1></body></html>' };
  }
  if (mode.kind === 'truncated') {
    return { status: 200, body: '<response><returncode>SUCCESS</returncode><meetings><meet' };
  }
  if (mode.kind === 'failed') return { status: 200, body: failed(mode.messageKey, mode.message) };
  return mode.kind === 'entity-bomb' ? { status: 200, body: entityBomb() } : null;
}

/** Ten levels of ten references each: 10^10 copies of the innermost text, if expanded. */
function entityBomb(): string {
  const levels = Array.from({ length: 10 }, (_, level) => {
    const inner = level === 0 ? 'bomb' : `&e${level - 1};`.repeat(10);
    return `<!ENTITY e${level} "${inner}">`;
  });
  return `<?xml version="1.0"?><!DOCTYPE response [${levels.join('')}]><response><returncode>SUCCESS</returncode><x>&e9;</x></response>`;
}

/**
 * Text that is safe to print: what a client or a file says must not move an operator's cursor.
 *
 * @module
 */

/** Escapes every control character and every character that changes the direction of text. */
export function escapeControls(text: string): string {
  return text.replaceAll(
    CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const CONTROLS = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu;

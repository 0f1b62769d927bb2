/**
 * What a create wishes of its server's tag: `tag[;tag…][!]`.
 *
 * @module
 */

export interface TagWish {
  /** Empty string: untagged servers. */
  readonly tags: ReadonlySet<string>;
  /** Without any of the tags the create fails; otherwise untagged servers will do. */
  readonly isRequired: boolean;
}

/** The word that stands for untagged servers in a list. */
const UNTAGGED = 'none';

/** Reads a wish; null for none, which means untagged servers only. */
export function readTagWish(text: string): TagWish | null {
  const isRequired = text.endsWith('!');
  const list = (isRequired ? text.slice(0, -1) : text)
    .split(';')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  if (list.length === 0) return null;
  return { tags: new Set(list.map((tag) => (tag === UNTAGGED ? '' : tag))), isRequired };
}

/**
 * "Did you mean ...?": the known word closest to a misspelt one.
 *
 * @module
 */

/** Most edits (insertion, deletion, replacement, swap of neighbours) of a suggestion. */
const EDITS_MAX = 2;

/**
 * The candidate with the fewest edits from `word`, at most 2 and fewer than `word` is long; the
 * first of several. Null when there is none.
 */
export function suggest(word: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestEdits = Math.min(EDITS_MAX + 1, word.length);
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > EDITS_MAX) continue;
    const edits = editDistance(word, candidate);
    if (edits >= bestEdits) continue;
    best = candidate;
    bestEdits = edits;
  }
  return best;
}

/**
 * Optimal string alignment distance, by dynamic programming over prefixes.
 *
 * Source: F. J. Damerau, "A technique for computer detection and correction of spelling errors",
 * Communications of the ACM 7(3), 1964.
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) edits = Math.min(edits, beforePrevious[j - 2]! + 1);
      current.push(edits);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}

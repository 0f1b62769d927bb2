/**
 * A value of a map of another layout in the layout of this release: members keep their values by name. What
 * the other layout has not stays as in an empty value; what this one has not is dropped.
 *
 * @module
 */

/**
 * @param empty - A value of this layout with nothing in it.
 * @param old - A value of another layout.
 */
export function carryOver(empty: unknown, old: unknown): unknown {
  if (typeof empty === 'bigint') return isNumber(old) ? BigInt(old) : empty;
  if (typeof empty === 'number') return isNumber(old) ? Number(old) : empty;
  if (empty instanceof Uint8Array) return old instanceof Uint8Array ? fitted(empty, old) : empty;
  if (Array.isArray(empty)) {
    const list: readonly unknown[] = Array.isArray(old) ? old : [];
    return empty.map((each, i) => (i < list.length ? carryOver(each, list[i]) : each));
  }
  if (!isRecord(empty)) return typeof old === typeof empty ? old : empty;
  const from = isRecord(old) ? old : {};
  const members = Object.entries(empty).map(([name, each]) => [
    name,
    name in from ? carryOver(each, from[name]) : each,
  ]);
  return Object.fromEntries(members);
}

/** As many bytes as an empty value has. */
function fitted(empty: Uint8Array, old: Uint8Array): Uint8Array {
  const bytes = empty.slice();
  bytes.set(old.subarray(0, bytes.length));
  return bytes;
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

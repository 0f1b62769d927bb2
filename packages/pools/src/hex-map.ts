/**
 * An immutable map from hex strings (addresses, pool ids) to values. `set` and `delete` return a new
 * map that shares all but one path with the old one, so that a snapshot of a world is a reference
 * and a change of one balance among a hundred thousand copies a few short arrays.
 *
 * The keys' own digits, read from the end, are the path: the last digits of addresses and of pool
 * nonces are the ones that differ, so no hash is needed. A bucket splits when it holds more than
 * eight keys.
 *
 * @module
 */
const BUCKET_SIZE = 8;

interface Bucket<V> {
  readonly keys: readonly string[];
  readonly values: readonly V[];
}
/** Sixteen children, one per hex digit. */
type Branch<V> = readonly (Node<V> | undefined)[];
type Node<V> = Bucket<V> | Branch<V>;

/** An immutable map with hex keys. Keys of one map should have one length. */
export class HexMap<V> {
  readonly #root: Node<V> | undefined;

  private constructor(root: Node<V> | undefined) {
    this.#root = root;
  }

  static readonly #EMPTY: HexMap<never> = new HexMap<never>(undefined);

  /** The map without keys. */
  static empty<V>(): HexMap<V> {
    return HexMap.#EMPTY;
  }

  /** A map of these entries; a later entry replaces an earlier one of the same key. */
  static from<V>(entries: Iterable<readonly [string, V]>): HexMap<V> {
    let map = HexMap.empty<V>();
    for (const [key, value] of entries) map = map.set(key, value);
    return map;
  }

  get(key: string): V | undefined {
    let node = this.#root;
    for (let depth = 1; node !== undefined; depth++) {
      if (isBucket(node)) {
        const i = placeOf(node.keys, key);
        return i < 0 ? undefined : node.values[i];
      }
      node = node[digitOf(key, depth)];
    }
    return undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** A map in which `key` has `value`. */
  set(key: string, value: V): HexMap<V> {
    return new HexMap(withEntry(this.#root, key, value, 1));
  }

  /** A map in which two keys have these values: one copy instead of two where both stand in one bucket. */
  setBoth(keyA: string, valueA: V, keyB: string, valueB: V): HexMap<V> {
    const root = this.#root;
    if (root !== undefined && isBucket(root)) {
      const { keys } = root;
      const a = placeOf(keys, keyA);
      const b = placeOf(keys, keyB);
      if (a >= 0 && b >= 0) {
        const values = root.values.slice();
        values[a] = valueA;
        values[b] = valueB;
        return new HexMap({ keys, values });
      }
    }
    return this.set(keyA, valueA).set(keyB, valueB);
  }

  /** A map without `key`; the same map when it has no such key. */
  delete(key: string): HexMap<V> {
    return this.has(key) ? new HexMap(without(this.#root, key, 1)) : this;
  }

  /** All entries, sorted by key, so that two maps of equal content list alike. */
  entries(): readonly (readonly [string, V])[] {
    const found: (readonly [string, V])[] = [];
    collect(this.#root, found);
    return found.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }
}

/** The index of a key, or -1: for short lists a loop is several times faster than `indexOf`. */
export function placeOf(keys: readonly string[], key: string): number {
  for (let i = 0; i < keys.length; i++) if (keys[i] === key) return i;
  return -1;
}

function isBucket<V>(node: Node<V>): node is Bucket<V> {
  return !Array.isArray(node);
}

/** The digit `depth` places from the end of the key, 0 to 15; 0 before its start. */
function digitOf(key: string, depth: number): number {
  const place = key.length - depth;
  if (place < 0) return 0;
  const code = key.charCodeAt(place);
  return code <= 57 ? code & 15 : (code + 9) & 15;
}

function withEntry<V>(node: Node<V> | undefined, key: string, value: V, depth: number): Node<V> {
  if (node === undefined) return { keys: [key], values: [value] };
  if (!isBucket(node)) {
    const children = node.slice();
    const digit = digitOf(key, depth);
    children[digit] = withEntry(children[digit], key, value, depth + 1);
    return children;
  }
  const i = placeOf(node.keys, key);
  if (i >= 0) {
    const values = node.values.slice();
    values[i] = value;
    return { keys: node.keys, values };
  }
  if (node.keys.length < BUCKET_SIZE || depth > key.length) {
    return { keys: [...node.keys, key], values: [...node.values, value] };
  }
  let branch: Node<V> = Array.from<Node<V> | undefined>({ length: 16 });
  node.keys.forEach((other, j) => {
    branch = withEntry(branch, other, node.values[j]!, depth);
  });
  return withEntry(branch, key, value, depth);
}

function without<V>(node: Node<V> | undefined, key: string, depth: number): Node<V> | undefined {
  if (node === undefined) return undefined;
  if (!isBucket(node)) {
    const children = node.slice();
    const digit = digitOf(key, depth);
    children[digit] = without(children[digit], key, depth + 1);
    return children.some((child) => child !== undefined) ? children : undefined;
  }
  if (node.keys.length === 1) return undefined;
  const i = placeOf(node.keys, key);
  return { keys: node.keys.toSpliced(i, 1), values: node.values.toSpliced(i, 1) };
}

function collect<V>(node: Node<V> | undefined, into: (readonly [string, V])[]): void {
  if (node === undefined) return;
  if (isBucket(node)) {
    node.keys.forEach((key, i) => into.push([key, node.values[i]!]));
  } else {
    for (const child of node) collect(child, into);
  }
}

/**
 * The layout of an object's keys, values and variables as plain data. Generated types carry the layout
 * they were made from, and a load compares it with the object's: types that no longer fit are an error
 * that names map and member instead of numbers read from the wrong place.
 *
 * @module
 */
import type { Btf } from './btf.ts';
import { ObjectError } from './errors.ts';
import type { ObjectFile } from './object.ts';
import { shapeOf, type Shape } from './shape.ts';

/** Size in bytes, and offset in bits of each member; members of inner structs as `a.b`. */
export interface TypeLayout {
  readonly size: number;
  readonly members: Readonly<Record<string, number>>;
}

/** Layouts by "map NAME key", "map NAME value" and "variable NAME". */
export type ObjectLayout = Readonly<Record<string, TypeLayout>>;

/** Shapes of an object's keys, values and variables, under the names that `ObjectLayout` uses. */
export function namedShapes(object: ObjectFile): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  const { btf } = object;
  if (btf === undefined) return shapes;
  for (const { name, keyType, valueType } of object.maps.values()) {
    if (name.startsWith('.')) continue;
    if (keyType !== 0) shapes.set(`map ${name} key`, shapeOf(btf, keyType));
    if (valueType !== 0) shapes.set(`map ${name} value`, shapeOf(btf, valueType));
  }
  for (const { name, type } of object.variables.values()) {
    if (isValue(btf, type)) shapes.set(`variable ${name}`, shapeOf(btf, type));
  }
  return shapes;
}

/** The layout of everything in an object that user space can read or write. */
export function layoutOf(object: ObjectFile): ObjectLayout {
  const layout: Record<string, TypeLayout> = {};
  for (const [name, shape] of namedShapes(object)) {
    layout[name] = { size: shape.size, members: Object.fromEntries(memberOffsets(shape)) };
  }
  return layout;
}

/**
 * Compares an object with the layout that its users were compiled for.
 *
 * @throws {ObjectError} with one line for each difference.
 */
export function checkLayout(object: ObjectFile, expected: ObjectLayout): void {
  const actual = layoutOf(object);
  const problems = Object.entries(expected).flatMap(([name, wanted]) => {
    const found = actual[name];
    if (found === undefined) return [`${name}: missing`];
    return differences(name, wanted, found);
  });
  if (problems.length === 0) return;
  throw new ObjectError(
    `the object does not have the layout its types were generated from:\n${problems.join('\n')}`,
  );
}

function differences(name: string, wanted: TypeLayout, found: TypeLayout): string[] {
  const problems: string[] = [];
  if (found.size !== wanted.size) {
    problems.push(`${name}: has ${found.size} bytes; expected ${wanted.size}`);
  }
  for (const [member, offset] of Object.entries(wanted.members)) {
    const at = found.members[member];
    if (at === offset) continue;
    const where = at === undefined ? 'is missing' : `is at byte ${at / 8}`;
    problems.push(`${name}: member ${member} ${where}; expected at byte ${offset / 8}`);
  }
  const extra = Object.keys(found.members).filter((member) => !(member in wanted.members));
  return [...problems, ...extra.map((member) => `${name}: member ${member} is new`)];
}

function memberOffsets(shape: Shape, prefix: string = '', base: number = 0): [string, number][] {
  if (shape.kind !== 'struct') return [];
  return shape.members.flatMap((member): [string, number][] => {
    if (member.name === '') return [];
    const name = `${prefix}${member.name}`;
    const offset = base + (member.bits?.offset ?? member.offset * 8);
    return [[name, offset], ...memberOffsets(member.shape, `${name}.`, offset)];
  });
}

/** Whether a variable holds data; pointers to functions and strings of `bpf_printk` do not. */
function isValue(btf: Btf, type: number): boolean {
  return btf.resolve(type).kind !== 'pointer';
}

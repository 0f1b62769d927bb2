/**
 * Writes TypeScript types for an object: an interface for each struct, constants for each enum, and one
 * type that names all maps, variables and programs, for `loadObject<T>`.
 *
 * @module
 */
import { layoutOf, namedShapes } from './layout.ts';
import { isPercpu } from './map-type.ts';
import type { ObjectFile } from './object.ts';
import type { EnumShape, Shape, StructShape } from './shape.ts';

/**
 * The text of a module with an object's types.
 *
 * @param name - Name of the type of the whole object in PascalCase, for example `PacketCount`.
 * @param library - Module that exports `ObjectLayout`.
 */
export function describeTypes(
  object: ObjectFile,
  options: { readonly name: string; readonly library?: string },
): string {
  const { name, library = '@balancer/ebpf' } = options;
  const writer = new TypeWriter();
  const body = objectType(object, name, writer);
  const constant = `${name[0]!.toLowerCase()}${name.slice(1)}Layout`;
  return [
    '// Generated from the object by ebpf-types. Change the C source instead.',
    `import type { ObjectLayout } from '${library}';`,
    '',
    ...writer.declarations(),
    ...body,
    '',
    '/** What the types above were made from; `loadObject` compares it with the object. */',
    ...layoutConstant(constant, layoutLines(object)),
    '',
  ].join('\n');
}

function objectType(object: ObjectFile, name: string, writer: TypeWriter): string[] {
  const shapes = namedShapes(object);
  const typeOf = (key: string): string => {
    const shape = shapes.get(key);
    return shape ? writer.type(shape) : 'number';
  };
  const maps = [...object.maps.values()].filter((map) => !map.name.startsWith('.'));
  const variables = [...object.variables.keys()].filter((v) => shapes.has(`variable ${v}`));
  return [
    `export interface ${name} {`,
    ...block(
      'maps',
      maps.flatMap((map) => {
        const value = typeOf(`map ${map.name} value`);
        const copies = isPercpu(map.type) ? `${value}[]` : value;
        return [
          `    readonly ${property(map.name)}: {`,
          `      readonly key: ${typeOf(`map ${map.name} key`)};`,
          `      readonly value: ${copies};`,
          '    };',
        ];
      }),
    ),
    ...block(
      'variables',
      variables.map((v) => `    readonly ${property(v)}: ${typeOf(`variable ${v}`)};`),
    ),
    ...programNames([...object.programs.keys()]),
    '}',
  ];
}

/** A union on one line where it fits into 100 columns, as formatters have it. */
function programNames(names: readonly string[]): string[] {
  const line = `  readonly programs: ${names.map((name) => `'${name}'`).join(' | ') || 'never'};`;
  if (line.length <= 100) return [line];
  return ['  readonly programs:', `${names.map((name) => `    | '${name}'`).join('\n')};`];
}

function block(name: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [`  readonly ${name}: {};`];
  return [`  readonly ${name}: {`, ...lines, '  };'];
}

function layoutConstant(name: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [`export const ${name}: ObjectLayout = {};`];
  return [`export const ${name}: ObjectLayout = {`, ...lines, '};'];
}

function layoutLines(object: ObjectFile): string[] {
  const lines: string[] = [];
  for (const [name, { size, members }] of Object.entries(layoutOf(object))) {
    const entries = Object.entries(members);
    if (entries.length === 0) {
      lines.push(`  ${property(name)}: { size: ${size}, members: {} },`);
      continue;
    }
    lines.push(`  ${property(name)}: {`, `    size: ${size},`, '    members: {');
    for (const [member, offset] of entries) lines.push(`      ${property(member)}: ${offset},`);
    lines.push('    },', '  },');
  }
  return lines;
}

class TypeWriter {
  readonly #names = new Map<Shape, string>();
  readonly #taken = new Map<string, string>();
  readonly #declarations: string[] = [];

  /** Interfaces and constants that the types asked for need, in the order they were met. */
  declarations(): readonly string[] {
    return this.#declarations;
  }

  type(shape: Shape): string {
    switch (shape.kind) {
      case 'integer':
        return shape.size > 4 ? 'bigint' : 'number';
      case 'pointer':
        return 'bigint';
      case 'float':
        return 'number';
      case 'boolean':
        return 'boolean';
      case 'bytes':
        return 'Uint8Array';
      case 'string':
        return 'string';
      case 'enum':
        return this.#declare(shape, (name) => enumLines(shape, name));
      case 'array':
        return `${this.type(shape.element)}[]`;
      case 'struct':
      default:
        return this.#declare(shape, (name) => this.#interfaceLines(shape, name));
    }
  }

  /** Names a shape and writes its declaration once; a name taken by another shape gets a number. */
  #declare(shape: StructShape | EnumShape, lines: (name: string) => string[]): string {
    const known = this.#names.get(shape);
    if (known !== undefined) return known;
    const base = pascalCase(shape.name) || 'Anonymous';
    for (let i = 1; ; i++) {
      const name = i === 1 ? base : `${base}${i}`;
      const text = lines(name).join('\n');
      const taken = this.#taken.get(name);
      if (taken !== undefined && taken !== text) continue;
      if (taken === undefined) {
        this.#taken.set(name, text);
        this.#declarations.push(text, '');
      }
      this.#names.set(shape, name);
      return name;
    }
  }

  #interfaceLines({ members }: StructShape, name: string): string[] {
    const named = members.filter((member) => member.name !== '');
    return [
      `export interface ${name} {`,
      ...named.map(
        (m) => `  readonly ${property(m.name)}${m.optional ? '?' : ''}: ${this.type(m.shape)};`,
      ),
      '}',
    ];
  }
}

function enumLines({ values, size }: EnumShape, name: string): string[] {
  const suffix = size > 4 ? 'n' : '';
  return [
    `export const ${name} = {`,
    ...values.map((v) => `  ${property(v.name)}: ${v.value}${suffix},`),
    '} as const;',
    '',
    `export type ${name} = ${size > 4 ? 'bigint' : 'number'};`,
  ];
}

function property(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${name}'`;
}

function pascalCase(name: string): string {
  return name.replaceAll(/(?:^|_)+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

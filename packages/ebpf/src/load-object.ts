/**
 * Brings an object into the kernel: type information, maps, variables, programs, in the order their
 * references demand. When a step fails, everything made so far is given back.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Btf } from './btf.ts';
import type { LineInfo } from './btf-ext.ts';
import { loadBtf, type LoadedBtf } from './btf-load.ts';
import { codecOf, encode, u32Codec, type Codec } from './codec.ts';
import { kernelBtf, relocateCore } from './core.ts';
import { ObjectError, ValueError } from './errors.ts';
import { INSTRUCTION_BYTES } from './instruction.ts';
import { checkLayout, type ObjectLayout } from './layout.ts';
import { linkProgram, type LinkedProgram } from './link-program.ts';
import type { MapSpec, VariableSpec } from './map-spec.ts';
import { acceptsBtf, isMapOfMaps, type MapType } from './map-type.ts';
import { BpfMap } from './map.ts';
import { readObject, type ObjectFile, type ProgramSpec } from './object.ts';
import { Program, type ProgramBtf } from './program.ts';
import { shapeOf } from './shape.ts';
import { TypedMap, valueCodecFor } from './typed-map.ts';
import { Variable } from './variable.ts';

/**
 * Names and types in an object, as `ebpf-types` writes them. The default knows nothing: every name is
 * accepted, keys and values are `unknown`.
 */
export interface ObjectTypes {
  readonly maps: Readonly<Record<string, { readonly key: unknown; readonly value: unknown }>>;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly programs: string;
}

export interface LoadOptions<T extends ObjectTypes = ObjectTypes> {
  /** First values of variables; the only way to set constants (`const volatile`). */
  readonly variables?: Partial<T['variables']>;
  /**
   * Directory in a bpf file system. Maps that ask for it (`pinning`) are opened there when they
   * exist and pinned there when not.
   */
  readonly pinPath?: string;
  /** Pins all maps except sections of variables, whatever they ask for. */
  readonly pinAll?: boolean;
  /** Maps to use instead of creating them. They stay the caller's: `close()` leaves them open. */
  readonly maps?: Readonly<Record<string, BpfMap>>;
  /** Other sizes than the object's, by map name. */
  readonly maxEntries?: Readonly<Record<string, number>>;
  /** Other types than the object's, by map name: a hash may take the place of an LRU hash. */
  readonly mapTypes?: Readonly<Record<string, MapType>>;
  /** Programs to load; all by default. Maps that only other programs use are then not created. */
  readonly programs?: readonly T['programs'][];
  /** Ask the verifier for statistics of each program. */
  readonly statistics?: boolean;
  /** Layout that generated types were made from; the load fails when the object's differs. */
  readonly layout?: ObjectLayout;
  /** What CO-RE relocations are resolved against; this kernel's types by default. */
  readonly targetBtf?: Btf;
}

/**
 * Loads an object.
 *
 * @param source - An object as `readObject` gave it, or its bytes.
 * @throws {VerifierError} if the kernel rejects a program; its message quotes the C line.
 * @throws {ObjectError} if a pinned map does not have the shape the object wants.
 */
export function loadObject<T extends ObjectTypes = ObjectTypes>(
  source: ObjectFile | Uint8Array,
  options: LoadOptions<T> = {},
): LoadedObject<T> {
  const object = source instanceof Uint8Array ? readObject(source) : source;
  const loaded = new LoadedObject<T>(object);
  try {
    new Loader(object, options, loaded).run();
    return loaded;
  } catch (error) {
    loaded.close();
    throw error;
  }
}

/** An object in the kernel. */
export class LoadedObject<T extends ObjectTypes = ObjectTypes> implements Disposable {
  readonly object: ObjectFile;
  /** Raw maps by name. */
  readonly maps: Map<string, BpfMap> = new Map();
  readonly programs: Map<string, Program> = new Map();
  /** What `close()` gives back. */
  readonly owned: { close(): void }[] = [];
  readonly #typed = new Map<string, TypedMap<unknown, unknown>>();

  constructor(object: ObjectFile) {
    this.object = object;
  }

  /** A map with the types of the object's BTF. */
  map<N extends keyof T['maps'] & string>(
    name: N,
  ): TypedMap<T['maps'][N]['key'], T['maps'][N]['value']> {
    let typed = this.#typed.get(name);
    if (typed === undefined) {
      const map = this.maps.get(name);
      if (map === undefined) throw this.#missing('map', name, this.maps.keys());
      typed = mapTypes(this.object, name, map);
      this.#typed.set(name, typed);
    }
    return typed;
  }

  program(name: T['programs']): Program {
    const program = this.programs.get(name);
    if (program === undefined) throw this.#missing('program', name, this.programs.keys());
    return program;
  }

  /** A global variable that the programs and this process share. */
  variable<N extends keyof T['variables'] & string>(name: N): Variable<T['variables'][N]> {
    const spec = this.object.variables.get(name);
    const map = spec && this.maps.get(spec.map);
    if (spec === undefined || map === undefined) {
      throw this.#missing('variable', name, this.object.variables.keys());
    }
    // The caller's types are a claim about the object, which the option `layout` verifies.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return new Variable(map, spec, variableCodec(this.object, spec)) as Variable<T['variables'][N]>;
  }

  /** Closes maps and programs. What is attached by an open link or pinned lives on. */
  close(): void {
    for (const handle of this.owned.splice(0)) handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #missing(what: string, name: string, known: Iterable<string>): ObjectError {
    return new ObjectError(
      `the object has no ${what} "${name}"; it has ${[...known].join(', ') || 'none'}`,
    );
  }
}

function mapTypes(object: ObjectFile, name: string, map: BpfMap): TypedMap<unknown, unknown> {
  const spec = object.maps.get(name);
  const codec = (type: number, size: number): Codec<unknown> => {
    if (object.btf && type !== 0) return codecOf(shapeOf(object.btf, type));
    if (size === 4) return u32Codec;
    throw new ObjectError(`map ${name} has no type information; use its raw map`);
  };
  const key = codec(spec?.keyType ?? 0, map.info.keySize);
  const value = codec(spec?.valueType ?? 0, map.info.valueSize);
  return new TypedMap(map, key, valueCodecFor(map, value));
}

function variableCodec(object: ObjectFile, spec: VariableSpec): Codec<unknown> {
  // Variables are only known through BTF, so it is there.
  return codecOf(shapeOf(object.btf!, spec.type));
}

class Loader<T extends ObjectTypes> {
  readonly #object: ObjectFile;
  readonly #options: LoadOptions<T>;
  readonly #loaded: LoadedObject<T>;
  #btf: LoadedBtf | undefined;

  constructor(object: ObjectFile, options: LoadOptions<T>, loaded: LoadedObject<T>) {
    this.#object = object;
    this.#options = options;
    this.#loaded = loaded;
  }

  run(): void {
    this.#checkNames();
    if (this.#options.layout) checkLayout(this.#object, this.#options.layout);
    // Linking first: what is wrong with the object itself shows before the kernel is touched.
    const programs = [...this.#object.programs.values()].filter(
      (p) => this.#options.programs?.includes(p.name) ?? true,
    );
    const linked = programs.map((spec) => ({ spec, code: linkProgram(this.#object, spec) }));
    this.#btf = this.#own(loadBtf(this.#object));
    const maps = this.#mapsOf(linked.map(({ code }) => code));
    for (const spec of maps) this.#loaded.maps.set(spec.name, this.#map(spec));
    for (const { spec, code } of linked) {
      this.#loaded.programs.set(spec.name, this.#own(this.#program(spec, code)));
    }
    for (const spec of maps) this.#fillSlots(spec);
  }

  /** Those that the chosen programs need, and the maps in their slots; all without a choice. */
  #mapsOf(programs: readonly LinkedProgram[]): MapSpec[] {
    const all = [...this.#object.maps.values()];
    if (this.#options.programs === undefined) return all;
    const used = new Set(programs.flatMap(({ maps }) => maps.map(({ map }) => map)));
    for (const { name, initial } of all) {
      if (used.has(name)) for (const { symbol } of initial) used.add(symbol);
    }
    return all.filter(({ name }) => used.has(name));
  }

  #own<H extends { close(): void } | undefined>(handle: H): H {
    if (handle) this.#loaded.owned.push(handle);
    return handle;
  }

  #checkNames(): void {
    const { variables, programs, maps, maxEntries, mapTypes } = this.#options;
    this.#checkKnown('variable', Object.keys(variables ?? {}), this.#object.variables);
    this.#checkKnown('program', programs ?? [], this.#object.programs);
    this.#checkKnown('map', Object.keys(maps ?? {}), this.#object.maps);
    this.#checkKnown('map', Object.keys(maxEntries ?? {}), this.#object.maps);
    this.#checkKnown('map', Object.keys(mapTypes ?? {}), this.#object.maps);
  }

  #checkKnown(what: string, names: readonly string[], known: ReadonlyMap<string, unknown>): void {
    const unknown = names.find((name) => !known.has(name));
    if (unknown === undefined) return;
    const list = [...known.keys()].join(', ') || 'none';
    throw new ObjectError(`the object has no ${what} "${unknown}"; it has ${list}`);
  }

  #map(definition: MapSpec): BpfMap {
    const maxEntries = this.#options.maxEntries?.[definition.name] ?? definition.maxEntries;
    const type = this.#options.mapTypes?.[definition.name] ?? definition.type;
    const spec = { ...definition, type, maxEntries };
    const given = this.#options.maps?.[spec.name];
    if (given !== undefined) {
      checkCompatible(spec, given);
      return given;
    }
    const pin = this.#pinOf(spec);
    if (pin !== undefined && existsSync(pin)) {
      const pinned = this.#own(BpfMap.openPinned(pin));
      checkCompatible(spec, pinned);
      return pinned;
    }
    const map = this.#own(this.#create(spec));
    if (isVariables(spec)) this.#fillVariables(spec, map);
    if (pin !== undefined) map.pin(pin);
    return map;
  }

  #pinOf(spec: MapSpec): string | undefined {
    const { pinPath, pinAll } = this.#options;
    if (pinPath === undefined || isVariables(spec)) return undefined;
    return spec.pinned || pinAll ? join(pinPath, spec.name) : undefined;
  }

  #create(spec: MapSpec): BpfMap {
    const { name, type, keySize, valueSize, maxEntries, flags } = spec;
    const options = { name, type, keySize, valueSize, maxEntries, flags };
    if (!isMapOfMaps(type)) return BpfMap.create({ ...options, ...this.#btfOf(spec) });
    if (spec.inner === undefined) {
      throw new ObjectError(
        `map ${name} does not say what its inner maps are (__array(values, ...))`,
      );
    }
    // The template only lends its shape: the kernel copies it while the outer map is made.
    const template = this.#create({ ...spec.inner, maxEntries: spec.inner.maxEntries || 1 });
    try {
      return BpfMap.create({ ...options, innerFd: template.fd });
    } finally {
      template.close();
    }
  }

  #btfOf({ type, keyType, valueType }: MapSpec): {
    btf?: { fd: number; keyType: number; valueType: number };
  } {
    const isKnown = this.#btf !== undefined && acceptsBtf(type) && valueType !== 0;
    return isKnown ? { btf: { fd: this.#btf!.fd, keyType, valueType } } : {};
  }

  #fillVariables(spec: MapSpec, map: BpfMap): void {
    const content = spec.data?.slice() ?? new Uint8Array(spec.valueSize);
    for (const variable of this.#object.variables.values()) {
      const value = this.#options.variables?.[variable.name];
      if (variable.map !== spec.name || value === undefined) continue;
      content.set(this.#encodeVariable(variable, value), variable.offset);
    }
    map.update(new Uint8Array(4), content);
    if (spec.readOnly) map.freeze();
  }

  #encodeVariable(variable: VariableSpec, value: unknown): Uint8Array {
    try {
      return encode(variableCodec(this.#object, variable), value);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new ValueError(`variable ${variable.name} ${error.message}`, { cause: error });
    }
  }

  #program(spec: ProgramSpec, code: LinkedProgram): Program {
    for (const { instruction, map } of code.maps) {
      code.instructions.setImmediate(instruction, this.#loaded.maps.get(map)!.fd);
    }
    if (code.core.length > 0 && this.#object.btf) {
      const target = this.#options.targetBtf ?? kernelBtf();
      relocateCore(spec.name, code, { local: this.#object.btf, target });
    }
    const btf = this.#programBtf(code);
    return Program.load({
      name: spec.name,
      type: spec.type,
      instructions: code.instructions.bytes,
      license: this.#object.license,
      attachType: spec.attachType,
      flags: spec.flags,
      ...(btf && { btf }),
      ...(this.#options.statistics && { statistics: true }),
    });
  }

  #programBtf(code: LinkedProgram): ProgramBtf | undefined {
    const { btf } = this.#object;
    if (this.#btf === undefined || btf === undefined) return undefined;
    const functions = code.functionInfo.flatMap((f) => [f.offset / INSTRUCTION_BYTES, f.type]);
    const lines = code.lineInfo.flatMap((l) => [
      l.offset / INSTRUCTION_BYTES,
      l.fileOffset,
      l.textOffset,
      ((l.line << 10) | l.column) >>> 0,
    ]);
    return {
      fd: this.#btf.fd,
      functionInfo: new Uint8Array(Uint32Array.from(functions).buffer),
      lineInfo: new Uint8Array(Uint32Array.from(lines).buffer),
      describe: (instruction) => describeLine(btf, code.lineInfo, instruction),
    };
  }

  #fillSlots(spec: MapSpec): void {
    const map = this.#loaded.maps.get(spec.name)!;
    for (const { index, symbol } of spec.initial) {
      const source =
        spec.type === 'progArray'
          ? this.#loaded.programs.get(symbol)
          : this.#loaded.maps.get(symbol);
      // A program the caller chose not to load leaves its slot empty.
      if (source === undefined) continue;
      map.update(encode(u32Codec, index), encode(u32Codec, source.fd));
    }
  }
}

function isVariables(spec: MapSpec): boolean {
  return spec.name.startsWith('.');
}

function describeLine(
  btf: Btf,
  lines: readonly LineInfo[],
  instruction: number,
): string | undefined {
  const line = lines.findLast((l) => l.offset <= instruction * INSTRUCTION_BYTES);
  if (line === undefined || instruction < 0) return undefined;
  return `${btf.string(line.fileOffset)}:${line.line}: ${btf.string(line.textOffset).trim()}`;
}

function checkCompatible(spec: MapSpec, map: BpfMap): void {
  const { info } = map;
  const fields = ['keySize', 'valueSize', 'maxEntries'] as const;
  const problems = fields
    .filter((field) => info[field] !== spec[field])
    .map((field) => `${field} ${info[field]} (wanted ${spec[field]})`);
  if (map.type !== spec.type)
    problems.unshift(`type ${map.type ?? info.type} (wanted ${spec.type})`);
  // Devmaps get the flag from the kernel, which keeps programs from writing them.
  const flags = spec.type.startsWith('devmap') ? spec.flags | 0x80 : spec.flags;
  if (info.flags !== flags) problems.push(`flags ${info.flags} (wanted ${flags})`);
  if (problems.length === 0) return;
  throw new ObjectError(
    `map ${spec.name} cannot be reused: the existing one has ${problems.join(', ')}; unpin it or load the object it was made for`,
  );
}

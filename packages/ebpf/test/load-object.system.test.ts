import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mountBpfFilesystem, unmountBpfFilesystem } from '../src/bpf-filesystem.ts';
import { kernelBtf } from '../src/core.ts';
import { VerifierError } from '../src/errors.ts';
import { kernelTypesOf } from '../src/kernel-types.ts';
import { loadObject, type LoadedObject } from '../src/load-object.ts';
import { BpfMap } from '../src/map.ts';
import { Program } from '../src/program.ts';
import { selftestLayout, type Selftest } from '../bpf/objects/selftest.types.ts';
import { objectBytes, selftestObject } from './support/objects.ts';
import { describeAsRoot } from './support/root.ts';

const FRAME = new Uint8Array(60);

describeAsRoot('loadObject', () => {
  let loaded: LoadedObject<Selftest>;

  beforeAll(() => {
    loaded = loadObject<Selftest>(objectBytes('selftest'), {
      layout: selftestLayout,
      variables: { threshold: 9 },
      statistics: true,
    });
  });

  afterAll(() => loaded.close());

  const run = (name: Selftest['programs']): number =>
    loaded.program(name).testRun({ data: FRAME }).result;

  test('links subprograms, call-backs and variables so that they compute', () => {
    // threshold + 2 * limit, with the threshold given at load; bpf_loop sums 0 to 9.
    expect(run('compute')).toBe(9 + 2 * 40);
    expect(loaded.map('array').get(0)).toBe(45n);
    expect(loaded.variable('seen').get()).toBe(1n);
  });

  test('creates only the maps that the chosen programs use', () => {
    const part = loadObject<Selftest>(objectBytes('selftest'), { programs: ['table'] });
    expect([...part.maps.keys()].toSorted()).toEqual(['first_inner', 'tables']);
    part.close();
  });

  test('makes a map of another type when told to', () => {
    const other = loadObject<Selftest>(objectBytes('selftest'), { mapTypes: { lru: 'hash' } });
    expect(other.maps.get('lru')!.type).toBe('hash');
    other.close();
    expect(() => loadObject(objectBytes('selftest'), { mapTypes: { lur: 'hash' } })).toThrow(
      'the object has no map "lur"',
    );
  });

  test('shares variables with running programs', () => {
    loaded.variable('limit').set(50);
    expect(run('compute')).toBe(9 + 2 * 50);
    expect(() => loaded.variable('threshold').set(1)).toThrow(/threshold is a constant/);
  });

  test('fills program arrays from the source, for tail calls', () => {
    expect(run('stage_one')).toBe(3);
  });

  test('fills maps of maps from the source, and swaps inner maps', () => {
    loaded.map('first_inner').set(1, 77);
    expect(run('table')).toBe(77);
    const { name, type, keySize, valueSize } = loaded.object.maps.get('first_inner')!;
    const options = { name, type, keySize, valueSize, maxEntries: 5, flags: 0x1000 };
    const longer = BpfMap.create(options);
    longer.update(Uint8Array.of(1, 0, 0, 0), Uint8Array.of(78, 0, 0, 0));
    loaded.map('tables').set(1, longer.fd);
    expect(run('table')).toBe(78);
    expect(loaded.map('tables').get(1)).toBe(longer.info.id);
    longer.close();
  });

  test('resolves CO-RE relocations against the running kernel', () => {
    loaded.program('read_layout').testRun();
    const btf = kernelBtf();
    const task = btf.find('task_struct', 'struct')!;
    const pid = btf.members(task).find((m) => m.name === 'pid')!;
    const value = (name: keyof Selftest['variables']): unknown => loaded.variable(name).get();
    expect(value('pid_offset')).toBe(pid.bitOffset / 8);
    expect(value('pid_exists')).toBe(1);
    expect(value('invented_exists')).toBe(0);
    expect(value('task_bytes')).toBe(task.size);
    expect(value('missing_type_exists')).toBe(0);
    expect(value('sockmap_number')).toBe(15n);
  });

  test('runs tc and syscall programs on test data', () => {
    expect(run('classify')).toBe(0xffff_ffff);
    const long = loaded.program('classify').testRun({ data: new Uint8Array(61) });
    expect(long.result).toBe(2);
    const context = new Uint8Array(Uint32Array.of(4_000_000_000, 5, 0, 0).buffer);
    const { result, context: after } = loaded.program('sum_in_kernel').testRun({ context });
    expect(result).toBe(3);
    expect(new DataView(after.buffer).getBigUint64(8, true)).toBe(4_000_000_005n);
  });

  test('reports what the verifier measured', () => {
    const { statistics } = loaded.program('compute');
    expect(statistics?.processedInstructions).toBeGreaterThan(10);
    expect(statistics?.stackBytes).toBeGreaterThan(0);
    expect(statistics?.stackBytes).toBeLessThanOrEqual(512);
  });

  test('names what the object has when something else is asked for', () => {
    // @ts-expect-error The types know the names, too.
    expect(() => loaded.map('shape')).toThrow(/no map "shape"; it has .*shapes/);
    const typo = { variables: { treshold: 1 } };
    expect(() => loadObject(objectBytes('selftest'), typo)).toThrow(
      /no variable "treshold"; it has threshold/,
    );
  });

  test('refuses a value that does not fit a variable, before anything is loaded', () => {
    const variables = { threshold: -1 };
    expect(() => loadObject(objectBytes('selftest'), { variables })).toThrow(
      'variable threshold must be an integer from 0 to 4294967295; got -1',
    );
  });

  test('round-trips every committed program: load, info, open by id, unload', () => {
    for (const name of ['packet-count', 'selftest'] as const) {
      const object = loadObject(objectBytes(name));
      for (const program of object.programs.values()) {
        const { id, name: kernelName } = program.info();
        const again = Program.fromId(id);
        expect(program.name.startsWith(kernelName)).toBe(true);
        expect(again.type).toBe(program.type);
        again.close();
      }
      object.close();
    }
  });
});

describeAsRoot('a program that the verifier rejects', () => {
  test('is an error that shows the complaint, the C line and a shortened log', () => {
    const error = rejection();
    const lines = error.message.split('\n');
    expect(lines[0]).toMatch(
      /^load program unchecked \(xdp\): the verifier says: R\d offset is outside of the packet$/,
    );
    expect(lines[1]).toBe('  at ./bpf/rejected.bpf.c:16: return data[20];');
    expect(lines[2]).toMatch(/^\(\d+ lines omitted\)$/);
    expect(lines.length).toBeLessThan(20);
  });

  test('keeps the whole log', () => {
    const { log } = rejection();
    expect(log.split('\n').length).toBeGreaterThan(60);
    expect(log).toMatch(/processed \d+ insns/);
  });
});

function rejection(): VerifierError {
  try {
    loadObject(objectBytes('rejected')).close();
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
  throw new Error('the verifier accepted the program');
}

describeAsRoot('pinned maps', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'balancer-bpffs-'));
    mountBpfFilesystem(directory);
  });

  afterAll(() => {
    unmountBpfFilesystem(directory);
    rmSync(directory, { recursive: true });
  });

  test('keep their content from one load to the next', () => {
    const first = loadObject<Selftest>(selftestObject(), { pinPath: directory });
    first.map('kept').set(1, 42);
    first.close();
    expect(existsSync(join(directory, 'kept'))).toBe(true);
    expect(existsSync(join(directory, 'array'))).toBe(false);
    const second = loadObject<Selftest>(selftestObject(), { pinPath: directory });
    expect(second.map('kept').get(1)).toBe(42);
    second.close();
  });

  test('are read by the types that the kernel has for them, without their object', () => {
    const loaded = loadObject<Selftest>(selftestObject(), { pinPath: directory });
    loaded.map('kept').set(1, 42);
    loaded.close();
    using map = BpfMap.openPinned(join(directory, 'kept'));
    const { typed, key, value } = kernelTypesOf(map);
    expect([typed.get(1), key?.size, value?.size]).toEqual([42, 4, map.info.valueSize]);
    using untyped = BpfMap.create({
      name: 'x',
      type: 'array',
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
    });
    expect(() => kernelTypesOf(untyped)).toThrow('the kernel has no types for map x');
  });

  test('are refused when they have another shape', () => {
    const options = { pinPath: directory, maxEntries: { kept: 16 } };
    expect(() => loadObject(selftestObject(), options)).toThrow(
      /map kept cannot be reused: the existing one has maxEntries 8 \(wanted 16\)/,
    );
  });

  test('say what is wrong with a path outside of a bpf file system', () => {
    const map = BpfMap.create({
      name: 'x',
      type: 'array',
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
    });
    expect(() => map.pin(join(tmpdir(), 'not-bpf'))).toThrow(/must lie in a bpf file system/);
    map.close();
  });
});

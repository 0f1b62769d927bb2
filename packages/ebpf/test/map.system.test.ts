import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { possibleCpus } from '../src/cpu.ts';
import { loadObject, type LoadedObject } from '../src/load-object.ts';
import { BpfMap, type MapOptions } from '../src/map.ts';
import type { Selftest } from '../bpf/objects/selftest.types.ts';
import { selftestObject } from './support/objects.ts';
import { describeAsRoot } from './support/root.ts';

const key = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

function withMap<T>(options: Partial<MapOptions>, use: (map: BpfMap) => T): T {
  const base = { name: 'test', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 8 } as const;
  const map = BpfMap.create({ ...base, ...options });
  try {
    return use(map);
  } finally {
    map.close();
  }
}

describeAsRoot('BpfMap', () => {
  test('looks up, updates under conditions, deletes', () => {
    withMap({}, (map) => {
      expect(map.lookup(key(1))).toBeUndefined();
      expect(map.update(key(1), key(10), 'exist')).toBe(false);
      expect(map.update(key(1), key(10), 'create')).toBe(true);
      expect(map.update(key(1), key(11), 'create')).toBe(false);
      expect(map.lookup(key(1))).toEqual(key(10));
      expect(map.delete(key(1))).toBe(true);
      expect(map.delete(key(1))).toBe(false);
    });
  });

  test('says that a full map is full', () => {
    withMap({ name: 'small', maxEntries: 2 }, (map) => {
      map.update(key(1), key(1));
      map.update(key(2), key(2));
      expect(() => map.update(key(3), key(3))).toThrow(
        /^update map small: E2BIG .*; it holds at most 2 entries$/,
      );
    });
  });

  test('refuses keys and values of the wrong length before the kernel sees them', () => {
    withMap({}, (map) => {
      expect(() => map.lookup(new Uint8Array(3))).toThrow('key must have 4 bytes; got 3');
      expect(() => map.update(key(1), new Uint8Array(8))).toThrow('value must have 4 bytes; got 8');
    });
  });

  test.each(['hash', 'lruHash', 'array'] as const)(
    'behaves as a Map does (%s, property)',
    (type) => {
      const step = fc.record({
        // Entries of an array are always there.
        action: type === 'array' ? fc.constant('set') : fc.constantFrom('set', 'delete'),
        number: fc.nat(7),
        value: fc.nat(1000),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
          // LRU maps may evict before they are full; with room to spare they do not.
          withMap({ type, maxEntries: type === 'lruHash' ? 1024 : 8 }, (map) => {
            const model = new Map<number, number>();
            if (type === 'array') for (let i = 0; i < 8; i++) model.set(i, 0);
            for (const { action, number, value } of steps) {
              const isSet = action === 'set';
              const done = isSet ? map.update(key(number), key(value)) : map.delete(key(number));
              expect(done).toBe(isSet ? true : model.delete(number));
              if (isSet) model.set(number, value);
              expect(map.lookup(key(number))).toEqual(isSet ? key(value) : undefined);
            }
            const entries = [...map.entries()].map(([k, v]) => [u32(k), u32(v)] as const);
            expect(new Map(entries)).toEqual(model);
          });
        }),
        { numRuns: 30 },
      );
    },
  );

  test('walks 5000 entries in batches and by key alike', () => {
    withMap({ maxEntries: 8192 }, (map) => {
      const count = 5000;
      const keys = new Uint8Array(Uint32Array.from({ length: count }, (_, i) => i).buffer);
      const values = new Uint8Array(Uint32Array.from({ length: count }, (_, i) => i * 3).buffer);
      map.updateBatch({ count, keys, values });
      const seen = [...map.entries()].map(([k, v]) => [u32(k), u32(v)] as const);
      expect(seen).toHaveLength(count);
      expect(seen.every(([k, v]) => v === k * 3)).toBe(true);
      expect([...map.keys()]).toHaveLength(count);
      // A batch of one is too small for buckets with several entries and has to grow.
      expect([...map.batches(1)].reduce((sum, b) => sum + b.count, 0)).toBe(count);
      map.deleteBatch(keys.subarray(0, 4000 * 4));
      expect([...map.drain()].reduce((sum, b) => sum + b.count, 0)).toBe(1000);
      expect([...map.entries()]).toEqual([]);
    });
  });

  test('says how far a batch got', () => {
    withMap({ maxEntries: 2 }, (map) => {
      const keys = new Uint8Array(Uint32Array.of(1, 2, 3, 4).buffer);
      expect(() => map.updateBatch({ count: 4, keys, values: keys })).toThrow(
        /change a batch of 4 entries of map test: E2BIG .*; 2 of them were changed/,
      );
    });
  });

  test('writes one by one what the map type takes in no batch', () => {
    withMap({ type: 'percpuArray', maxEntries: 4 }, (map) => {
      expect(map.valueBytes).toBe(8 * possibleCpus());
      const values = new Uint8Array(2 * map.valueBytes).fill(1);
      map.updateBatch({ count: 2, keys: new Uint8Array(Uint32Array.of(0, 3).buffer), values });
      expect([...map.entries()].filter(([, v]) => v[0] === 1)).toHaveLength(2);
    });
  });

  test('shares memory with an mmapable array', () => {
    withMap({ type: 'array', valueSize: 8, maxEntries: 4, flags: 0x400 }, (map) => {
      const mapping = map.mmap();
      const counters = new BigUint64Array(mapping.buffer!);
      counters[2] = 99n;
      expect(map.lookup(key(2))![0]).toBe(99);
      mapping.close();
      expect(mapping.buffer).toBeUndefined();
    });
  });

  test('is read-only for good after a freeze', () => {
    withMap({ type: 'array' }, (map) => {
      map.freeze();
      expect(() => map.update(key(0), key(1))).toThrow(/EPERM/);
    });
  });

  test('cannot be used after close', () => {
    const map = withMap({ name: 'gone' }, (m) => m);
    expect(() => map.lookup(key(1))).toThrow('map gone is closed');
    expect(() => map.close()).not.toThrow();
  });

  test('says what was attempted when the kernel refuses', () => {
    expect(() => withMap({ name: 'odd', type: 'array', keySize: 8 }, () => {})).toThrow(
      /^create map odd \(array, key 8, value 4, 8 entries\): EINVAL/,
    );
  });
});

describeAsRoot('TypedMap', () => {
  let loaded: LoadedObject<Selftest>;

  beforeAll(() => {
    loaded = loadObject<Selftest>(selftestObject());
  });

  afterAll(() => loaded.close());

  test('finds the longest prefix', () => {
    const prefixes = loaded.map('prefixes');
    prefixes.set({ length: 8, address: 0x0a00_0000 }, 8);
    prefixes.set({ length: 24, address: 0x0a01_0200 }, 24);
    expect(prefixes.get({ length: 32, address: 0x0a01_0203 })).toBe(24);
    expect(prefixes.get({ length: 32, address: 0x0a02_0203 })).toBe(8);
    expect(prefixes.get({ length: 32, address: 0x0b00_0000 })).toBeUndefined();
    expect([...prefixes.entries()]).toHaveLength(2);
  });

  test('has one value per CPU in per-CPU maps', () => {
    const percpu = loaded.map('percpu');
    const values = Array.from({ length: possibleCpus() }, (_, cpu) => cpu + 10);
    percpu.setAll([[1, values]]);
    expect(percpu.get(1)).toEqual(values);
    expect(() => percpu.set(1, [1, 2, 3, 4, 5, 6, 7, 8, 9])).toThrow(/one for each possible CPU/);
  });

  test('names map and member of a value that does not fit', () => {
    const shapes = loaded.map('shapes');
    expect(() => shapes.get({ low: 70_000, high: 0 })).toThrow(/low must be an integer/);
    // @ts-expect-error A member is missing.
    expect(() => shapes.set({ low: 1, high: 2 }, { tiny: 1 })).toThrow(
      'map shapes: value.small is missing',
    );
  });
});

function u32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

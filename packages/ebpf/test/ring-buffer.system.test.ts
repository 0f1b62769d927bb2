import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadObject, type LoadedObject } from '../src/load-object.ts';
import { RingBuffer } from '../src/ring-buffer.ts';
import type { Selftest } from '../bpf/objects/selftest.types.ts';
import { selftestObject } from './support/objects.ts';
import { describeAsRoot } from './support/root.ts';

describeAsRoot('RingBuffer', () => {
  let loaded: LoadedObject<Selftest>;
  let ring: RingBuffer;

  beforeEach(() => {
    loaded = loadObject<Selftest>(selftestObject());
    ring = new RingBuffer(loaded.maps.get('events')!);
  });

  afterEach(() => {
    ring.close();
    loaded.close();
  });

  /** Runs the program that writes one record; every third is discarded. */
  const write = (times: number): void => {
    for (let i = 0; i < times; i++) loaded.program('record').testRun({ data: new Uint8Array(60) });
  };
  const read = (): number[] => {
    const numbers: number[] = [];
    ring.poll((record) =>
      numbers.push(new DataView(record.buffer, record.byteOffset).getUint32(0, true)),
    );
    return numbers;
  };

  test('hands records over in order and skips discarded ones', () => {
    write(7);
    expect(read()).toEqual([0, 1, 3, 4, 6]);
    expect(ring.unreadBytes).toBe(0);
    expect(read()).toEqual([]);
  });

  test('goes around the end of the buffer many times', () => {
    // 4096 bytes hold 256 records of 16 bytes.
    const seen: number[] = [];
    for (let round = 0; round < 30; round++) {
      write(100);
      seen.push(...read());
    }
    expect(seen).toEqual(Array.from({ length: 3000 }, (_, i) => i).filter((i) => i % 3 !== 2));
  });

  test('loses new records, not old ones, when nobody reads', () => {
    write(1000);
    const numbers = read();
    expect(numbers[0]).toBe(0);
    expect(numbers.length).toBeLessThanOrEqual(256);
    expect(ring.unreadBytes).toBe(0);
  });

  test('takes no more than asked for at once', () => {
    write(6);
    expect(ring.poll(() => {}, 3)).toBe(3);
    expect(read()).toEqual([4]);
  });

  test('goes on behind a record whose handler threw', () => {
    write(2);
    expect(() => ring.poll(failing)).toThrow('no');
    expect(read()).toEqual([1]);
  });

  test('polls by itself until it is closed', async () => {
    const events = new EventEmitter();
    ring.start((record) => events.emit('record', record.length), 1);
    write(1);
    expect(await once(events, 'record')).toEqual([8]);
    ring.close();
    expect(() => ring.poll(() => {})).toThrow('ring buffer is closed');
  });

  test('may be closed from its own handler', () => {
    write(2);
    expect(ring.poll(() => ring.close())).toBe(1);
  });

  test('refuses other maps', () => {
    expect(() => new RingBuffer(loaded.maps.get('array')!)).toThrow('map array is no ring buffer');
  });
});

function failing(): never {
  throw new Error('no');
}

import { describe, expect, test } from 'vitest';
import { AdaptiveBuffer, LARGE_BYTES, ReadBuffers } from '../src/read-buffers.ts';

const SMALL_BYTES = 4096;

describe('AdaptiveBuffer', () => {
  test('starts small and grows when a read filled it', () => {
    const memory = new AdaptiveBuffer(new ReadBuffers());
    expect(memory.buffer.length).toBe(SMALL_BYTES);
    memory.adapt(SMALL_BYTES - 1, false);
    expect(memory.buffer.length).toBe(SMALL_BYTES);
    memory.adapt(SMALL_BYTES, false);
    expect(memory.buffer.length).toBe(LARGE_BYTES);
  });

  test('shrinks after 32 small reads in a row', () => {
    const memory = new AdaptiveBuffer(new ReadBuffers());
    memory.adapt(SMALL_BYTES, false);
    for (let i = 0; i < 31; i++) memory.adapt(100, false);
    memory.adapt(LARGE_BYTES, false);
    for (let i = 0; i < 31; i++) memory.adapt(100, false);
    expect(memory.buffer.length).toBe(LARGE_BYTES);
    memory.adapt(100, false);
    expect(memory.buffer.length).toBe(SMALL_BYTES);
  });

  test('keeps a buffer whose bytes are unsent from everybody else until they are sent', () => {
    const pool = new ReadBuffers();
    const memory = new AdaptiveBuffer(pool);
    const first = memory.buffer;
    memory.adapt(SMALL_BYTES, true);
    expect(memory.buffer).not.toBe(first);
    expect(pool.takeSmall()).not.toBe(first);
    memory.sent();
    expect(pool.takeSmall()).toBe(first);
  });

  test('gives all its memory back', () => {
    const pool = new ReadBuffers();
    const memory = new AdaptiveBuffer(pool);
    const small = memory.buffer;
    memory.adapt(SMALL_BYTES, true);
    const large = memory.buffer;
    memory.release();
    expect(pool.takeSmall()).toBe(small);
    expect(pool.takeLarge()).toBe(large);
  });
});

import { describe, expect, test } from 'vitest';
import { sipHash24 } from './support/siphash.ts';

describe('SipHash-2-4', () => {
  test('gives what its paper says', () => {
    const message = Uint8Array.from({ length: 15 }, (_, i) => i);
    expect(sipHash24(0x0706050403020100n, 0x0f0e0d0c0b0a0908n, message)).toBe(0xa129ca6149be45e5n);
  });

  test('of nothing, and of whole words', () => {
    const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
    expect(sipHash24(...key, new Uint8Array(0))).toBe(0x726fdb47dd0e0e31n);
    expect(
      sipHash24(
        ...key,
        Uint8Array.from({ length: 8 }, (_, i) => i),
      ),
    ).toBe(0x93f5f5799a932462n);
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { familyOf, fromMapAddress, toMapAddress } from '../src/address.ts';

describe('map addresses', () => {
  test('keep IPv4 as ::ffff:a.b.c.d', () => {
    const { bytes } = toMapAddress('192.0.2.10');
    expect(Buffer.from(bytes!).toString('hex')).toBe('00000000000000000000ffffc000020a');
    expect(familyOf('192.0.2.10')).toBe(4);
    expect(familyOf('2001:db8::1')).toBe(6);
  });

  test('come back as they were (property)', () => {
    fc.assert(
      fc.property(fc.ipV4(), (text) => {
        expect(fromMapAddress(toMapAddress(text))).toBe(text);
      }),
    );
  });
});

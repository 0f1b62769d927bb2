import { describe, expect, test } from 'vitest';
import { toMapAddress } from '../src/address.ts';
import { matcherOf } from '../src/address-prefix.ts';

describe('matcherOf', () => {
  test.each([
    ['192.0.2.10', ['192.0.2.10'], ['192.0.2.11', '2001:db8::1']],
    ['192.0.2.0/25', ['192.0.2.0', '192.0.2.127'], ['192.0.2.128', '192.0.1.255']],
    ['0.0.0.0/0', ['1.2.3.4'], ['2001:db8::1']],
    ['2001:db8::/35', ['2001:db8:1fff::1'], ['2001:db8:2000::', '192.0.2.1']],
    ['::/0', ['2001:db8::1', '192.0.2.1'], []],
  ])('finds addresses in %s', (network, members, others) => {
    const isIn = matcherOf(network);
    expect(members.filter((address) => !isIn(toMapAddress(address)))).toEqual([]);
    expect(others.filter((address) => isIn(toMapAddress(address)))).toEqual([]);
  });

  test.each(['here', '192.0.2.0/33', '192.0.2.0/x', '192.0.2.0/', '2001:db8::/129'])(
    'refuses %s',
    (text) => {
      expect(() => matcherOf(text)).toThrow(`${text} is no address or network`);
    },
  );
});

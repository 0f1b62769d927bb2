import { expect, test } from 'vitest';
import { readOffload, setOffload } from '../src/ethtool.ts';
import { describeAsRoot, vethPair } from './support/root.ts';

describeAsRoot('ethtool', () => {
  test('turns offloads of an interface on and off, each by itself', () => {
    const pair = vethPair();
    try {
      pair.namespace.run(() => {
        const offloads = ['tx-checksum', 'tx-segmentation', 'rx-gro'] as const;
        const read = (): boolean[] => offloads.map((each) => readOffload('left', each));
        expect(read()).toEqual([true, true, false]);
        setOffload('left', 'rx-gro', true);
        setOffload('left', 'tx-segmentation', false);
        expect(read()).toEqual([true, false, true]);
        setOffload('left', 'tx-checksum', false);
        expect(read()).toEqual([false, false, true]);
        expect(offloads.map((each) => readOffload('right', each))).toEqual([true, true, false]);
      });
    } finally {
      pair.close();
    }
  });

  test('says which interface is not there, and what was tried', () => {
    const pair = vethPair();
    try {
      pair.namespace.run(() => {
        expect(() => readOffload('middle', 'rx-gro')).toThrow(/^read rx-gro of middle: ENODEV/);
        expect(() => setOffload('lo', 'rx-vlan', true)).toThrow(/^turn rx-vlan of lo on: E/);
        expect(() => readOffload('an-interface-of-20b', 'rx-gro')).toThrow(
          'an-interface-of-20b is longer than 15 bytes',
        );
      });
    } finally {
      pair.close();
    }
  });
});

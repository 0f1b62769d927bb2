import { expect, test } from 'vitest';
import { setOffload } from '../../src/ethtool.ts';
import { readXdpFeatures } from '../../src/netlink/xdp-features.ts';
import { describeAsRoot, vethPair } from '../support/root.ts';

describeAsRoot('readXdpFeatures', () => {
  test('says that veth sends redirected frames once its other end joins packets', () => {
    const pair = vethPair();
    const features = (): string[] => [...pair.namespace.run(() => readXdpFeatures(pair.left))!];
    try {
      expect(features()).toEqual(expect.arrayContaining(['basic', 'redirect']));
      expect(features()).not.toContain('send');
      pair.namespace.run(() => setOffload('right', 'rx-gro', true));
      expect(features()).toContain('send');
      expect([...pair.namespace.run(() => readXdpFeatures(1))!]).toEqual([]);
    } finally {
      pair.close();
    }
  });

  test('knows no interface that is not there', () => {
    const pair = vethPair();
    try {
      expect(() => pair.namespace.run(() => readXdpFeatures(99))).toThrow(
        /^ask what interface 99 can do for XDP: ENODEV/,
      );
    } finally {
      pair.close();
    }
  });
});

import { describe, expect, test } from 'vitest';
import { chooseHook, type XdpProbe } from '../src/hook-choice.ts';

const LINK = {
  ifindex: 2,
  name: 'eth0',
  kind: undefined,
  mac: '02:00:00:00:00:02',
  mtu: 1500,
  up: true,
  flags: 1,
  master: undefined,
  lower: undefined,
  xdpProgramId: 0,
  xdpMode: 'none',
} as const;
const OTHER = { ...LINK, ifindex: 3, name: 'eth1' };
const ABLE: XdpProbe = { refusal: undefined, sends: true };

describe('chooseHook', () => {
  test.each([
    ['native XDP on one interface, whether or not it sends for others', [LINK], { sends: false }],
    ['native XDP on two that send for each other', [LINK, OTHER], {}],
  ])('auto means %s', (_, links, probe) => {
    expect(chooseHook('auto', links, () => ({ ...ABLE, ...probe }))).toEqual({
      hook: 'xdp',
      reason: `native XDP works on ${links.map(({ name }) => name).join(', ')}`,
    });
  });

  test.each([
    ['a veth interface', [{ ...LINK, kind: 'veth' }], {}, 'eth0 is a veth interface'],
    ['loopback', [{ ...LINK, flags: 9 }], {}, 'loopback has no native XDP'],
    [
      'a driver without XDP',
      [LINK],
      { refusal: 'EOPNOTSUPP' },
      'eth0 has no native XDP (EOPNOTSUPP)',
    ],
    [
      'one of several drivers that does not send for others',
      [LINK, OTHER],
      { sends: false },
      'eth0 does not send frames that XDP redirects',
    ],
    [
      'several drivers on a kernel that does not say',
      [LINK, OTHER],
      { sends: undefined },
      'whether eth0 sends frames that XDP redirects is not known; set hook = "xdp" if it does',
    ],
  ])('auto means tc on %s, and says why', (_, links, probe, reason) => {
    expect(chooseHook('auto', links, () => ({ ...ABLE, ...probe }))).toEqual({
      hook: 'tc',
      reason,
    });
  });

  test('takes what is asked for by name, without looking', () => {
    const probe = (): XdpProbe => {
      throw new Error('was asked');
    };
    expect(chooseHook('xdp-generic', [LINK], probe).hook).toBe('xdp-generic');
  });
});

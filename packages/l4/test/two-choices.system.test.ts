/** Power of two choices in the kernel, over flows enough that chance evens out. */
import { buildFrame } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
const FLOWS = 2100;
const WEIGHTS = [1, 2, 4];

describe('two choices', () => {
  test.skipIf(NO_ROOT !== '').each(HOOKS)(
    `%s gives backends of weights 1, 2, 4 their shares of 2100 flows within a tenth${NO_ROOT}`,
    (hook) => {
      const host = new PacketHost({ l4_ct: 8192 });
      const plane = new DataPlane(
        {
          mode: 'dr',
          scheduler: 'twos',
          backends: WEIGHTS.map((weight, i) => ({ address: `10.0.0.${11 + i}`, weight })),
        },
        hook,
        host,
      );
      for (let i = 0; i < FLOWS; i++) {
        const tcp = { sport: 10_000 + i, dport: 80, flags: ['syn'] } as const;
        const ipv4 = { src: NAMES['C']!, dst: NAMES['V']!, tcp };
        expect(plane.send(buildFrame({ to: NAMES['L1']!, from: NAMES['R']!, ipv4 })).verdict).toBe(
          'tx',
        );
      }
      const unit = FLOWS / WEIGHTS.reduce((a, b) => a + b);
      // Random draws alone would scatter by 3 % to 6 %; comparing loads pulls every share back to its place.
      for (const [i, weight] of WEIGHTS.entries()) {
        const { inactive } = plane.loaded.map('l4_cnt').get(i + 1)!;
        expect(Math.abs(inactive / (unit * weight) - 1)).toBeLessThan(0.1);
      }
      plane.close();
      host.close();
    },
  );
});

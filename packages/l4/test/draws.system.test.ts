/** Schedulers that draw, over flows enough that chance evens out. */
import { buildFrame } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES } from '../tools/packets/packet-case.ts';
import { HOOKS, PacketHost } from '../tools/packets/packet-host.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
const FLOWS = 2100;
const WEIGHTS = [1, 2, 4];
/**
 * Largest relative error of a share. Comparing two loads pulls every share back to its place, where random
 * draws alone scatter by 5 % for the lightest: 6 standard deviations.
 */
const ERROR_MAX = { twos: 0.1, random: 0.35 } as const;
const SCHEDULERS = Object.keys(ERROR_MAX) as readonly (keyof typeof ERROR_MAX)[];

describe('schedulers that draw', () => {
  test
    .skipIf(NO_ROOT !== '')
    .each(SCHEDULERS.flatMap((scheduler) => HOOKS.map((hook) => ({ scheduler, hook }))))(
    `$scheduler on $hook gives backends of weights 1, 2, 4 their shares of 2100 flows${NO_ROOT}`,
    ({ scheduler, hook }) => {
      const host = new PacketHost({ l4_ct: 8192, l4_half: 8192 });
      const plane = new DataPlane(
        {
          mode: 'dr',
          scheduler,
          ...(scheduler === 'random' && { table: [0, 1, 1, 2, 2, 2, 2] }),
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
      for (const [i, weight] of WEIGHTS.entries()) {
        const { inactive } = plane.loaded.map('l4_cnt').get(i + 1)!;
        expect(Math.abs(inactive / (unit * weight) - 1)).toBeLessThan(ERROR_MAX[scheduler]);
      }
      plane.close();
      host.close();
    },
  );
});

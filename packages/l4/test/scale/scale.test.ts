import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { flowsOf, historyOf, play } from '../../tools/scale/movement.ts';
import { FULL_NAT, planNode, TUNNEL } from '../../tools/scale/plan.ts';
import { movementTable, planTable, slotsTable } from '../../tools/scale/tables.ts';

describe('docs/scale.md', () => {
  const text = readFileSync(new URL('../../../../docs/scale.md', import.meta.url), 'utf8');

  test.each([
    ['what each balancer needs', planTable],
    ['what becomes of flows', movementTable],
    ['what larger tables are good for', slotsTable],
  ])('has the table of %s as the program prints it', (_name, print) => {
    expect(text).toContain(print());
  });
});

describe('the simulation', () => {
  const story = { flows: flowsOf(20_000), nodes: 20, router: 'threshold', event: 'loss' } as const;

  test('ends no flow while servers stay, however many move', () => {
    const history = historyOf({ count: 50, replaced: 0, tableSlots: 4093 });
    const outcome = play(story, history);
    expect(outcome.moved).toBeGreaterThan(0.4);
    expect([outcome.endedByMaglev, outcome.endedByRing]).toEqual([0, 0]);
  });

  test('ends the more flows the more servers were replaced, and only such as moved', () => {
    const shares = [5, 20].map((replaced) =>
      play(story, historyOf({ count: 50, replaced, tableSlots: 4093 })),
    );
    const [few, many] = shares;
    expect(few!.endedByMaglev).toBeGreaterThan(0);
    expect(many!.endedByMaglev).toBeGreaterThan(few!.endedByMaglev);
    for (const { endedByMaglev, endedByRing, moved } of shares) {
      expect(Math.max(endedByMaglev, endedByRing)).toBeLessThan(moved);
    }
  });
});

describe('the plan', () => {
  const demand = {
    flows: 1e6,
    gigabitsPerSecond: 8,
    nodes: 2,
    packetBytes: 1000,
    flowSeconds: 10,
    repliesPerRequest: 2,
  };

  test('counts by hand', () => {
    // 8 Gb/s are 1 million packets of 1,000 bytes a second: half of them for each of two.
    const plan = planNode(demand, TUNNEL, { replies: false });
    expect(plan).toMatchObject({
      flows: 500_000,
      entries: 500_000,
      memoryBytes: 116_000_000,
      packetsPerSecond: 500_000,
      newFlowsPerSecond: 50_000,
    });
    expect(plan.cores).toBeCloseTo((500_000 * (77 + 352) + 50_000 * (827 - 352)) / 1e9, 9);
  });

  test('takes replies and two entries a flow for full NAT, and what is left of before', () => {
    const plan = planNode(demand, FULL_NAT, { replies: true, keptFromBefore: 100_000 });
    expect(plan).toMatchObject({ packetsPerSecond: 1_500_000, entries: 1_200_000 });
  });
});

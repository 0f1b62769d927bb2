import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Slots } from '../src/slots.ts';

describe('Slots', () => {
  test('holds who came and has not left, in as many slots as were ever held at once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (steps) => {
        const slots = new Slots<number>();
        const model = new Map<number, number>();
        let peak = 0;
        for (const [member, step] of steps.entries()) {
          const slotsTaken = [...model.keys()];
          if (step % 3 === 0 && slotsTaken.length > 0) {
            const slot = slotsTaken[step % slotsTaken.length]!;
            slots.remove(slot);
            model.delete(slot);
          } else {
            model.set(slots.add(member), member);
          }
          peak = Math.max(peak, model.size);
        }
        expect(slots.size).toBe(model.size);
        expect(new Set(slots.list())).toEqual(new Set(model.values()));
        expect(Math.max(-1, ...model.keys())).toBeLessThan(peak);
      }),
    );
  });
});

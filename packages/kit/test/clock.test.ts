import { describe, expect, test } from 'vitest';
import { ManualClock } from '../src/index.ts';

describe('ManualClock', () => {
  test('runs due timers in order of time, also those that timers start', () => {
    const clock = new ManualClock();
    const ran: string[] = [];
    clock.after(20, () => ran.push(`b@${clock.nowMs()}`));
    clock.after(10, () => {
      ran.push(`a@${clock.nowMs()}`);
      clock.after(5, () => ran.push(`c@${clock.nowMs()}`));
    });
    const cancel = clock.after(12, () => ran.push('cancelled'));
    cancel();
    clock.advance(19);
    expect(ran).toEqual(['a@10', 'c@15']);
    clock.advance(1);
    expect(ran).toEqual(['a@10', 'c@15', 'b@20']);
    expect(clock.pendingCount).toBe(0);
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Deadline, TimerWheel } from '../src/timer-wheel.ts';
import { dialTo, startUpstream, until } from './support.ts';

/** A wheel whose time moves by hand. */
function manualWheel(): {
  wheel: TimerWheel;
  advanceTo: (ms: number) => void;
  ticking: () => boolean;
} {
  let nowMs = 0;
  let tick: (() => void) | undefined;
  const wheel = new TimerWheel(
    () => nowMs,
    ({ lookAtClock, turn }) => {
      tick = () => {
        lookAtClock();
        turn();
      };
      return () => {
        tick = undefined;
      };
    },
  );
  return {
    wheel,
    advanceTo: (ms) => {
      while (nowMs < ms) {
        nowMs = Math.min(ms, nowMs + 50);
        tick?.();
      }
    },
    ticking: () => tick !== undefined,
  };
}

describe('TimerWheel', () => {
  test('expires a deadline after its time and at most two ticks later', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 50 }), (timeouts) => {
        const { wheel, advanceTo } = manualWheel();
        let nowMs = 0;
        const expiredAt = new Map<number, number>();
        for (const [index, timeoutMs] of timeouts.entries()) {
          wheel.arm(new Deadline(() => expiredAt.set(index, nowMs)), timeoutMs);
        }
        for (nowMs = 0; nowMs <= 300_200; nowMs += 50) advanceTo(nowMs);
        for (const [index, timeoutMs] of timeouts.entries()) {
          expect(expiredAt.get(index)).toBeGreaterThanOrEqual(timeoutMs);
          expect(expiredAt.get(index)).toBeLessThanOrEqual(timeoutMs + 100);
        }
        expect(wheel.size).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  test('does not expire a deadline that is pushed back again and again', () => {
    const { wheel, advanceTo } = manualWheel();
    let expired = 0;
    const deadline = new Deadline(() => expired++);
    for (let ms = 0; ms < 100_000; ms += 500) {
      advanceTo(ms);
      wheel.arm(deadline, 1000);
    }
    expect(expired).toBe(0);
    advanceTo(102_000);
    expect(expired).toBe(1);
  });

  test('expires earlier when the time is shortened', () => {
    const { wheel, advanceTo } = manualWheel();
    let expired = 0;
    const deadline = new Deadline(() => expired++);
    wheel.arm(deadline, 3_600_000);
    wheel.arm(deadline, 200);
    advanceTo(400);
    expect(expired).toBe(1);
  });

  test('forgets a deadline that is disarmed, also by a neighbour that expires with it', () => {
    const { wheel, advanceTo } = manualWheel();
    const expired: string[] = [];
    const first: Deadline = new Deadline(() => {
      expired.push('first');
      wheel.disarm(second);
    });
    const second: Deadline = new Deadline(() => {
      expired.push('second');
      wheel.disarm(first);
    });
    wheel.arm(first, 100);
    wheel.arm(second, 100);
    advanceTo(1000);
    expect(expired).toHaveLength(1);
    expect(wheel.size).toBe(0);
  });

  test('catches up after the event loop was busy for longer than a turn of the wheel', () => {
    let nowMs = 0;
    let tick = (): void => {};
    const wheel = new TimerWheel(
      () => nowMs,
      ({ lookAtClock, turn }) => {
        tick = () => {
          lookAtClock();
          turn();
        };
        return () => {};
      },
    );
    let expired = 0;
    wheel.arm(new Deadline(() => expired++), 1000);
    wheel.arm(new Deadline(() => expired++), 70_000);
    nowMs = 120_000;
    tick();
    expect(expired).toBe(2);
  });

  test('ticks only while something is armed', () => {
    const { wheel, advanceTo, ticking } = manualWheel();
    expect(ticking()).toBe(false);
    const deadline = new Deadline(() => {});
    wheel.arm(deadline, 100);
    expect(ticking()).toBe(true);
    wheel.disarm(deadline);
    expect(ticking()).toBe(false);
    wheel.arm(deadline, 100);
    advanceTo(500);
    expect(ticking()).toBe(false);
  });

  test('a timeout of 0 disarms', () => {
    const { wheel } = manualWheel();
    const deadline = new Deadline(() => {});
    wheel.arm(deadline, 100);
    wheel.arm(deadline, 0);
    expect(deadline.armed).toBe(false);
  });

  test('after a pause of the process, what came in meanwhile counts before what is due', async () => {
    const upstream = await startUpstream((socket) => {
      socket.on('data', () => wheel.arm(deadline, 60_000));
    });
    const wheel = new TimerWheel();
    let hasExpired = false;
    const deadline = new Deadline(() => (hasExpired = true));
    const client = await dialTo(upstream.port);
    await until('it is accepted', () => upstream.sockets.size === 1);
    wheel.arm(deadline, 200);
    client.write('in time');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    // A later deadline of the same wheel: when it expires, the first had its chance.
    await new Promise<void>((resolve) => wheel.arm(new Deadline(resolve), 100));
    expect(hasExpired).toBe(false);
    wheel.disarm(deadline);
    client.destroy();
    await upstream.close();
  });
});

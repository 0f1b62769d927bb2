import { describe, expect, test } from 'vitest';
import { Follower } from '../src/follower.ts';

describe('Follower', () => {
  test('follows changes that come together once, and one that comes meanwhile once more', async () => {
    let wanted = 0;
    const followed: number[] = [];
    const follower = new Follower(
      async () => {
        followed.push(wanted);
        if (followed.length === 1) {
          wanted = 9;
          follower.changed();
        }
      },
      () => {},
    );
    for (wanted = 1; wanted < 3; wanted++) follower.changed();
    await follower.settled();
    expect(followed).toEqual([3, 9]);
  });

  test('keeps why it could not follow until it can', async () => {
    const failures: string[] = [];
    let isFull = true;
    const follower = new Follower(
      async () => {
        if (isFull) throw new Error('full');
      },
      ({ message }) => failures.push(message),
    );
    follower.changed();
    await follower.settled();
    expect(follower.failure?.message).toBe('full');
    isFull = false;
    follower.changed();
    await follower.settled();
    expect([follower.failure, failures]).toEqual([undefined, ['full']]);
  });

  test('tries again what failed, and tells only of another failure', async () => {
    const failures: string[] = [];
    const outcomes = ['full', 'full', 'busy', ''];
    const follower = new Follower(
      async () => {
        const reason = outcomes.shift();
        if (reason) throw new Error(reason);
      },
      ({ message }) => failures.push(message),
    );
    follower.changed();
    await follower.settled();
    while (follower.failure) {
      follower.retry();
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await follower.settled();
    }
    follower.retry();
    await follower.settled();
    expect([failures, outcomes]).toEqual([['full', 'busy'], []]);
  });

  test('tells of the same failure of another change', async () => {
    const failures: string[] = [];
    const follower = new Follower(
      async () => {
        throw new Error('full');
      },
      ({ message }) => failures.push(message),
    );
    for (let i = 0; i < 2; i++) {
      follower.changed();
      // oxlint-disable-next-line no-await-in-loop -- one change after the other
      await follower.settled();
    }
    expect(failures).toEqual(['full', 'full']);
  });
});

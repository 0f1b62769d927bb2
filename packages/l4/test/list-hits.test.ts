import { describe, expect, test } from 'vitest';
import { entriesOf, type ListHits, RecentHits } from '../src/list-hits.ts';
import { OPEN } from '../src/desired.ts';
import { service } from './support/services.ts';

describe('hits of lists', () => {
  test('are those of networks, however they are spelled, and of all networks of a set', () => {
    const hits: ListHits = new Map([
      [
        'tcp 203.0.113.1:80 deny',
        new Map([
          ['192.0.2.0/24', 5],
          ['2001:db8::/32', 2],
          ['::1/128', 1],
        ]),
      ],
    ]);
    const sets = new Map([['office', ['2001:db8::/32', '::1', '10.0.0.0/8']]]);
    const deny = ['192.0.2.77/24', 'ipset:office', 'ipset:gone'];
    const guarded = service({ admission: { ...OPEN, deny } });
    expect(entriesOf(guarded, 'deny', { hits, sets })).toEqual([
      { network: '192.0.2.77/24', hits: 5 },
      { network: 'ipset:office', hits: 3 },
      { network: 'ipset:gone', hits: 0 },
    ]);
    expect(entriesOf(guarded, 'allow', { hits, sets })).toEqual([]);
  });

  test('are read again after twenty times the time that it took', async () => {
    let nowMs = 0;
    let reads = 0;
    const recent = new RecentHits(
      () => {
        reads++;
        nowMs += 100;
        return Promise.resolve(new Map());
      },
      () => nowMs,
    );
    await Promise.all([recent.get(), recent.get()]);
    expect(reads).toBe(1);
    nowMs = 2099;
    await recent.get();
    expect(reads).toBe(1);
    nowMs = 2100;
    await recent.get();
    expect(reads).toBe(2);
  });

  test('are read again at once after a reading that failed', async () => {
    let nowMs = 0;
    const answers = [Promise.reject(new Error('the thread is busy')), Promise.resolve(new Map())];
    const recent = new RecentHits(
      () => {
        nowMs += 5000;
        return answers.shift()!;
      },
      () => nowMs,
    );
    await expect(recent.get()).rejects.toThrow('the thread is busy');
    expect(await recent.get()).toEqual(new Map());
  });
});

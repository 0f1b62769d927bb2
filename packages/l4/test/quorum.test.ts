import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BackendSpec } from '../src/desired.ts';
import {
  type QuorumRule,
  Quorums,
  type Verdict,
  verdictOf,
  withSorryServer,
} from '../src/quorum.ts';
import { backend as anyBackend, service } from './support/services.ts';

type Health = BackendSpec['health'];

const backend = (number: number, health: Health, weight = 1): BackendSpec => ({
  ...anyBackend({ address: `10.0.0.${number}`, weight, health }),
});
const backends = (...healths: readonly Health[]): BackendSpec[] =>
  healths.map((health, index) => backend(index + 1, health));
const rule = (quorum: number, hysteresis = 0): QuorumRule => ({
  quorum,
  hysteresis,
  sorryServer: undefined,
});

describe('a quorum', () => {
  test.each<[string, Health[], QuorumRule, Verdict, Verdict]>([
    [
      'has no verdict before a check has answered',
      ['unknown', 'unknown'],
      rule(1),
      undefined,
      undefined,
    ],
    [
      'is held by enough servers, whatever the others turn out to be',
      ['up', 'unknown'],
      rule(1),
      undefined,
      'held',
    ],
    [
      'is lost when not even the unknown ones would suffice',
      ['down', 'unknown'],
      rule(2),
      undefined,
      'lost',
    ],
    ['is lost without servers', [], rule(1), undefined, 'lost'],
    [
      'stays held while a server is being checked anew',
      ['unknown', 'down'],
      rule(1),
      'held',
      'held',
    ],
    ['is lost with the last server', ['down', 'down'], rule(1), 'held', 'lost'],
    ['stays held within the margin', ['up', 'down', 'down'], rule(2, 1), 'held', 'held'],
    ['is lost below the margin', ['down', 'down', 'down'], rule(2, 1), 'held', 'lost'],
    ['stays lost within the margin', ['up', 'up', 'down'], rule(2, 1), 'lost', 'lost'],
    ['is held again above the margin', ['up', 'up', 'up'], rule(2, 1), 'lost', 'held'],
    ['stays lost while nothing is known', ['unknown'], rule(1), 'lost', 'lost'],
  ])('%s', (_, healths, given, before, verdict) => {
    expect(verdictOf(backends(...healths), given, before)).toBe(verdict);
  });

  test('counts weights', () => {
    const servers = [backend(1, 'up', 100), backend(2, 'up', 0)];
    expect(verdictOf(servers, rule(100), undefined)).toBe('held');
    expect(verdictOf(servers, rule(101), undefined)).toBe('lost');
  });

  test('turns at most once while the weight moves within the margin', () => {
    const moves = fc.array(fc.integer({ min: 4, max: 6 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(moves, (weights) => {
        let verdict: Verdict;
        let turns = 0;
        for (const weight of weights) {
          const next = verdictOf([backend(1, 'up', weight)], rule(5, 2), verdict);
          if (verdict !== undefined && next !== verdict) turns++;
          verdict = next;
        }
        expect(turns).toBe(0);
      }),
    );
  });

  test('is forgotten with its service', () => {
    const quorums = new Quorums();
    const known = service({ backends: backends('up') });
    const rules = new Map([['a', rule(1)]]);
    expect(quorums.judge(new Map([['a', known]]), rules).get('a')).toBe('held');
    quorums.judge(new Map(), rules);
    const unknown = service({ backends: backends('unknown') });
    expect(quorums.judge(new Map([['a', unknown]]), rules).get('a')).toBe(undefined);
  });
});

describe('a sorry server', () => {
  const sorryServer = backend(99, 'up');
  const spec = service({ backends: backends('up', 'down') });

  test('takes new flows while the quorum is lost; the others keep what they have', () => {
    const { backends: all } = withSorryServer(spec, { ...rule(2), sorryServer }, 'lost');
    expect(all.map(({ address, weight }) => [address, weight])).toEqual([
      ['10.0.0.1', 0],
      ['10.0.0.2', 0],
      ['10.0.0.99', 1],
    ]);
  });

  test.each([undefined, 'held'] as const)(
    'has nothing to do while the verdict is %s',
    (verdict) => {
      expect(withSorryServer(spec, { ...rule(2), sorryServer }, verdict)).toBe(spec);
    },
  );

  test('may be one of the servers', () => {
    const { backends: all } = withSorryServer(
      spec,
      { ...rule(2), sorryServer: backend(1, 'up') },
      'lost',
    );
    expect(all.map(({ address, weight }) => [address, weight])).toEqual([
      ['10.0.0.2', 0],
      ['10.0.0.1', 1],
    ]);
  });
});

import { describe, expect, test } from 'vitest';
import { announcementsOf, type Role, roleAtStart } from '../src/presence.ts';
import type { Verdict } from '../src/quorum.ts';
import { service } from './support/services.ts';

const services = new Map([
  ['tcp 203.0.113.1:80', service({ address: '203.0.113.1', port: 80 })],
  ['tcp 203.0.113.1:443', service({ address: '203.0.113.1', port: 443 })],
  ['tcp 203.0.113.2:80', service({ address: '203.0.113.2', port: 80 })],
]);

/** Verdicts in the order of the services. */
const verdicts = (...given: readonly Verdict[]): Map<string, Verdict> =>
  new Map([...services.keys()].map((key, index) => [key, given[index]]));

describe('an address of services', () => {
  test('is on a master whatever the health, where nothing is announced', () => {
    const found = announcementsOf(services, verdicts('lost', 'lost', undefined), {
      role: 'master',
      announce: 'none',
    });
    expect(found).toEqual([
      { address: '203.0.113.1', announced: true, reason: '' },
      { address: '203.0.113.2', announced: true, reason: '' },
    ]);
  });

  test.each<Role>(['backup', 'fault', 'drain'])('is not on a host whose role is %s', (role) => {
    const found = announcementsOf(services, verdicts('held', 'held', 'held'), {
      role,
      announce: 'route',
    });
    expect(found.map(({ announced, reason }) => [announced, reason])).toEqual([
      [false, `the role is ${role}`],
      [false, `the role is ${role}`],
    ]);
  });

  test('is announced while one of its services has its quorum', () => {
    const found = announcementsOf(services, verdicts('lost', 'held', 'lost'), {
      role: 'master',
      announce: 'exabgp',
    });
    expect(found).toEqual([
      { address: '203.0.113.1', announced: true, reason: '' },
      { address: '203.0.113.2', announced: false, reason: 'no quorum: tcp 203.0.113.2:80' },
    ]);
  });

  test('is not announced before a check has answered', () => {
    const found = announcementsOf(services, verdicts('lost', undefined, undefined), {
      role: 'master',
      announce: 'route',
    });
    expect(found.map(({ reason }) => reason)).toEqual([
      'no check has answered yet',
      'no check has answered yet',
    ]);
  });
});

test.each([
  [undefined, 'backup', 'backup'],
  [undefined, 'master', 'master'],
  ['master', 'backup', 'master'],
  ['backup', 'master', 'backup'],
  ['fault', 'master', 'backup'],
  ['drain', 'master', 'master'],
  ['drain', 'backup', 'backup'],
] as const)('a process after %s, with %s in the file, begins as %s', (left, configured, role) => {
  expect(roleAtStart(left, configured)).toBe(role);
});

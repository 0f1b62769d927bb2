import { describe, expect, test } from 'vitest';
import { OPEN } from '../src/desired.ts';
import { isListEntry, NamedSets, usersOf, withNetworks } from '../src/named-sets.ts';
import { service } from './support/services.ts';

const guarded = service({
  admission: { ...OPEN, deny: ['ipset:bots', '192.0.2.1'], allow: ['ipset:office'] },
});

describe('named sets', () => {
  test('are those of the file with what was ordered over them, until the file is loaded again', () => {
    const sets = new NamedSets();
    sets.load(
      new Map([
        ['office', ['10.0.0.0/8']],
        ['bots', ['::1']],
      ]),
    );
    sets.order({ name: 'office', networks: ['192.0.2.0/24'] });
    sets.order({ name: 'fresh', networks: [] });
    sets.order({ name: 'bots', networks: null });
    expect([...sets.effective()]).toEqual([
      ['office', ['192.0.2.0/24']],
      ['fresh', []],
    ]);
    const { orders } = sets;
    expect(sets.isOrdered('office')).toBe(true);
    sets.load(new Map([['office', ['10.0.0.0/8']]]));
    expect([...sets.effective()]).toEqual([
      ['office', ['10.0.0.0/8']],
      ['fresh', []],
    ]);
    sets.order({ name: 'fresh', networks: null });
    expect(sets.orders).toEqual([]);
    // What was saved holds over the file.
    sets.load(new Map([['bots', ['::1']]]), orders);
    expect([...sets.effective().keys()]).toEqual(['office', 'fresh']);
  });

  test('stand for their networks on lists of services', () => {
    const sets = new Map([
      ['office', ['10.0.0.0/8', '::1']],
      ['bots', []],
    ]);
    const [expanded] = withNetworks([guarded], sets);
    expect(expanded!.admission).toMatchObject({
      deny: ['192.0.2.1'],
      allow: ['10.0.0.0/8', '::1'],
    });
    expect(usersOf('office', [guarded, service({ port: 81 })])).toEqual([guarded]);
    expect(usersOf('nobody', [guarded])).toEqual([]);
  });

  test('that are not there are named, with the service', () => {
    expect(() => withNetworks([guarded], new Map([['bots', []]]))).toThrow(
      'tcp 203.0.113.1:80: its list names the set office, which is not there; there are: bots',
    );
  });

  test.each([
    ['192.0.2.0/24', true],
    ['::1', true],
    ['ipset:office', true],
    ['ipset:', false],
    ['ipset:a b', false],
    ['office', false],
    ['192.0.2.0/33', false],
  ])('%s on a list: %s', (entry, expected) => {
    expect(isListEntry(entry)).toBe(expected);
  });
});

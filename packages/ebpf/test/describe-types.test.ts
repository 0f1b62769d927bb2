import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeTypes } from '../src/describe-types.ts';
import { checkLayout, layoutOf } from '../src/layout.ts';
import { readObject } from '../src/object.ts';
import { objectBytes, selftestObject } from './support/objects.ts';

describe('describeTypes', () => {
  test.each([
    ['packet-count', 'PacketCount'],
    ['selftest', 'Selftest'],
    ['rejected', 'Rejected'],
  ] as const)('writes the types that are committed beside %s.o', (name, typeName) => {
    const path = new URL(`../bpf/objects/${name}.types.ts`, import.meta.url);
    const text = describeTypes(readObject(objectBytes(name)), { name: typeName });
    expect(text).toBe(readFileSync(path, 'utf8'));
  });
});

describe('checkLayout', () => {
  const layout = layoutOf(selftestObject());

  test('accepts the object it came from', () => {
    expect(() => checkLayout(selftestObject(), layout)).not.toThrow();
  });

  test('names map and member of every difference', () => {
    const value = layout['map shapes value']!;
    const changed = {
      ...layout,
      'map shapes value': { size: 96, members: { ...value.members, medium: 64, gone: 8 } },
      'map nowhere key': { size: 4, members: {} },
    };
    expect(() => checkLayout(selftestObject(), changed)).toThrow(
      [
        'map shapes value: has 72 bytes; expected 96',
        'map shapes value: member medium is at byte 4; expected at byte 8',
        'map shapes value: member gone is missing; expected at byte 1',
        'map nowhere key: missing',
      ].join('\n'),
    );
  });

  test('reports members that the types do not know yet', () => {
    const { tiny: _, ...members } = layout['map shapes value']!.members;
    const older = { 'map shapes value': { size: 72, members } };
    expect(() => checkLayout(selftestObject(), older)).toThrow(/member tiny is new/);
  });
});

import { describe, expect, test } from 'vitest';
import { replayCase } from '../../src/vectors/replay.ts';
import { readVectors } from './run.ts';

describe.each(['pools-v1.json', 'pools-crp.json'])('%s', (name) => {
  test.each(readVectors(name).cases)('$id $op gives what the contracts gave', (vector) => {
    expect(replayCase(vector)).toBeNull();
  });
});

import { describe, expect, test } from 'vitest';
import { replayCase } from '../../src/vectors/replay.ts';
import { readVectors } from './run.ts';

const FILES = ['pools-pools.json', 'pools-vault.json', 'pools-oracle.json', 'pools-cliff.json'];

describe.each(FILES)('%s', (name) => {
  test.each(readVectors(name).cases)('$id $op gives what the contracts gave', (vector) => {
    expect(replayCase(vector)).toBeNull();
  });
});

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as pools from '@balancer/pools';
import { apiIndex } from '../../scripts/api-index.ts';

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));
const REFERENCE = fileURLToPath(new URL('../../../../docs/pools-api.md', import.meta.url));

describe('the API reference', () => {
  test('is what the docstrings say (npm run api -w packages/pools writes it)', () => {
    expect(readFileSync(REFERENCE, 'utf8') === apiIndex(SOURCES)).toBe(true);
  });

  test('has every function that the package exports', () => {
    const reference = apiIndex(SOURCES);
    const missing = Object.entries(pools).flatMap(([path, module]) =>
      typeof module === 'function' ? [] : functionsOf(path, module),
    );
    expect(missing.filter((name) => !reference.includes(`### ${name}\n`))).toEqual([]);
  });
});

/** Names of the functions of a module and of the modules inside it. */
function functionsOf(path: string, module: object): string[] {
  return Object.entries(module).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === 'function') return [name];
    const isModule = typeof value === 'object' && value !== null && Symbol.toStringTag in value;
    return isModule ? functionsOf(`${path}.${name}`, value) : [];
  });
}

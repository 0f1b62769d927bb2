import { expect, test } from 'vitest';
import { freePort } from '../src/index.ts';

test('freePort gives nobody the port that another was given a moment ago', async () => {
  const ports = await Promise.all(Array.from({ length: 100 }, freePort));
  expect(new Set(ports).size).toBe(100);
  for (const port of ports) {
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(32_000);
  }
});

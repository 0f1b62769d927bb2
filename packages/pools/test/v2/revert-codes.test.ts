import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { V2_ERRORS } from '../../src/v2-errors.ts';

/** Codes that a world of whole pools, which call the Vault correctly, has no way to. */
const WITHOUT_A_WAY: Readonly<Record<string, readonly number[]>> = {
  'permits and signatures are not part of a world': [209, 504],
  'only the Vault calls pools': [205],
  'every token pays, and answers, and no account is the zero address': [
    408, 410, 411, 412, 413, 415, 418, 444,
  ],
  'every account takes ETH, and nobody sends it to the Vault by itself': [420, 518],
  'targets that are out of order leave no balance inside, which is found first (343)': [332],
  'every fee type that can be named is handled': [443],
  'factories are not part of a world': [211],
  'nobody asks for ownership but by pools, which say 401': [426],
  'wrapped tokens answer truthfully when asked for their rate': [357],
  'a balance in the Vault never passes 128 bits': [512],
  'no deployed bytecode of these kinds raises it': [
    105, 323, 324, 325, 339, 344, 345, 346, 347, 351, 419, 422, 423, 424, 427, 428, 429, 430, 435,
    439, 440, 441, 442, 517, 999,
  ],
};

test('every V2 revert code has a test that provokes it, or a reason why nothing does', () => {
  const folder = new URL('.', import.meta.url);
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts') && !import.meta.url.endsWith(name))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n');
  const provoked = new Set(
    Array.from(sources.matchAll(/\[\s*(\d{1,3}),\s|BAL#(\d{3})/gu), ([, number, code]) =>
      Number(number ?? code),
    ),
  );
  const codes = Object.keys(V2_ERRORS).map(Number);
  const excused = Object.values(WITHOUT_A_WAY).flat();
  expect(codes.filter((code) => !provoked.has(code))).toEqual(excused.toSorted((a, b) => a - b));
});

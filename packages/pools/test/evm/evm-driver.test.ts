import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { doubles } from './artifacts.ts';
import { deployBase, deployScenario } from './deployment.ts';
import { EvmDriver } from './evm-driver.ts';
import { asFields } from './values.ts';
import { type VectorCase, vectorScenario } from './vector-scenario.ts';

const isLong = process.env['BALANCER_TEST_LONG'] !== undefined;
/** The oracle cases swap a thousand times each. */
const FILES = isLong
  ? ['pools-pools', 'pools-vault', 'pools-cliff', 'pools-oracle']
  : ['pools-vault'];

const CASES = FILES.flatMap((file) => {
  const url = new URL(`../vectors/${file}.json`, import.meta.url);
  // oxlint-disable-next-line no-unsafe-type-assertion -- the files are ours
  const { cases } = JSON.parse(readFileSync(url, 'utf8')) as { cases: VectorCase[] };
  return cases.filter(({ op }) => op.endsWith('scenario'));
});

describe('the bytecode in the in-process EVM', () => {
  test.each(CASES)(
    'gives the recorded answers of $id',
    async (found) => {
      const { scenario, out } = vectorScenario(found);
      const driver = new EvmDriver(await deployScenario(await deployBase(scenario), scenario));
      for (const [index, step] of scenario.steps.entries()) {
        // oxlint-disable-next-line no-await-in-loop -- one step after the other
        const outcome = await driver.step(step);
        const { state: _, internal: __, info: ___, ...expected } = out[index]!;
        expect({ index, ...outcome }).toMatchObject({ index, ...expected });
      }
    },
    60_000,
  );

  test('reads internal balances from the slots where the Vault keeps them', async () => {
    const { scenario } = vectorScenario(CASES.find(({ in: input }) => 'tokens' in input)!);
    const driver = new EvmDriver(await deployScenario(await deployBase(scenario), scenario));
    const ops = [{ kind: 'DEPOSIT_INTERNAL', token: 'A', amount: '12345' }];
    await driver.step({ do: 'manageUserBalance', ops });
    expect(asFields((await driver.state())['internal'])['alice']).toContain('12345');
  });
});

describe('the doubles', () => {
  test('are compiled from the source beside them', () => {
    const source = readFileSync(new URL('doubles/Doubles.sol', import.meta.url));
    expect(doubles().sourceSha256).toBe(createHash('sha256').update(source).digest('hex'));
  });
});

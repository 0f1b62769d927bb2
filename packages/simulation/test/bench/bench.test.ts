import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatMeasured, runBench } from '@balancer/simulation';
import { measure } from '../../src/bench/measure.ts';
import { scratchFolder } from '../files.ts';

describe('measure', () => {
  test('puts ours beside the others, with the rounds, and says whether the aim is met', async () => {
    const done: string[] = [];
    const work = (name: string) => ({
      name,
      count: 10,
      run: (count: number) => {
        done.push(`${name} ${count}`);
        // Processor time has a resolution: a round must take some.
        for (const until = performance.now() + 20; performance.now() < until;);
      },
    });
    const question = {
      name: 'x',
      question: 'How fast?',
      goal: 1,
      contenders: [work('ours'), work('loop')],
    };
    const measured = await measure(question, { rounds: 2, share: 1 });
    // Four warm-ups each, then the rounds in alternating order.
    expect(done.slice(8)).toEqual(['ours 10', 'loop 10', 'loop 10', 'ours 10']);
    expect(measured.rates.map(({ name, rounds }) => [name, rounds.length])).toEqual([
      ['ours', 2],
      ['loop', 2],
    ]);
    expect(measured.rates[0]!.ratio).toBe(1);
    expect(measured.rates[0]!.rate).toBeGreaterThan(1);
    const text = formatMeasured(measured);
    expect(text).toMatch(/^How fast\? Aim: 1\.00\/s, met \(\d+/);
    expect(text).toMatch(/ {2}loop +[\d.]+ ?k?\/s +ours is [\d.]+ x/);
  });
});

describe('runBench', () => {
  test('measures the figures that are named, and refuses others', async () => {
    const [env] = await runBench({ only: ['env'], isQuick: true });
    expect(env!.rates.map(({ name }) => name)).toEqual(['env.step', 'the loop alone']);
    expect(env!.rates.every(({ rate }) => rate > 0)).toBe(true);
    await expect(runBench({ only: ['speed'] })).rejects.toThrow(
      'speed: must be one of normals, gbm, grid, experiment, replay, csv, env',
    );
  });

  test('steps the Python model of a folder beside ours; one that does not run says what Python says', async () => {
    const folder = scratchFolder();
    const file = (name: string, text: string): void => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    };
    // The parts of the model that are called, in a few lines of our own: it trades each step.
    file('model/__init__.py', '');
    file('model/parts/__init__.py', '');
    file(
      'model/parts/pool_method_entities.py',
      'class TokenAmount:\n    def __init__(self, symbol, amount):\n        self.symbol, self.amount = symbol, amount\n',
    );
    file(
      'model/parts/balancer_math.py',
      'class BalancerMath:\n    @staticmethod\n    def calc_spot_price(token_balance_in, token_weight_in, token_balance_out, token_weight_out, swap_fee):\n        return token_balance_in / token_weight_in / (token_balance_out / token_weight_out) / (1 - swap_fee)\n',
    );
    file(
      'model/parts/arbitrage_policies.py',
      `from decimal import Decimal
from types import SimpleNamespace
from .pool_method_entities import TokenAmount
VERBOSE = True
def p_arbitrageur(params, substep, history, state):
    assert not VERBOSE and params[0]['arb_liquidity_granularity'] == 1000
    assert state['pool'].tokens['AAVE'].balance > 0 and len(state['spot_prices']['AAVE']) == 3
    print('the model prints')
    paid = SimpleNamespace(token_in=TokenAmount('AAVE', Decimal(1)))
    taken = SimpleNamespace(token_out=TokenAmount('WETH', Decimal('0.001')))
    return {'pool_update': (paid, taken)}
`,
    );
    const [grid] = await runBench({ only: ['grid'], isQuick: true, pythonModel: folder });
    expect(grid!.rates.at(-1)).toMatchObject({ name: 'Python model' });
    expect(grid!.rates.at(-1)!.rate).toBeGreaterThan(0);
    await expect(
      runBench({ only: ['grid'], isQuick: true, pythonModel: scratchFolder() }),
    ).rejects.toThrow(/the Python model in .* does not run: ModuleNotFoundError/);
  });
});

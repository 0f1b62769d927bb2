/**
 * Estimates a market and its flow from a recording, as the tables of an experiment file.
 *
 * @module
 */
import type { PriceTable } from '../prices/price-table.ts';
import { SimulationError } from '../errors.ts';
import { toUnits } from './decimal.ts';
import type { Recording } from './recording.ts';

const YEAR_SECONDS = 365 * 86_400;

/**
 * TOML with a `gbm` process per recorded price, and a `noise` agent with the arrival rate, the
 * log-normal size and the direction of the recorded swaps. Sizes are in the token that is last in
 * the pool, which stands for the quote currency.
 *
 * @throws {SimulationError} When there is neither a series of prices nor a swap.
 */
export function fitMarket({ actions, prices, initial }: Recording): string {
  const lines: string[] = [];
  if (prices !== null && prices.times.length > 2) lines.push(...fitPrices(prices));
  const swaps = actions.filter(({ kind }) => kind === 'swap');
  if (swaps.length > 1) {
    const quote = initial?.tokens.at(-1) ?? null;
    const symbol = quote?.symbol ?? swaps[0]!.tokens.at(-1)!;
    const sizes: number[] = [];
    let intoFirst = 0;
    for (const { tokens, amounts } of swaps) {
      const place = tokens.indexOf(symbol);
      if (place < 0) continue;
      const amount = amounts[place]!;
      sizes.push(Math.abs(toUnits(amount, quote?.decimals ?? 18)));
      if (amount > 0n) intoFirst++;
    }
    if (sizes.length < 2)
      throw new SimulationError(
        `fit: fewer than two swaps with ${symbol}; give the pool's state with its quote token last`,
      );
    const logs = sizes.filter((size) => size > 0).map(Math.log);
    const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
    const sd = Math.sqrt(
      logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (logs.length - 1),
    );
    const days = (swaps.at(-1)!.t - swaps[0]!.t) / 86_400;
    lines.push(
      '[[agents]]',
      'type = "noise"',
      `perDay = ${(swaps.length / days).toPrecision(6)}`,
      `meanSize = ${(sizes.reduce((sum, size) => sum + size, 0) / sizes.length).toPrecision(6)} # ${symbol}`,
      `sizeSd = ${sd.toPrecision(6)}`,
      `bias = ${(intoFirst / sizes.length).toPrecision(6)} # share of the swaps that pay ${symbol} in`,
      '',
    );
  }
  if (lines.length === 0)
    throw new SimulationError('fit: the recording has neither a series of prices nor two swaps');
  return lines.join('\n');
}

function fitPrices({ symbols, times, prices }: PriceTable): string[] {
  const width = symbols.length;
  const years = (times.at(-1)! - times[0]!) / YEAR_SECONDS;
  return symbols.flatMap((symbol, i) => {
    let [sum, squares] = [0, 0];
    const count = times.length - 1;
    for (let row = 1; row <= count; row++) {
      const r = Math.log(prices[row * width + i]! / prices[(row - 1) * width + i]!);
      sum += r;
      squares += r * r;
    }
    const perYear = count / years;
    const variance = (squares / count - (sum / count) ** 2) * perYear;
    // The drift of a log price is half a variance below that of the price.
    const mu = (sum / count) * perYear + variance / 2;
    return [
      `[price.${symbol}]`,
      'process = "gbm"',
      `start = ${prices[i]}`,
      `mu = ${mu.toPrecision(6)}`,
      `sigma = ${Math.sqrt(variance).toPrecision(6)}`,
      '',
    ];
  });
}

/**
 * What a recording holds, in a few numbers.
 *
 * @module
 */
import { toUnits } from './decimal.ts';
import type { Recording } from './recording.ts';

export interface RecordingProfile {
  readonly rows: number;
  /** Rows per kind, in order of first appearance. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Unix seconds of the first and last row; null without rows. */
  readonly from: number | null;
  readonly to: number | null;
  /** Amounts that came into the pool, per token, in whole tokens where decimals are known. */
  readonly volume: Readonly<Record<string, number>>;
  readonly priceRows: number;
}

/** Counts rows, spans and volumes. */
export function profileOf({ actions, initial, prices }: Recording): RecordingProfile {
  const kinds: Record<string, number> = {};
  const volume: Record<string, number> = {};
  const decimals = new Map(initial?.tokens.map((token) => [token.symbol, token.decimals]));
  for (const action of actions) {
    kinds[action.kind] = (kinds[action.kind] ?? 0) + 1;
    if (action.kind !== 'swap') continue;
    action.amounts.forEach((amount, i) => {
      const token = action.tokens[i]!;
      if (amount > 0n)
        volume[token] = (volume[token] ?? 0) + toUnits(amount, decimals.get(token) ?? 0);
    });
  }
  return {
    rows: actions.length,
    kinds,
    from: actions[0]?.t ?? (prices === null ? null : (prices.times[0] ?? null)),
    to: actions.at(-1)?.t ?? (prices === null ? null : (prices.times.at(-1) ?? null)),
    volume,
    priceRows: prices?.times.length ?? 0,
  };
}

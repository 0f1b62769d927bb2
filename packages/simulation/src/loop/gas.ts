/**
 * What transactions cost: units of gas by kind of order, times a price that may change with time.
 *
 * @module
 */
import { type PriceCursor, priceCursor, type PriceTable } from '../prices/price-table.ts';
import type { PoolFamily } from '../pools/spec.ts';
import type { Order } from './types.ts';

/** Units of gas. */
export interface GasUnits {
  readonly swap: number;
  readonly join: number;
  readonly exit: number;
  /** Each swap of a batch after the first. */
  readonly hop: number;
}

/**
 * Measured on the Vault: a swap of a weighted pool of two tokens takes 98 000, of a stable one of four
 * 140 000, a join 169 000, a batch of three swaps 216 000.
 */
export const GAS_UNITS: Readonly<Record<PoolFamily, GasUnits>> = {
  weighted: { swap: 98_000, join: 169_000, exit: 169_000, hop: 59_000 },
  stable: { swap: 140_000, join: 169_000, exit: 169_000, hop: 59_000 },
};

const GWEI = 1e-9;

export interface GasOptions {
  readonly units: GasUnits;
  /** Price of a unit in gwei: a number, or a column of recorded ones. */
  readonly gwei: number | { readonly table: PriceTable; readonly column: number };
  /** Price of ether in quote: a number, or that of a token of the pool. */
  readonly ether: number | { readonly token: number };
}

/** Costs in quote units at the time and prices of a step. */
export class GasMeter {
  readonly #options: GasOptions;
  readonly #cursor: PriceCursor | null;
  readonly #row: Float64Array;

  constructor(options: GasOptions) {
    this.#options = options;
    const { gwei } = options;
    this.#cursor = typeof gwei === 'number' ? null : priceCursor(gwei.table, 'hold');
    this.#row = new Float64Array(typeof gwei === 'number' ? 0 : gwei.table.symbols.length);
  }

  /** Quote units that the gas of an order costs. */
  costOf(order: Order, time: number, prices: ArrayLike<number>): number {
    const units = unitsOf(order, this.#options.units);
    return units === 0 ? 0 : units * this.#unitPrice(time, prices);
  }

  #unitPrice(time: number, prices: ArrayLike<number>): number {
    const { gwei, ether } = this.#options;
    const etherPrice = typeof ether === 'number' ? ether : prices[ether.token]!;
    if (typeof gwei === 'number') return gwei * GWEI * etherPrice;
    this.#cursor!.at(time, this.#row);
    return this.#row[gwei.column]! * GWEI * etherPrice;
  }
}

function unitsOf(order: Order, units: GasUnits): number {
  switch (order.do) {
    case 'swap':
    case 'swapOut':
      return units.swap;
    case 'join':
    case 'joinSwap':
      return units.join;
    case 'exit':
    case 'exitSwap':
      return units.exit;
    case 'vaultBatch':
      return units.swap + (order.steps.length - 1) * units.hop;
    case 'batch': {
      const swaps = order.orders.filter(({ do: what }) => what === 'swap' || what === 'swapOut');
      const others = order.orders.reduce(
        (sum, each) => sum + (swaps.includes(each) ? 0 : unitsOf(each, units)),
        0,
      );
      return others + (swaps.length === 0 ? 0 : units.swap + (swaps.length - 1) * units.hop);
    }
    // Those who keep a token elastic pay for it elsewhere.
    case 'gulp':
    case 'rebase':
    case 'none':
      return 0;
    default:
      return order satisfies never;
  }
}

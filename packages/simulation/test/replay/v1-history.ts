/** A V1 pool's life as the chain logs it: operations on the engine, their events as raw logs. */
import { v1 } from '@balancer/pools';
import { V1_TOPICS } from '@balancer/simulation';

export interface RawLog {
  address: string;
  block_number: number;
  block_time: number;
  tx_hash: string;
  log_index: number;
  topics: string[];
  data: string;
}

export const POOL = `0x${'b1'.repeat(20)}`;
export const WETH = `0x${'11'.repeat(20)}`;
export const DAI = `0x${'22'.repeat(20)}`;
const OWNER = `0x${'0e'.repeat(20)}`;

const word = (value: bigint | string): string =>
  (typeof value === 'bigint' ? value.toString(16) : value.slice(2)).padStart(64, '0');

/** Words of calldata in the order of the contract's signature. */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = {
  bind: ['token', 'balance', 'denorm'],
  rebind: ['token', 'balance', 'denorm'],
  gulp: ['token'],
  setSwapFee: ['fee'],
  finalize: [],
  swapExactAmountIn: ['tokenIn', 'tokenAmountIn', 'tokenOut', 'minAmountOut', 'maxPrice'],
  swapExactAmountOut: ['tokenIn', 'maxAmountIn', 'tokenOut', 'tokenAmountOut', 'maxPrice'],
  joinPool: ['poolAmountOut'],
  exitPool: ['poolAmountIn'],
  joinswapExternAmountIn: ['tokenIn', 'tokenAmountIn', 'minPoolAmountOut'],
  joinswapPoolAmountOut: ['tokenIn', 'poolAmountOut', 'maxAmountIn'],
  exitswapPoolAmountIn: ['tokenOut', 'poolAmountIn', 'minAmountOut'],
  exitswapExternAmountOut: ['tokenOut', 'tokenAmountOut', 'maxPoolAmountIn'],
};
const DEFAULTS: Readonly<Record<string, bigint>> = {
  maxPrice: (1n << 256n) - 1n,
  maxAmountIn: (1n << 256n) - 1n,
  maxPoolAmountIn: (1n << 256n) - 1n,
};

export class V1History {
  readonly logs: RawLog[] = [];
  pool = v1.pool.newPool({ address: POOL, factory: OWNER, controller: OWNER });
  #block = 9_600_000;
  #log = 0;

  /** One transaction with one call. @returns Its hash. */
  call(operation: v1.pool.PoolOperation, silent = false): string {
    this.#block++;
    const tx = `0x${this.#block.toString(16).padStart(64, '0')}`;
    const { state, events } = v1.pool.step(this.pool, operation, {
      sender: OWNER,
      block: BigInt(this.#block),
    });
    this.pool = state;
    if (silent) return tx;
    const words = operation as unknown as Readonly<Record<string, bigint | string>>;
    for (const event of events) this.#add(tx, event, words);
    return tx;
  }

  #add(tx: string, event: v1.V1Event, words: Readonly<Record<string, bigint | string>>): void {
    const base = {
      block_number: this.#block,
      block_time: 1_583_000_000 + this.#block,
      tx_hash: tx,
      log_index: this.#log++,
    };
    const caller = `0x${word(OWNER)}`;
    const add = (address: string, topics: string[], data: string): void => {
      this.logs.push({ ...base, address, topics, data: `0x${data}` });
    };
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the events of V1 pools alone
    switch (event.type) {
      case 'LOG_CALL': {
        const parts = SIGNATURES[event.call]!.map((name) =>
          word(words[name] ?? DEFAULTS[name] ?? 0n),
        ).join('');
        const bytes = event.sig.slice(2) + parts;
        const data =
          word(32n) +
          word(BigInt(bytes.length / 2)) +
          bytes.padEnd(Math.ceil(bytes.length / 64) * 64, '0');
        return add(POOL, [event.sig.padEnd(66, '0'), caller], data);
      }
      case 'LOG_SWAP':
        return add(
          POOL,
          [V1_TOPICS.LOG_SWAP, caller, `0x${word(event.tokenIn)}`, `0x${word(event.tokenOut)}`],
          word(event.tokenAmountIn) + word(event.tokenAmountOut),
        );
      case 'LOG_JOIN':
        return add(
          POOL,
          [V1_TOPICS.LOG_JOIN, caller, `0x${word(event.tokenIn)}`],
          word(event.tokenAmountIn),
        );
      case 'LOG_EXIT':
        return add(
          POOL,
          [V1_TOPICS.LOG_EXIT, caller, `0x${word(event.tokenOut)}`],
          word(event.tokenAmountOut),
        );
      case 'Transfer':
        return add(
          event.contract,
          [V1_TOPICS.TRANSFER, `0x${word(event.from)}`, `0x${word(event.to)}`],
          word(event.amount),
        );
      default:
        throw new Error(`no log for ${event.type}`);
    }
  }
}

const ETHER = 10n ** 18n;

/** From creation on: binds, a fee, all kinds of trades, joins and exits. */
export function fullHistory(): V1History {
  const history = new V1History();
  history.call({ do: 'bind', token: DAI, balance: 10_000_000n * ETHER, denorm: 10n * ETHER });
  history.call({
    do: 'bind',
    token: WETH,
    balance: 67_738_636_173_102_396_002_749n,
    denorm: 40n * ETHER,
  });
  history.call({ do: 'setSwapFee', fee: 2_500_000_000_000_000n });
  history.call({ do: 'finalize' });
  history.call({
    do: 'swapExactAmountIn',
    tokenIn: DAI,
    tokenAmountIn: 11_861_328_308_360_999_600_128n,
    tokenOut: WETH,
  });
  history.call({
    do: 'swapExactAmountOut',
    tokenIn: WETH,
    tokenOut: DAI,
    tokenAmountOut: 5_000n * ETHER,
  });
  history.call({
    do: 'joinPool',
    poolAmountOut: 10n * ETHER,
    maxAmountsIn: [1n << 200n, 1n << 200n],
  });
  history.call({ do: 'joinswapExternAmountIn', tokenIn: WETH, tokenAmountIn: 100n * ETHER });
  history.call({ do: 'joinswapPoolAmountOut', tokenIn: DAI, poolAmountOut: ETHER });
  history.call({ do: 'exitswapPoolAmountIn', tokenOut: DAI, poolAmountIn: ETHER });
  history.call({ do: 'exitswapExternAmountOut', tokenOut: WETH, tokenAmountOut: 3n * ETHER });
  history.call({ do: 'exitPool', poolAmountIn: 4n * ETHER, minAmountsOut: [0n, 0n] });
  history.call({
    do: 'swapExactAmountIn',
    tokenIn: WETH,
    tokenAmountIn: 50n * ETHER,
    tokenOut: DAI,
  });
  return history;
}

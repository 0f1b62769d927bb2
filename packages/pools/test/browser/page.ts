/** What the browser test runs in a page: every part of the package once. */
import { float, v1, v2 } from '@balancer/pools';

const ONE = 10n ** 18n;

/** Results of known swaps, as one line. */
export function compute(): string {
  return [v2Swap(), v1Swap(), floatSwap(), jsonRoundTrip()].join(' ');
}

function stableWorld(): { world: v2.World; pool: v2.PoolId; tokens: [string, string] } {
  const world = v2.createWorld({ time: 1_700_000_000n, block: 1n });
  const owner = `0x${'a'.repeat(40)}`;
  const dai = world.createToken({ symbol: 'DAI', decimals: 18 });
  const usdt = world.createToken({ symbol: 'USDT', decimals: 18 });
  const tokens: [string, string] = [dai, usdt];
  const pool = world.createPool({
    kind: 'stable-1',
    tokens,
    amp: 200n,
    swapFee: 10n ** 14n,
    owner,
  });
  world.join({ pool, sender: owner, kind: 'INIT', amounts: [10_000n * ONE, 10_000n * ONE] });
  return { world, pool, tokens };
}

function v2Swap(): string {
  const { world, pool, tokens } = stableWorld();
  const [tokenIn, tokenOut] = tokens;
  const sender = `0x${'b'.repeat(40)}`;
  const amount = 4000n * ONE;
  return `v2 ${world.swap({ pool, sender, kind: 'GIVEN_IN', tokenIn, tokenOut, amount })}`;
}

/** The trade of the first mainnet swap of a DAI/WETH pool. */
function v1Swap(): string {
  return `v1 ${v1.math.outGivenIn(FIRST_SWAP, 11_861_328_308_360_999_600_128n)}`;
}

const FIRST_SWAP: v1.math.TradeSides = {
  balanceIn: 10_000_000n * ONE,
  weightIn: 10n * ONE,
  balanceOut: 67_738_636_173_102_396_002_749n,
  weightOut: 40n * ONE,
  swapFee: 25n * 10n ** 14n,
};

function floatSwap(): string {
  const pair = { balanceIn: 100, weightIn: 0.5, balanceOut: 100, weightOut: 0.5 };
  return `float ${float.weighted.outGivenIn({ ...pair, amountIn: 0.5 }).toFixed(6)}`;
}

function jsonRoundTrip(): string {
  const { world } = stableWorld();
  const text = JSON.stringify(world);
  return `json ${JSON.stringify(v2.World.fromJSON(JSON.parse(text))) === text}`;
}

/**
 * `npm run bench -w packages/simulation`: what runs cost, beside plain loops in the same process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, sink } from '../../pools/bench/harness.ts';
import {
  type Action,
  DEFAULT_POOL_ENV,
  feeControlEnv,
  importFile,
  type InitialState,
  replay,
  runArbedPair,
  runGrid,
  Stream,
} from '@balancer/simulation';

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`,
);

const normals = new Float64Array(4096);
const stream = new Stream(1n, 'bench');
compare('How many normals a second? Floor: the platform generator through Box and Muller.', [
  {
    name: 'Stream.fillNormals',
    count: 2_000_000,
    run: (count) => {
      for (let i = 0; i < count; i += 4096) stream.fillNormals(normals, 4096);
      sink.value = normals[0];
    },
  },
  {
    name: 'Math.random, plain loop',
    count: 2_000_000,
    run: (count) => {
      for (let i = 0; i < count; i += 2) {
        const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
        const angle = 2 * Math.PI * Math.random();
        normals[i & 4094] = radius * Math.cos(angle);
        normals[(i & 4094) + 1] = radius * Math.sin(angle);
      }
      sink.value = normals[0];
    },
  },
]);

const pair = {
  balances: [1000, 1000],
  weights: [0.5, 0.5],
  swapFee: 0.003,
  startPrice: 1,
  mu: 0,
  sigma: 0.8,
  stepsPerYear: 105_120,
} as const;
compare(
  'Steps a second of GBM and closed-form arbitrage on two tokens? Floor: the loop by hand, without metrics.',
  [
    {
      name: 'runArbedPair',
      count: 1_000_000,
      run: (steps) => (sink.value = runArbedPair({ ...pair, steps }, stream)),
    },
    { name: 'plain loop', count: 1_000_000, run: plainLoop },
  ],
);

function plainLoop(steps: number): void {
  const drift = (-0.32 * 1) / 105_120;
  const scale = 0.8 / Math.sqrt(105_120);
  let [x, y, price] = [1000, 1000, 1];
  for (let start = 0; start < steps; start += 4096) {
    stream.fillNormals(normals, 4096);
    for (let i = 0; i < 4096; i++) {
      price *= Math.exp(drift + scale * normals[i]!);
      let k = (0.997 * price * x) / y;
      if (k > 1) {
        const paid = (y * (Math.sqrt(k) - 1)) / 0.997;
        x -= (x * 0.997 * paid) / (y + 0.997 * paid);
        y += paid;
        continue;
      }
      k = (0.997 * y) / (price * x);
      if (k > 1) {
        const paid = (x * (Math.sqrt(k) - 1)) / 0.997;
        y -= (y * 0.997 * paid) / (x + 0.997 * paid);
        x += paid;
      }
    }
  }
  sink.value = x + y;
}

const tokens = 4;
const rows = new Float64Array(5120 * tokens);
const prices = [176, 13, 6.4, 29_600];
for (let row = 0; row < 5120; row++) {
  for (let i = 0; i < tokens; i++) {
    rows[row * tokens + i] = prices[i]!;
    prices[i] = prices[i]! * Math.exp(0.004 * stream.normal());
  }
}
const gridPool = () => ({
  balances: Float64Array.of(1000, 11_024, 13_781, 5.969),
  denorms: Float64Array.of(12, 10, 6, 12),
  swapFee: 0.0015,
  generatedFees: new Float64Array(tokens),
});
const rules = {
  txCost: 30,
  minLiquidity: 100,
  maxLiquidity: 100_000,
  granularity: 1000,
  weightChange: 'none',
} as const;
compare('Steps a second of arb.grid, four tokens, 99 sizes? The Python model of the study: 161.', [
  {
    name: 'runGrid',
    count: 5118 * 20,
    run: (count) => {
      for (let i = 0; i < count; i += 5118)
        sink.value = runGrid(gridPool(), rows, { rules, steps: 5118 });
    },
  },
]);

const ETHER = 10n ** 18n;
const initial: InitialState = {
  kind: 'v1',
  swapFee: 3_000_000_000_000_000n,
  supply: null,
  amp: null,
  protocolFee: 0n,
  isControlled: false,
  t: 0,
  block: null,
  addresses: {},
  tokens: ['A', 'B'].map((symbol) => ({
    symbol,
    decimals: 18,
    balance: 1_000_000n * ETHER,
    weight: 10n * ETHER,
    rate: null,
  })),
};
const actions = Array.from({ length: 10_000 }, (_each, i): Action => ({
  t: i,
  block: i,
  tx: null,
  log: null,
  pool: 'p',
  kind: 'swap',
  actor: '',
  given: 'in',
  tokens: i % 2 ? ['A', 'B'] : ['B', 'A'],
  amounts: [BigInt(1 + (i % 97)) * ETHER, -1n],
  shares: null,
  limit: null,
  prices: null,
  meta: null,
}));
compare('Actions a second of an exact V1 replay with its report?', [
  {
    name: 'replay, event',
    count: 10_000,
    run: (count) =>
      (sink.value = replay(
        { actions: actions.slice(0, count), initial, prices: null },
        { mode: 'event' },
      )),
  },
]);

const action = Float64Array.of(0.6);
const envSteps = (every: number) => {
  const env = feeControlEnv({ ...DEFAULT_POOL_ENV, every });
  return (count: number): void => {
    for (let i = 0; i < count; i++) {
      if (i % (2016 / every) === 0) env.reset({ seed: BigInt(i) });
      sink.value = env.step(action);
    }
  };
};
compare('Steps of fee-control a second?', [
  { name: 'an action each step of the loop', count: 50_000, run: envSteps(1) },
  { name: 'an action each twelve steps', count: 5000, run: envSteps(12) },
]);

const folder = mkdtempSync(join(tmpdir(), 'balancer-bench-'));
try {
  const file = join(folder, 'swaps.csv');
  const lines = Array.from(
    { length: 1_000_000 },
    (_each, i) => `${i},0x${i},0,swap,A B,${i + 1} -${i + 1}`,
  );
  writeFileSync(file, `t,tx,log,kind,tokens,amounts\n${lines.join('\n')}\n`);
  lines.length = 0;
  const before = process.cpuUsage();
  const { recording } = await importFile(file, { format: 'csv' });
  const { user, system } = process.cpuUsage(before);
  console.log(
    `\nA CSV of ${recording.actions.length} rows, read, checked and sorted: ${((user + system) / 1e6).toFixed(1)} s of processor time`,
  );
} finally {
  rmSync(folder, { recursive: true });
}

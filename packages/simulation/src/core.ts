/**
 * What needs no file, socket or thread, and so also runs in a browser: random streams, processes,
 * agents, formulas and kernels.
 *
 * @module
 */
export { SimulationError, UserCodeError } from './errors.ts';
export { fnv1a64, Stream, type StreamState } from './random/stream.ts';
export { cholesky, correlate, eigenvalues } from './prices/correlation.ts';
export * from './prices/processes.ts';
export {
  joinTables,
  logReturns,
  priceCursor,
  type PriceCursor,
  type PriceTable,
  selectSymbols,
  sliceTimes,
} from './prices/price-table.ts';
export {
  type ArbitragePair,
  type ArbitrageTrade,
  closedFormAmountIn,
  closedFormTrade,
} from './agents/arbitrage.ts';
export {
  applyGridTrade,
  findGridTrade,
  type GridPool,
  type GridRules,
  type GridRun,
  type GridTrade,
  runGrid,
} from './agents/grid.ts';
export * from './elastic/rebase.ts';
export * from './metrics/formulas.ts';
export { type ArbedPair, type ArbedPairResult, runArbedPair } from './kernels/arbed-pair.ts';
export {
  type CaseOutcome,
  isOfSimulation,
  type ReadPrices,
  runCase,
  type SimulationCase,
} from './vectors/run-case.ts';
export * from './pools/spec.ts';
export type { ExactPool, SingleAmounts, SingleCall, SwapAmounts, SwapCall } from './pools/exact.ts';
export { ExactV1Pool } from './pools/exact-v1.ts';
export { ExactV2Pool } from './pools/exact-v2.ts';
export * from './records/action.ts';
export {
  formatDecimal,
  type ParsedAmount,
  parseDecimal,
  parseRaw,
  toRaw,
  toUnits,
} from './records/decimal.ts';
export { CsvError, CsvParser, formatRow, type RowListener, splitRow } from './records/csv.ts';
export {
  formatRecordProblem,
  Problems,
  RecordError,
  type RecordProblem,
} from './records/problem.ts';
export { type InitialState, normalisedWeights, readInitialState } from './records/initial-state.ts';
export {
  actionsOfPrices,
  assemble,
  type PlacedAction,
  type Recording,
} from './records/recording.ts';
export { profileOf, type RecordingProfile } from './records/profile.ts';
export { V1_TOPICS } from './records/formats/v1-events.ts';
export { readV1Logs, type V1LogOptions } from './records/formats/v1-logs.ts';
export type { CarryMode } from './replay/carry.ts';
export {
  exactPoolOf,
  type OnRevert,
  replay,
  type ReplayMode,
  type ReplayOptions,
  type ReplayReport,
  type ReplayRow,
  type WhatIf,
} from './replay/replay.ts';
export * from './loop/types.ts';
export type { RebaseRow } from './loop/execution.ts';
export { GAS_UNITS, GasMeter, type GasOptions, type GasUnits } from './loop/gas.ts';
export { Simulation, type SimulationOptions } from './loop/simulation.ts';
export {
  RecordedFlow,
  type RecordedFlowOptions,
  type RecordedOrder,
} from './loop/recorded-flow.ts';
export { Market, type MarketOptions, type Shock, type TokenSource } from './prices/market.ts';
export { bestAmount, closedFormAgent, gridAgent, solverAgent } from './agents/arbitrageurs.ts';
export {
  informedAgent,
  jitAgent,
  noiseAgent,
  sandwichAgent,
  type Surrounding,
  type SurroundingAgent,
  trendAgent,
} from './agents/traders.ts';
export { providerAgent, rebaserAgent, valueOf } from './agents/providers.ts';
export { attackerAgent, type AttackerOptions } from './agents/attacker.ts';
export { policyAgent, policyController, type PolicyOptions } from './agents/policy.ts';
export * from './controllers/controllers.ts';
export type { SimPool, VaultBatchResult, VaultSwap } from './pools/sim-pool.ts';
export { FloatPool } from './pools/float-pool.ts';
export { ExactSimPool } from './pools/exact-sim-pool.ts';
export { depth, invariantPerShare } from './metrics/pool-measures.ts';
export {
  type InvariantFall,
  type MetricName,
  METRICS,
  MetricsRecorder,
  type RunMetrics,
  TOKEN_METRICS,
  type TokenMetrics,
} from './metrics/recorder.ts';
export {
  type PairedDifference,
  pairedDifference,
  quantile,
  type Summary,
  summarise,
  tailRisk,
} from './metrics/statistics.ts';
export {
  type AttackOptions,
  type AttackResult,
  type AttackStep,
  searchAttack,
} from './attack/search.ts';
export * from './learn/spaces.ts';
export {
  type Env,
  episodeReturn,
  type ObservationField,
  type Policy,
  type ResetOptions,
  type StepResult,
  VectorEnv,
} from './learn/env.ts';
export {
  arbitrageEnv,
  DEFAULT_POOL_ENV,
  feeControlEnv,
  type PoolEnvOptions,
  weightsControlEnv,
} from './learn/pool-envs.ts';
export { ARBITRAGE_SIZES, POOL_FIELDS } from './learn/pool-observer.ts';
export * from './learn/train.ts';
export { allocationEnv, ALLOCATION_FIELDS } from './learn/allocation-env.ts';
export {
  ATTACK_FIELDS,
  attackEnv,
  type AttackEnvOptions,
  DEFAULT_ATTACK_ENV,
} from './learn/attack-env.ts';
export { createEnv, ENV_NAMES, type EnvName } from './learn/envs.ts';
export { type NetShape, netPolicy, type Normaliser } from './learn/policy-net.ts';
export { qPolicy, type QOptions, type QTable, trainQTable } from './learn/q-learning.ts';

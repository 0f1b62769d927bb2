/**
 * Pools through time.
 *
 * @module
 */
export * from './core.ts';
export {
  importFile,
  type ImportOptions,
  importPrices,
  type ImportResult,
  readStateFile,
  RECORD_FORMATS,
  type RecordFormat,
} from './records/import-file.ts';
export {
  loadExperiment,
  type LoadedExperiment,
  parseExperiment,
  withValue,
} from './experiment/load.ts';
export {
  type AgentSpec,
  type ControllerSpec,
  type Experiment,
  type PriceSpec,
} from './experiment/schema.ts';
export { loadResources, type Resources, type UserModule } from './experiment/resources.ts';
export {
  createPool,
  createSimulation,
  poolSpecOf,
  type ScenarioHooks,
} from './experiment/scenario.ts';
export {
  type Parameters,
  type Point,
  type Points,
  pointsOf,
  unitSamples,
} from './experiment/points.ts';
export { type Plan, planFrom, planOf, type PlanSource } from './experiment/plan.ts';
export { type JobResult, runJob } from './experiment/run-job.ts';
export { type Manifest, readManifest } from './experiment/manifest.ts';
export { type RunOptions, type RunOutcome, runPlan } from './experiment/runner.ts';
export {
  inlineRunner,
  type OpenShards,
  type RunProgress,
  type ShardRunner,
  threadRunner,
} from './experiment/shard-runner.ts';
export { type BenchOptions, runBench } from './bench/bench.ts';
export { formatMeasured, type Measured } from './bench/measure.ts';
export { Board, type BoardEntry, type BoardOptions } from './serve/board.ts';
export { type ComparedMetric, type Comparison, comparePoints } from './serve/compare.ts';
export { boardRoutes } from './serve/routes.ts';
export { DUCKDB_INSTALL, hasDuckDb } from './tables/duckdb.ts';
export { type Column, csvToParquet, readParquet } from './tables/parquet.ts';
export { type QueryResult, queryResults } from './tables/query.ts';
export { type TableFormat, type TableName, TABLES } from './tables/tables.ts';
export { DEFAULT_QUEUE, type QueueOptions } from './queue/bullmq.ts';
export { queueRunner } from './queue/coordinator.ts';
export { openStore, type Store } from './queue/store.ts';
export { type QueueWorker, type QueueWorkerOptions, startQueueWorker } from './queue/worker.ts';
export type { Fold, OptimisationResult, Score } from './optimise/result.ts';
export { gridSearch, type Search, type UnitPoint } from './optimise/search.ts';
export { nelderMead } from './optimise/nelder-mead.ts';
export { cmaEs } from './optimise/cma-es.ts';
export { type Verification, verify } from './experiment/verify.ts';
export { collectResults, type PointResult, type Results } from './report/collect.ts';
export { renderReport } from './report/page.ts';
export { writeReport } from './report/report.ts';
export { EXAMPLE_EXPERIMENT } from './experiment/example.ts';
export { writeActions } from './records/write-actions.ts';
export { readCheckpoint } from './learn/checkpoint-file.ts';
export { isDiscrete, trainEnv, type TrainEnvOptions } from './learn/train-env.ts';
export { fetchLogs, type LogsFetch } from './fetch/logs.ts';
export { fetchSubgraph, type SubgraphFetch } from './fetch/subgraph.ts';
export { type ColumnMapping, readMapping } from './records/mapping.ts';
export { fitMarket } from './records/fit.ts';

/**
 * `balancer sim`: recordings, experiments and their reports on the command line.
 *
 * @module
 */
import { type Command, InvalidArgumentError } from 'commander';
import type { Io } from '../io.ts';
import type { BenchFlags } from './bench.ts';
import type { RunFlags } from './run.ts';
import type { FetchFlags } from './fetch.ts';
import type { ReplayFlags } from './replay.ts';
import type { ImportFlags } from './records.ts';
import type { TrainFlags } from './learn.ts';
import type { QueryFlags } from './query.ts';
import type { ServeFlags } from './serve.ts';
import type { WorkerFlags } from './queue.ts';

/** The exit code of the command that ran. */
type Finish = (code: number) => void;

/** Adds the subcommands. What they need is loaded when one of them runs. */
export function registerSimulation(program: Command, io: Io, finish: Finish): void {
  const sim = program
    .command('sim')
    .description('run liquidity pools through time: recordings, experiments, reports')
    .addHelpText('after', EXAMPLE);
  addRecords(sim, io, finish);
  addFetch(sim, io, finish);
  addExperiments(sim, io, finish);
  addServe(sim, io, finish);
  addQueue(sim, io, finish);
  addLearners(sim, io, finish);
  addBench(sim, io, finish);
}

const EXAMPLE = `
Examples:
  balancer sim new my-study.toml
  balancer sim run my-study.toml
  balancer sim check swaps.csv --state pool.json
  balancer sim replay swaps.csv --state pool.json --what-if-fee 0.006 --from 1700000000`;

function addRecords(sim: Command, io: Io, finish: Finish): void {
  records(sim.command('check'), 'check a recording and print what it holds')
    .argument('<file>', 'recording')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: ImportFlags) =>
      finish(await (await import('./records.ts')).check(file, flags, io)),
    );
  records(sim.command('import'), 'convert a recording to the canonical format')
    .argument('<files...>', 'recording; or prices of one token each, which are joined')
    .requiredOption('--out <file>', 'where to write: .csv or .ndjson')
    .action(async (files: string[], flags: ImportFlags & { readonly out: string }) =>
      finish(await (await import('./records.ts')).convert(files, flags, io)),
    );
  records(sim.command('fit'), 'estimate a market and its flow from recordings, as TOML')
    .argument('<file>', 'prices (series or ohlc), or swaps')
    .action(async (file: string, flags: ImportFlags) =>
      finish(await (await import('./records.ts')).fit(file, flags, io)),
    );
  records(sim.command('replay'), 'run a recording again and report deviations')
    .argument('<file>', 'recording')
    .option('--mode <mode>', 'apply, event or call', 'event')
    .option('--on-revert <what>', 'skip, clip or fail', 'skip')
    .option('--from <time>', 'unix seconds from which the what-if holds', number)
    .option('--what-if-fee <fraction>', 'another swap fee from then on')
    .option('--what-if-kind <kind>', 'another kind of pool from then on')
    .option('--what-if-amp <amp>', 'another amplification from then on', count)
    .option('--what-if-weights <list>', 'SYMBOL=weight, separated by commas, from then on')
    .option('--what-if-token <token>', 'SYMBOL=balance:weight of one more token from then on')
    .option('--what-if-scale <factor>', 'a pool so many times as large from then on', number)
    .option('--carry <mode>', 'absolute, relative or price', 'absolute')
    .option('--rows', 'every action, as CSV')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: ReplayFlags) =>
      finish(await (await import('./replay.ts')).replayFile(file, flags, io)),
    );
}

function addFetch(sim: Command, io: Io, finish: Finish): void {
  sim
    .command('fetch')
    .description('fetch a recording; the same command goes on after a break')
    .argument('<source>', 'subgraph (V2) or logs (V1, over JSON-RPC)')
    .requiredOption('--pool <id>', 'pool id, or address of a V1 pool')
    .requiredOption('--out <file>', 'JSON file; import it as subgraph-v2 or v1-logs')
    .option('--url <address>', 'of the service (or SIM_FETCH_URL)')
    .option('--key <key>', 'sent as a bearer token (better: SIM_FETCH_KEY)')
    .option('--rate <number>', 'requests a second, at most', number, 4)
    .option('--from <time>', 'subgraph: unix seconds', count)
    .option('--to <time>', 'subgraph: unix seconds, excluded', count)
    .option('--from-block <block>', 'logs: first block', count)
    .option('--to-block <block>', 'logs: last block', count)
    .action(async (source: string, flags: FetchFlags) =>
      finish(await (await import('./fetch.ts')).fetchRecords(source, flags, io)),
    );
}

function records(command: Command, description: string): Command {
  return command
    .description(description)
    .option(
      '--format <format>',
      'csv, ndjson, te-actions, te-state, ohlc, series, v1-logs, subgraph-v2, dune (default: by the name)',
    )
    .option('--state <file>', 'JSON of the initial state')
    .option('--units <units>', 'raw or decimal amounts')
    .option('--pool <id>', 'of which pool; v1-logs needs its address')
    .option('--mapping <file>', 'csv: TOML with the name of each column, such as t = "block_time"')
    .option('--bar <price>', 'ohlc: mid (of open and close), close or hlc3')
    .option('--symbol <symbol>', 'ohlc: the token')
    .option('--decimals <list>', 'SYMBOL=decimals, separated by commas');
}

function addExperiments(sim: Command, io: Io, finish: Finish): void {
  sim
    .command('new')
    .description('write a commented example that runs in a few seconds')
    .argument('[file]', 'where to write it', 'experiment.toml')
    .action(async (file: string) => finish(await (await import('./run.ts')).create(file, io)));
  for (const name of ['run', 'sweep', 'optimise'] as const) {
    sim
      .command(name, { hidden: name !== 'run' })
      .description('run an experiment: every point of its sweep, every repetition')
      .argument('<files...>', 'experiments (TOML), one after the other')
      .option('--out <folder>', 'folder of results (default: out/<name>)')
      .option('--workers <count>', 'threads; 0 is none', count)
      .option('--seed <integer>', 'instead of the file')
      .option('--verify <share>', 'check this share of the steps with the exact engine', number)
      .option('--run <number>', 'only this run, with its trades, to the terminal', count)
      .option('--from-step <step>', 'with --run: print from this step on', count)
      .option('--no-report', 'write no report.html')
      .option(
        '--format <format>',
        'of the tables: auto (Parquet with DuckDB), csv or parquet',
        'auto',
      )
      .option('--redis <url>', 'let the workers of this queue run it (or REDIS_URL with --queue)')
      .option('--queue <name>', 'name of the queue (default: simulation)')
      .option('--store <place>', 'folder or s3+https://host/bucket that all workers see')
      .option('--json', 'progress as NDJSON')
      .action(async (files: string[], flags: RunFlags) =>
        finish(await (await import('./run.ts')).runAll(files, flags, io)),
      );
  }
  sim
    .command('query')
    .description('ask the tables of a folder of results in SQL (needs DuckDB)')
    .argument('<sql>', 'statement, such as "select point, avg(fees) from runs group by point"')
    .option('--out <folder>', 'folder that a run has written (default: the only one in out)')
    .option('--json', 'print JSON')
    .option('--csv', 'print CSV')
    .action(async (sql: string, flags: QueryFlags) =>
      finish(await (await import('./query.ts')).query(sql, flags, io)),
    );
  sim
    .command('report')
    .description('write report.html for a folder of results')
    .argument('<folder>', 'folder that a run has written')
    .action(async (folder: string) => finish(await (await import('./run.ts')).report(folder, io)));
}

function addServe(sim: Command, io: Io, finish: Finish): void {
  sim
    .command('serve')
    .description(
      'show experiments in the browser: progress, reports, comparisons; start and cancel',
    )
    .option('--listen <address>', 'loopback address', '127.0.0.1:8090')
    .option('--out <folder>', 'holds a folder of results per experiment', 'out')
    .option('--workers <count>', 'threads of an experiment', count)
    .action(async (flags: ServeFlags) =>
      finish(await (await import('./serve.ts')).serve(flags, io)),
    );
}

function addQueue(sim: Command, io: Io, finish: Finish): void {
  sim
    .command('worker')
    .description('run shards of experiments that others put on a queue in Redis')
    .option('--redis <url>', 'Redis (or REDIS_URL)')
    .option('--queue <name>', 'name of the queue (default: simulation)')
    .option('--store <place>', 'folder or s3+https://host/bucket that all workers see')
    .option('--threads <count>', 'shards at a time (default: cores - 1, at least 1)', count)
    .option('--lock <seconds>', 'give the shard of a silent worker to another after', number)
    .action(async (flags: WorkerFlags) =>
      finish(await (await import('./queue.ts')).work(flags, io)),
    );
}

function addLearners(sim: Command, io: Io, finish: Finish): void {
  sim
    .command('train')
    .description('train a policy on an environment')
    .argument('<env>', 'fee-control, weights-control, lp-allocation, arbitrage or attack')
    .option('--seed <integer>', 'of the markets', '7')
    .option('--seconds <seconds>', 'how long', number, 60)
    .option('--method <method>', 'cem (cross-entropy) or q-learning (discrete actions)', 'cem')
    .option('--hidden <units>', 'of a hidden layer; 0 is a linear policy', count, 0)
    .option('--workers <count>', 'threads for the population', count)
    .option('--out <file>', 'checkpoint', 'policy.json')
    .action(async (env: string, flags: TrainFlags) =>
      finish(await (await import('./learn.ts')).train(env, flags, io)),
    );
  sim
    .command('evaluate')
    .description(
      'measure a policy on markets that it has not seen, beside constant and random actions',
    )
    .argument('<checkpoint>', 'file that train has written')
    .option('--episodes <count>', 'markets', count, 60)
    .option('--json', 'print JSON')
    .action(async (file: string, flags: { readonly episodes: number; readonly json?: boolean }) =>
      finish(await (await import('./learn.ts')).evaluateFile(file, flags, io)),
    );
  sim
    .command('env')
    .description('speak JSON lines on standard input and output, for learners in other languages')
    .argument('<env>', 'fee-control, weights-control, lp-allocation, arbitrage or attack')
    .option('--stdio', 'the only way there is; may be left out')
    .action(async (env: string) => finish(await (await import('./learn.ts')).serveEnv(env, io)));
}

function addBench(sim: Command, io: Io, finish: Finish): void {
  sim
    .command('bench')
    .description('measure what runs cost here, beside plain loops')
    .argument('[names...]', 'normals, gbm, grid, experiment, replay, csv, env (default: all)')
    .option('--quick', 'a tenth of the work, once')
    .option('--json', 'a line of JSON for each figure')
    .action(async (names: string[], flags: BenchFlags) =>
      finish(await (await import('./bench.ts')).bench(names, flags, io)),
    );
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('needs a number.');
}

function count(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('needs a number of at least 0.');
}

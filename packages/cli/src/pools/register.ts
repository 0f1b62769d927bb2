/**
 * `balancer pools`: prices a trade, a join or an exit, explains every rounding, traces operations
 * and replays recorded calls, on a JSON state or a small description of a pool.
 *
 * @module
 */
import type { Command } from 'commander';
import { InputError, Revert, v2 } from '@balancer/pools';
import { describeReport, isVectorFile, replayFile } from '@balancer/pools/vectors';
import { type Loaded, loadPool, parseJson } from './load.ts';
import { liquidity, type LiquidityOptions } from './liquidity.ts';
import { findToken, type OpenPool, type Trade } from './open-pool.ts';
import { percent, print, printJson, printSteps, stepsJson } from './output.ts';
import { withExamples } from '../reference/examples.ts';
import { runTrace, TRACE_STEPS } from './trace.ts';
import { runV1Trace } from './trace-v1.ts';
import { formatUnits, parseUnits } from './units.ts';

/** What the commands need from outside. */
export interface PoolsIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** @throws {Error} When the file cannot be read. */
  readText(path: string): string;
  /** Names of the files in a folder; null when the path is no folder. */
  listFolder(path: string): readonly string[] | null;
  /** 0 done, 1 reverted or different, 2 bad usage or input. */
  finish(code: number): void;
}

export interface PoolOptions {
  readonly pool?: string;
  readonly json?: boolean;
}
interface TraceOptions extends PoolOptions {
  readonly explain?: boolean;
}
interface QuoteOptions extends PoolOptions {
  readonly in: string;
  readonly out: string;
  readonly amount: string;
  readonly given: string;
  readonly explain?: boolean;
}
const FILE = 'JSON state of a world, or a pool description';

/** Adds the subcommands to the program. */
export function registerPools(program: Command, io: PoolsIo): void {
  const pools = withExamples(
    program.command('pools'),
    'balancer pools quote pool.json --in WETH --out DAI --amount 1.5 --explain',
    'balancer pools verify vectors/',
  ).description('price, explain and replay liquidity pools, bit for bit');

  withPool(pools, 'quote', 'price one swap', '--in WETH --out DAI --amount 1.5 --explain')
    .requiredOption('--in <token>', 'token paid, by symbol or address')
    .requiredOption('--out <token>', 'token received')
    .requiredOption('--amount <decimal>', 'amount of the given side')
    .option('--given <side>', 'which side the amount is of: in or out', 'in')
    .option('--explain', 'every rounding step')
    .action((file: string, options: QuoteOptions) =>
      guarded(io, () => quote(load(io, file, options), options, io)),
    );
  withPool(pools, 'spot', 'price of one token in another, without fee', '--in WETH --out DAI')
    .requiredOption('--in <token>', 'token paid')
    .requiredOption('--out <token>', 'token received')
    .option('--explain', 'the exact fraction')
    .action((file: string, options: QuoteOptions) =>
      guarded(io, () => spot(load(io, file, options), options, io)),
    );
  for (const { way, description, example } of LIQUIDITY) {
    withPool(pools, way, description, example)
      .option('--amounts <list>', 'exact tokens: SYMBOL=decimal, separated by commas')
      .option('--shares <decimal>', 'exact pool shares, in all tokens')
      .option('--token <token>', 'with --shares: in this token alone')
      .option('--explain', 'every rounding step')
      .action((file: string, options: LiquidityOptions) =>
        guarded(io, () => liquidity(load(io, file, options).pool, way, options, io)),
      );
  }
  withPool(pools, 'trace', 'run operations and flag a falling invariant', 'operations.json')
    .argument('<operations>', 'JSON array of swap, batchSwap and warp')
    .option('--explain', 'every rounding step of single swaps')
    .action((file: string, operations: string, options: TraceOptions) =>
      guarded(io, () => trace(load(io, file, options), operations, options, io)),
    );
  withExamples(pools.command('verify'), 'balancer pools verify vectors/')
    .description('replay recorded calls and say where a result first differs')
    .argument('<paths...>', 'files or folders of recorded calls')
    .option('--json', 'print the reports as JSON')
    .action((paths: string[], options: PoolOptions) =>
      guarded(io, () => verify(paths, options, io)),
    );
}

const LIQUIDITY = [
  {
    way: 'join',
    description: 'what joining costs',
    example: '--amounts WETH=1,DAI=2000 --explain',
  },
  { way: 'exit', description: 'what exiting pays', example: '--shares 10 --token DAI --json' },
] as const;

/** @param example - Options and arguments after the file. */
function withPool(pools: Command, name: string, description: string, example: string): Command {
  return withExamples(pools.command(name), `balancer pools ${name} pool.json ${example}`)
    .description(description)
    .argument('<file>', FILE)
    .option('--pool <id>', 'which pool of a world, by id or address')
    .option('--json', 'print JSON');
}

/** Turns what the engine refuses into a message and an exit code. */
function guarded(io: PoolsIo, run: () => number): void {
  try {
    io.finish(run());
  } catch (error) {
    if (error instanceof Revert) {
      io.stderr.write(`reverted with ${error.message}\n`);
      io.finish(1);
    } else if (error instanceof InputError) {
      io.stderr.write(`${error.message}\n`);
      io.finish(2);
    } else {
      throw error;
    }
  }
}

function load(io: PoolsIo, file: string, options: PoolOptions): Loaded {
  return loadPool(read(io, file), file, options.pool);
}

function read(io: PoolsIo, file: string): string {
  return readable(file, () => io.readText(file));
}

/** What the file system refuses, as one message. */
function readable<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/, \w+(?: '.*')?$/u, '') : '';
    throw new InputError(path, `cannot be read: ${reason}`);
  }
}

function quote({ pool }: Loaded, options: QuoteOptions, io: PoolsIo): number {
  const trade = tradeOf(pool, options);
  const { tokenIn, tokenOut } = trade;
  const priced = pool.quote(trade);
  const { fee } = priced;
  const spotPrice = pool.spot(tokenIn, tokenOut);
  const effective = {
    num: priced.amountIn * 10n ** BigInt(tokenOut.decimals),
    den: priced.amountOut * 10n ** BigInt(tokenIn.decimals),
  };
  const steps = options.explain ? pool.explain(trade) : [];
  const priceless = priced.amountOut === 0n;
  const answer = {
    pool: pool.kind,
    tokenIn: tokenIn.symbol,
    tokenOut: tokenOut.symbol,
    amountIn: formatUnits(priced.amountIn, tokenIn.decimals),
    amountOut: formatUnits(priced.amountOut, tokenOut.decimals),
    fee: fee && formatUnits(fee.amount, fee.token.decimals),
    feeToken: fee && fee.token.symbol,
    spotPrice: v2.toNumber(spotPrice),
    effectivePrice: priceless ? null : v2.toNumber(effective),
    priceImpact: priceless ? null : v2.priceImpact(spotPrice, effective),
    raw: { amountIn: priced.amountIn.toString(), amountOut: priced.amountOut.toString() },
    ...(options.explain && { steps: stepsJson(steps) }),
  };
  if (options.json) return printJson(io, answer);
  const price = `${tokenIn.symbol} per ${tokenOut.symbol}`;
  print(io, [
    ['pool', answer.pool],
    ['in', `${answer.amountIn} ${tokenIn.symbol}`],
    ['out', `${answer.amountOut} ${tokenOut.symbol}`],
    [
      'fee',
      answer.fee === null ? 'inside the nominal balances' : `${answer.fee} ${answer.feeToken}`,
    ],
    ['spot price', `${answer.spotPrice} ${price}`],
    [
      'effective price',
      answer.effectivePrice === null ? 'none' : `${answer.effectivePrice} ${price}`,
    ],
    ['price impact', answer.priceImpact === null ? 'none' : percent(answer.priceImpact)],
  ]);
  printSteps(io, steps);
  return 0;
}

function tradeOf(pool: OpenPool, options: QuoteOptions): Trade {
  if (options.given !== 'in' && options.given !== 'out') {
    throw new InputError('--given', `must be in or out; got "${options.given}"`);
  }
  const tokenIn = findToken(pool, options.in, '--in');
  const tokenOut = findToken(pool, options.out, '--out');
  const side = options.given === 'in' ? tokenIn : tokenOut;
  const amount = parseUnits(options.amount, side.decimals, '--amount');
  return { tokenIn, tokenOut, given: options.given, amount };
}

function spot({ pool }: Loaded, options: QuoteOptions, io: PoolsIo): number {
  const tokenIn = findToken(pool, options.in, '--in');
  const tokenOut = findToken(pool, options.out, '--out');
  const { num, den } = pool.spot(tokenIn, tokenOut);
  const price = v2.toNumber({ num, den });
  if (options.json) {
    return printJson(io, { price, num: num.toString(), den: den.toString() });
  }
  io.stdout.write(`${price} ${tokenIn.symbol} per ${tokenOut.symbol}\n`);
  if (options.explain) io.stdout.write(`  exactly ${num} / ${den}\n`);
  return 0;
}

function trace(loaded: Loaded, operations: string, options: TraceOptions, io: PoolsIo): number {
  const { explain = false } = options;
  const steps = TRACE_STEPS.decode(parseJson(read(io, operations), operations), operations);
  const lines =
    loaded.world === null ? runV1Trace(loaded, steps, explain) : runTrace(loaded, steps, explain);
  const drops = lines.filter(({ drop }) => drop).length;
  if (options.json) {
    printJson(io, {
      steps: lines.map((line) => ({
        ...line,
        ...(line.steps && { steps: stepsJson(line.steps) }),
      })),
      drops,
    });
  } else {
    for (const { operation, invariant, supply, change, drop, ...line } of lines) {
      const flag = drop ? '  INVARIANT DROP' : '';
      const sign = change < 0 ? '' : '+';
      io.stdout.write(
        `[${operation}] in ${line.in.amount} ${line.in.token}, out ${line.out.amount} ${line.out.token}, ` +
          `invariant ${invariant}, shares ${supply}, per share ${sign}${percent(change)}${flag}\n`,
      );
      printSteps(io, line.steps ?? []);
    }
    io.stdout.write(`${lines.length} changes, ${drops} lower the invariant per share\n`);
  }
  return drops > 0 ? 1 : 0;
}

function verify(paths: readonly string[], options: PoolOptions, io: PoolsIo): number {
  const files = paths.flatMap((path) => filesOf(io, path));
  if (files.length === 0) throw new InputError(paths.join(' '), 'holds no recorded calls');
  const refused: string[] = [];
  const reports = files.flatMap(({ name, text }) => {
    try {
      return [replayFile(name, text)];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      refused.push(error.message);
      return [];
    }
  });
  if (options.json) {
    printJson(
      io,
      reports.map((report) => ({ ...report, operations: Object.fromEntries(report.operations) })),
    );
  } else {
    for (const report of reports) io.stdout.write(`${describeReport(report).join('\n')}\n`);
  }
  for (const message of refused) io.stderr.write(`${message}\n`);
  if (refused.length > 0 || reports.some(({ malformed }) => malformed.length > 0)) return 2;
  return reports.some(({ differences }) => differences.length > 0) ? 1 : 0;
}

function filesOf(io: PoolsIo, path: string): { name: string; text: string }[] {
  const names = readable(path, () => io.listFolder(path));
  if (names === null) return [{ name: path, text: read(io, path) }];
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, text: read(io, `${path}/${name}`) }))
    .filter(({ text }) => isVectorFile(text));
}

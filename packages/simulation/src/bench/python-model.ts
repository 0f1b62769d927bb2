/**
 * The token engineers' Python model of V1 pools, measured where it is: its arbitrageur over the same
 * rows of prices as ours.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { GridRules } from '../agents/grid.ts';
import { SimulationError } from '../errors.ts';
import { Stream } from '../random/stream.ts';

/** Rows of made-up prices of four tokens. */
export const GRID_ROWS = 5120;
/** The model takes milliseconds a step; this many are enough. */
const PYTHON_STEPS = 400;
const TOKENS = ['SUSHI', 'AAVE', 'CREAM', 'WETH'] as const;

/** Prices row after row, the same at each call. */
export function gridRows(): Float64Array {
  const stream = new Stream(1n, 'bench/grid');
  const rows = new Float64Array(GRID_ROWS * TOKENS.length);
  const prices = [176, 13, 6.4, 29_600];
  for (let row = 0; row < GRID_ROWS; row++) {
    for (let i = 0; i < TOKENS.length; i++) {
      rows[row * TOKENS.length + i] = prices[i]!;
      prices[i] = prices[i]! * Math.exp(0.004 * stream.normal());
    }
  }
  return rows;
}

/**
 * Steps a second of the model's arbitrageur, output to the terminal left out.
 *
 * @param folder - A checkout of the model, with `model/parts/arbitrage_policies.py` in it; Python 3
 * must have the packages that the model imports.
 * @throws {SimulationError} With what Python says.
 */
export async function pythonModelRate(folder: string, rules: GridRules): Promise<number> {
  const rows = gridRows();
  const input = JSON.stringify({
    tokens: TOKENS,
    balances: [1000, 11_024, 13_781, 5.969],
    denorms: [12, 10, 6, 12],
    swapFee: 0.0015,
    rules,
    rows: Array.from({ length: PYTHON_STEPS }, (_each, row) =>
      Array.from(rows.subarray(row * TOKENS.length, (row + 1) * TOKENS.length)),
    ),
  });
  const script = fileURLToPath(new URL('../../assets/python-model.py', import.meta.url));
  try {
    const running = promisify(execFile)('python3', [script, folder], { maxBuffer: 1 << 24 });
    running.child.stdin!.end(input);
    const { steps, seconds } = JSON.parse((await running).stdout) as {
      readonly steps: number;
      readonly seconds: number;
    };
    return steps / seconds;
  } catch (error) {
    const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
    const reason = stderr?.trim().split('\n').at(-1) ?? message;
    throw new SimulationError(`the Python model in ${folder} does not run: ${reason}`, {
      cause: error,
    });
  }
}

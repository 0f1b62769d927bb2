/**
 * `balancer sim replay`: a recording run again, with a report of the deviations.
 *
 * @module
 */
import { EXIT } from '@balancer/kit';
import {
  formatRow,
  importFile,
  parseDecimal,
  replay,
  type ReplayOptions,
  type ReplayReport,
  type WhatIf,
} from '@balancer/simulation';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { type ImportFlags, optionsOf, sound } from './records.ts';

export interface ReplayFlags extends ImportFlags {
  readonly mode: string;
  readonly onRevert: string;
  readonly from?: number;
  readonly whatIfFee?: string;
  readonly whatIfKind?: string;
  readonly whatIfScale?: number;
  readonly whatIfAmp?: number;
  readonly whatIfWeights?: string;
  readonly whatIfToken?: string;
  readonly carry: string;
  readonly rows?: boolean;
}

/** 0 also with deviations: they are the answer, not a failure. */
export async function replayFile(file: string, flags: ReplayFlags, io: Io): Promise<number> {
  const recording = sound(await importFile(file, await optionsOf(file, flags)), io);
  const whatIf = whatIfOf(flags);
  const report = replay(recording, {
    mode: oneOf(flags.mode, ['apply', 'event', 'call'], '--mode') as ReplayOptions['mode'],
    onRevert: oneOf(flags.onRevert, ['skip', 'clip', 'fail'], '--on-revert') as NonNullable<
      ReplayOptions['onRevert']
    >,
    ...(whatIf !== null && { whatIf }),
  });
  if (flags.json === true)
    io.stdout.write(
      `${JSON.stringify(report, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))}\n`,
    );
  else if (flags.rows === true) printRows(report, io);
  else printSummary(report, io);
  return EXIT.ok;
}

function whatIfOf(flags: ReplayFlags): WhatIf | null {
  const { whatIfFee, whatIfKind, whatIfScale, whatIfAmp, whatIfWeights, whatIfToken, from } = flags;
  const given = [whatIfFee, whatIfKind, whatIfScale, whatIfAmp, whatIfWeights, whatIfToken];
  if (given.every((each) => each === undefined)) return null;
  if (from === undefined)
    throw new UsageError('--from: give the unix second from which the what-if holds');
  return {
    from,
    change: {
      ...(whatIfFee !== undefined && { swapFee: decimalOf(whatIfFee, '--what-if-fee') }),
      ...(whatIfAmp !== undefined && { amp: BigInt(whatIfAmp) }),
      ...(whatIfWeights !== undefined && { weights: weightsOf(whatIfWeights) }),
      ...(whatIfToken !== undefined && { extraTokens: [tokenOf(whatIfToken)] }),
      ...(whatIfKind !== undefined && {
        kind: whatIfKind as NonNullable<WhatIf['change']['kind']>,
      }),
      ...(whatIfScale !== undefined && { scale: whatIfScale }),
    },
    carry: oneOf(flags.carry, ['absolute', 'relative', 'price'], '--carry') as WhatIf['carry'],
  };
}

/** `WETH=0.5,DAI=0.5`; of V1 pools denormalised. */
function weightsOf(text: string): Record<string, bigint> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [symbol = '', weight = ''] = pair.split('=');
      return [symbol, decimalOf(weight, '--what-if-weights')];
    }),
  );
}

/** `SYMBOL=balance:weight`, in whole tokens of 18 decimals; stable pools have no weight. */
function tokenOf(text: string): NonNullable<WhatIf['change']['extraTokens']>[number] {
  const [symbol = '', rest = ''] = text.split('=');
  const [balance = '', weight] = rest.split(':');
  if (symbol === '' || balance === '')
    throw new UsageError(`--what-if-token: must be SYMBOL=balance:weight; got ${text}`);
  return {
    symbol,
    decimals: 18,
    balance: decimalOf(balance, '--what-if-token'),
    weight: weight === undefined ? null : decimalOf(weight, '--what-if-token'),
    rate: null,
  };
}

/** A number with 18 decimals. */
function decimalOf(text: string, flag: string): bigint {
  const parsed = parseDecimal(text, 18);
  if ('wrong' in parsed) throw new UsageError(`${flag}: ${parsed.wrong}`);
  return parsed.raw;
}

function printSummary(report: ReplayReport, io: Io): void {
  const { run, skipped, clipped } = report.counts;
  io.stdout.write(`actions   ${run} run, ${skipped} skipped, ${clipped} clipped\n`);
  const first = report.firstDivergence;
  io.stdout.write(
    first === null
      ? 'deviation 0\n'
      : `first     action ${first.index}, ${first.kind}${first.tx === null ? '' : `, transaction ${first.tx}`}: ${first.absolute} raw units, ${first.relative.toExponential(3)} of the amount${first.revert === null ? '' : `, reverts with ${first.revert}`}\n`,
  );
  for (const [token, balance] of Object.entries(report.finalBalances)) {
    const recorded = report.recordedBalances[token] ?? 0n;
    io.stdout.write(
      `${token.padEnd(9)} ${balance}, recorded ${recorded}, difference ${balance - recorded}\n`,
    );
  }
}

function printRows(report: ReplayReport, io: Io): void {
  io.stdout.write(
    `${formatRow(['index', 't', 'tx', 'kind', 'tokens', 'recorded', 'computed', 'absolute', 'relative', 'outcome', 'revert'])}\n`,
  );
  for (const row of report.rows) {
    const { index, t, tx, kind, tokens, recorded, computed, absolute, relative, outcome, revert } =
      row;
    io.stdout.write(
      `${formatRow([index, t, tx, kind, tokens.join(' '), recorded.join(' '), computed.join(' '), absolute.toString(), relative, outcome, revert])}\n`,
    );
  }
}

function oneOf(value: string, allowed: readonly string[], flag: string): string {
  if (allowed.includes(value)) return value;
  throw new UsageError(`${flag}: must be one of ${allowed.join(', ')}; got ${value}`);
}

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
  readonly carry: string;
  readonly rows?: boolean;
}

/** 0 also with deviations: they are the answer, not a failure. */
export async function replayFile(file: string, flags: ReplayFlags, io: Io): Promise<number> {
  const recording = sound(await importFile(file, optionsOf(file, flags)), io);
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
  const { whatIfFee, whatIfKind, whatIfScale, from } = flags;
  if (whatIfFee === undefined && whatIfKind === undefined && whatIfScale === undefined) return null;
  if (from === undefined)
    throw new UsageError('--from: give the unix second from which the what-if holds');
  const fee = whatIfFee === undefined ? null : parseDecimal(whatIfFee, 18);
  if (fee !== null && 'wrong' in fee) throw new UsageError(`--what-if-fee: ${fee.wrong}`);
  return {
    from,
    change: {
      ...(fee !== null && { swapFee: fee.raw }),
      ...(whatIfKind !== undefined && {
        kind: whatIfKind as NonNullable<WhatIf['change']['kind']>,
      }),
      ...(whatIfScale !== undefined && { scale: whatIfScale }),
    },
    carry: oneOf(flags.carry, ['absolute', 'relative', 'price'], '--carry') as WhatIf['carry'],
  };
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

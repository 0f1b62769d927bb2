/**
 * Replay: a recording run again, and how far the computed amounts are from the recorded ones.
 *
 * @module
 */
import { Revert } from '@balancer/pools';
import { SimulationError } from '../errors.ts';
import { ExactV1Pool } from '../pools/exact-v1.ts';
import { ExactV2Pool } from '../pools/exact-v2.ts';
import type { ExactPool } from '../pools/exact.ts';
import { isV1, type PoolSpec } from '../pools/spec.ts';
import type { Action } from '../records/action.ts';
import { type InitialState, normalisedWeights } from '../records/initial-state.ts';
import { type Computed, type Course, LedgerCourse } from '../records/ledger.ts';
import type { Recording } from '../records/recording.ts';
import { carryOver, type CarryMode } from './carry.ts';
import { PoolCourse, V1Course } from './course.ts';

export type ReplayMode = 'apply' | 'event' | 'call';
export type OnRevert = 'skip' | 'clip' | 'fail';

/** Another pool from a time on. */
export interface WhatIf {
  /** Unix seconds; actions at this time already meet the changed pool. */
  readonly from: number;
  /** What is different; everything else is as it was at that time. */
  readonly change: Partial<Pick<PoolSpec, 'kind' | 'swapFee' | 'amp'>> & {
    /** By symbol, 18 decimals; of V1 pools denormalised. */
    readonly weights?: Readonly<Record<string, bigint>>;
    /** Tokens that the pool has in addition. */
    readonly extraTokens?: PoolSpec['tokens'];
    /** Balances and supply times this. */
    readonly scale?: number;
  };
  readonly carry: CarryMode;
}

export interface ReplayOptions {
  readonly mode: ReplayMode;
  readonly onRevert?: OnRevert;
  readonly whatIf?: WhatIf;
}

/** One action as it was recorded and as it was computed. */
export interface ReplayRow {
  /** Place in the recording, from 0. */
  readonly index: number;
  readonly t: number;
  readonly tx: string | null;
  readonly kind: Action['kind'];
  readonly tokens: readonly string[];
  readonly recorded: readonly bigint[];
  readonly computed: readonly bigint[];
  /** Greatest difference of an amount or of the shares, raw units. */
  readonly absolute: bigint;
  /** The same as a fraction of the recorded amount. */
  readonly relative: number;
  readonly outcome: 'run' | 'skipped' | 'clipped';
  /** Code of the revert, of skipped and clipped actions. */
  readonly revert: string | null;
}

export interface ReplayReport {
  readonly mode: ReplayMode;
  readonly rows: readonly ReplayRow[];
  /** The first action that came out differently, or null. */
  readonly firstDivergence: ReplayRow | null;
  /** Sum of computed minus recorded amounts, raw units, by token. */
  readonly totals: Readonly<Record<string, bigint>>;
  readonly finalBalances: Readonly<Record<string, bigint>>;
  /** By the recorded amounts alone. */
  readonly recordedBalances: Readonly<Record<string, bigint>>;
  readonly counts: { readonly run: number; readonly skipped: number; readonly clipped: number };
}

/** A clipped action is the largest part that the pool takes, in this many parts of the whole. */
const CLIP_PARTS = 1n << 20n;

/**
 * Runs a recording again.
 *
 * @throws {SimulationError} When `onRevert` is `fail` and an action reverts, naming it; when a mode
 * needs an initial state that there is not.
 */
export function replay(recording: Recording, options: ReplayOptions): ReplayReport {
  const { mode, onRevert = 'skip', whatIf } = options;
  const { initial } = recording;
  let course = courseOf(initial, mode);
  const ledger = new LedgerCourse(initial);
  let changed: PoolCourse | null = null;
  const rows: ReplayRow[] = [];
  const totals: Record<string, bigint> = {};
  recording.actions.forEach((action, index) => {
    if (whatIf !== undefined && changed === null && action.t >= whatIf.from) {
      changed = new PoolCourse(changedPool(course, initial, whatIf), whatIf.from);
      course = changed;
    }
    // What was recorded before the action is what `relative` and `price` relate it to.
    const before = new Map(ledger.balances());
    if (changed === null) applyRecorded(ledger, action, index);
    const carried =
      changed === null
        ? action
        : carryOver(action, { whatIf: whatIf!, before, pool: changed.pool, ledger, initial });
    const run = runOne(course, carried, onRevert, index);
    rows.push(rowOf(index, action, run));
    action.tokens.forEach((token, i) => {
      const difference = (run.computed?.amounts[i] ?? 0n) - action.amounts[i]!;
      totals[token] = (totals[token] ?? 0n) + difference;
    });
  });
  return {
    mode,
    rows,
    firstDivergence: rows.find((row) => row.outcome !== 'run' || row.absolute > 0n) ?? null,
    totals,
    finalBalances: Object.fromEntries(course.balances()),
    recordedBalances: Object.fromEntries(ledger.balances()),
    counts: {
      run: rows.filter(({ outcome }) => outcome === 'run').length,
      skipped: rows.filter(({ outcome }) => outcome === 'skipped').length,
      clipped: rows.filter(({ outcome }) => outcome === 'clipped').length,
    },
  };
}

/** The exact engine of a description. @throws {Revert} What creating it says. */
export function exactPoolOf(spec: PoolSpec, startTime: number): ExactPool {
  if (isV1(spec.kind)) return new ExactV1Pool(spec);
  const weights = normalisedWeights(spec);
  const tokens = spec.tokens.map((token, i) => ({
    ...token,
    weight: token.weight === null ? null : weights[i]!,
  }));
  return new ExactV2Pool({ ...spec, tokens }, startTime);
}

function courseOf(initial: InitialState | null, mode: ReplayMode): Course {
  if (mode === 'apply') return new LedgerCourse(initial);
  if (initial === null || isV1(initial.kind)) return new V1Course(initial, mode);
  return new PoolCourse(exactPoolOf(initial, initial.t), initial.t);
}

interface Run {
  readonly computed: Computed | null;
  readonly outcome: ReplayRow['outcome'];
  readonly revert: string | null;
}

function runOne(course: Course, action: Action, onRevert: OnRevert, index: number): Run {
  let code: string;
  try {
    return { computed: course.run(action), outcome: 'run', revert: null };
  } catch (error) {
    if (!(error instanceof Revert)) throw error;
    if (onRevert === 'fail') {
      const tx = action.tx === null ? '' : `, transaction ${action.tx}`;
      throw new SimulationError(
        `action ${index} (${action.kind}${tx}) reverts with ${error.message}`,
        { cause: error },
      );
    }
    code = error.code;
  }
  if (onRevert === 'clip') {
    const largest = largestPart(course, action);
    if (largest > 0n)
      return { computed: course.run(part(action, largest)), outcome: 'clipped', revert: code };
  }
  return { computed: null, outcome: 'skipped', revert: code };
}

/** How many of `CLIP_PARTS` of an action the pool takes: where its ratio limit is. */
function largestPart(course: Course, action: Action): bigint {
  const state = course.save();
  let [low, high] = [0n, CLIP_PARTS];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    try {
      course.run(part(action, middle));
      low = middle;
    } catch (error) {
      if (!(error instanceof Revert)) throw error;
      high = middle;
    }
    course.restore(state);
  }
  return low;
}

/** So many of `CLIP_PARTS` of an action; its limits were for the whole. */
function part(action: Action, parts: bigint): Action {
  const { amounts, shares } = action;
  return {
    ...action,
    amounts: amounts.map((amount) => (amount * parts) / CLIP_PARTS),
    shares: shares === null ? null : (shares * parts) / CLIP_PARTS,
    limit: null,
    meta: null,
  };
}

function applyRecorded(ledger: LedgerCourse, action: Action, index: number): void {
  try {
    ledger.run(action);
  } catch (error) {
    if (!(error instanceof Revert)) throw error;
    throw new SimulationError(
      `action ${index} (transaction ${action.tx ?? 'unknown'}) takes more than was ever recorded: ${error.text} The recording starts too late or lacks actions`,
      { cause: error },
    );
  }
}

function rowOf(index: number, action: Action, run: Run): ReplayRow {
  const computed = run.computed?.amounts ?? action.amounts.map(() => 0n);
  const pairs: [bigint, bigint][] = action.amounts.map((recorded, i) => [
    recorded,
    computed[i] ?? 0n,
  ]);
  if (action.shares !== null) pairs.push([action.shares, run.computed?.shares ?? 0n]);
  let absolute = 0n;
  let relative = 0;
  for (const [recorded, got] of pairs) {
    const difference = got > recorded ? got - recorded : recorded - got;
    if (difference > absolute) absolute = difference;
    const share =
      recorded === 0n
        ? difference === 0n
          ? 0
          : Infinity
        : Math.abs(Number(difference) / Number(recorded));
    relative = Math.max(relative, share);
  }
  const { t, tx, kind, tokens, amounts } = action;
  return {
    index,
    t,
    tx,
    kind,
    tokens,
    recorded: amounts,
    computed,
    absolute,
    relative,
    outcome: run.outcome,
    revert: run.revert,
  };
}

/** The pool as it is at this moment, with what is different. */
function changedPool(
  course: Course,
  initial: InitialState | null,
  { change, from }: WhatIf,
): ExactPool {
  const present = presentSpec(course, initial);
  const kind = change.kind ?? present.kind;
  const scale = change.scale ?? 1;
  const scaled = (amount: bigint): bigint =>
    (amount * BigInt(Math.round(scale * 1e9))) / 1_000_000_000n;
  const tokens = [...present.tokens, ...(change.extraTokens ?? [])].map((token) => ({
    ...token,
    balance: scaled(token.balance),
    weight: change.weights?.[token.symbol] ?? token.weight,
  }));
  const spec: PoolSpec = {
    ...present,
    kind,
    tokens,
    swapFee: change.swapFee ?? present.swapFee,
    amp: change.amp ?? present.amp,
    // Another kind counts its shares its own way.
    supply: kind === present.kind && present.supply !== null ? scaled(present.supply) : null,
  };
  return exactPoolOf(spec, from);
}

function presentSpec(course: Course, initial: InitialState | null): PoolSpec {
  const decimalsOf = (symbol: string): number =>
    initial?.tokens.find((token) => token.symbol === symbol)?.decimals ?? 18;
  if (course instanceof V1Course) {
    const { pool } = course;
    return {
      kind: initial?.kind ?? 'v1',
      tokens: pool.tokens.map(({ token, balance, denorm }) => ({
        symbol: token,
        decimals: decimalsOf(token),
        balance,
        weight: denorm,
        rate: null,
      })),
      swapFee: pool.swapFee,
      supply: pool.shares.totalSupply,
      amp: null,
      protocolFee: 0n,
      isControlled: false,
    };
  }
  if (initial === null)
    throw new SimulationError(
      'a what-if needs an initial state, or a V1 history from its creation',
    );
  const balances = course.balances();
  const supply = course instanceof PoolCourse ? course.pool.supply() : initial.supply;
  return {
    ...initial,
    supply,
    tokens: initial.tokens.map((token) => ({
      ...token,
      balance: balances.get(token.symbol) ?? token.balance,
    })),
  };
}

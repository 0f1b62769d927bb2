/**
 * A scenario is one self-contained history of a Vault: tokens, pools and the steps to run, as plain
 * JSON with integers as decimal strings. It is the format of the known-answer files, so a failure
 * found by chance can be kept as one more case.
 *
 * @module
 */

/** Which account acts. alice owns the pools and acts unless a step says otherwise. */
export type Actor = 'alice' | 'bob' | 'carol';

/** Every kind of pool whose bytecode the suite runs. */
export type PoolKind =
  | 'weighted-1'
  | 'weighted2tokens-1'
  | 'weighted-2'
  | 'weighted-3'
  | 'lbp-1'
  | 'lbp-1-no-protocol-fee'
  | 'investment-1'
  | 'managed-1'
  | 'stable-1'
  | 'stable-2'
  | 'metastable-1'
  | 'phantom-1'
  | 'composable-1'
  | 'composable-2'
  | 'composable-3'
  | 'linear-1'
  | 'linear-2'
  | 'linear-3';

/** A token of the scenario. `address` fixes its place in the order of registration. */
export interface TokenSpec {
  readonly sym: string;
  readonly decimals: number;
  readonly address: string;
}

/** A pool, `tokens` by symbol in ascending order of address, its own BPT left out. */
export interface PoolSpec {
  readonly name: string;
  readonly type: PoolKind;
  readonly address: string;
  readonly tokens: readonly string[];
  readonly swapFee: string;
  readonly weights?: readonly string[];
  readonly amp?: string;
  /** Rate per token with 18 decimals; '0' is no provider. */
  readonly rates?: readonly string[];
  /** Seconds for which a rate is cached. */
  readonly durations?: readonly string[];
  readonly exempt?: readonly boolean[];
  readonly upperTarget?: string;
  readonly main?: string;
  readonly wrapped?: string;
  /** What 1e18 units of the wrapped token are worth in units of the main token. */
  readonly wrappedRate?: string;
  readonly aumFee?: string;
  readonly managementSwapFee?: string;
  readonly mustAllowlistLPs?: boolean;
  readonly assetManagers?: readonly string[];
  /** Seconds; usual ones when left out. */
  readonly pauseWindow?: string;
  readonly bufferPeriod?: string;
}

/** One thing to do. Fields depend on `do`; the drivers document them. */
export interface Step {
  readonly do: string;
  readonly pool?: string;
  readonly from?: Actor;
  readonly [field: string]: unknown;
}

/** The whole history. Fees have 18 decimals, times are seconds. */
export interface Scenario {
  readonly tokens: readonly TokenSpec[];
  readonly pools: readonly PoolSpec[];
  readonly protocolSwapFee: string;
  readonly protocolYieldFee?: string;
  readonly protocolAumFee?: string;
  readonly flashLoanFee?: string;
  readonly pauseWindowDuration: string;
  readonly bufferPeriodDuration: string;
  readonly startTime: string;
  readonly startBlock: string;
  readonly steps: readonly Step[];
}

/** Plain JSON: what a step gave, or the whole state, with integers as decimal strings. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Outcome of one step: its result, or the code it reverted with. */
export type Outcome = { readonly [key: string]: Json };

/** Something that runs scenarios: the EVM or our engine. */
export interface Driver {
  /** Runs one step and says what came of it. Never throws for a revert. */
  step(step: Step): Promise<Outcome> | Outcome;
  /** The whole state after the last step. */
  state(): Promise<Outcome> | Outcome;
}

/** Accounts of every scenario. */
export const ACCOUNTS: Readonly<Record<Actor, string>> = {
  alice: '0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1',
  bob: '0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2',
  carol: '0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa3',
};

/** The actors in the order in which states list them. */
export const ACTORS: readonly Actor[] = ['alice', 'bob', 'carol'];

/** Underlying tokens that each actor starts with: enough for any history, far from overflowing. */
export const FORTUNE = 1n << 200n;

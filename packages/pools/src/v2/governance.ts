/**
 * Settings of the Vault: pause, protocol fees, who may act for governance.
 *
 * @module
 */
import { revert } from '../errors.ts';
import type { GovernanceOperation } from './operations.ts';
import { poolOf, requireAuthorized, setPool, type Transaction } from './transaction.ts';

type Governance<D extends GovernanceOperation['do']> = Extract<GovernanceOperation, { do: D }>;

const ONE = 10n ** 18n;
/** Greatest protocol share of swap fees. */
const MAX_SWAP_FEE = ONE / 2n;
/** Greatest flash loan fee. */
const MAX_FLASH_LOAN_FEE = ONE / 100n;
/** Greatest protocol share of yield and of management fees. */
const MAX_OTHER_FEE = ONE / 2n;

/** Pauses or unpauses a pool, or the Vault. @throws {Revert} BAL#401, BAL#403, BAL#425. */
export function setPaused(tx: Transaction, operation: Governance<'setPaused'>): null {
  const { from, paused } = operation;
  requireAuthorized(tx, from);
  if (operation.pool === undefined) {
    const { vault } = tx.state;
    requireWindow(tx, vault, paused);
    tx.state.vault = { ...vault, paused };
    tx.events.push({ type: 'PausedStateChanged', paused });
  } else {
    const pool = poolOf(tx.state, operation.pool);
    requireWindow(tx, pool, paused);
    setPool(tx, { ...pool, paused });
    tx.events.push({ type: 'PoolPausedStateChanged', pool: pool.id, paused });
  }
  return null;
}

/** @throws {Revert} BAL#401, BAL#600, BAL#601, BAL#603. */
export function setProtocolFees(tx: Transaction, operation: Governance<'setProtocolFees'>): null {
  requireAuthorized(tx, operation.from);
  const { vault } = tx.state;
  const fees = {
    swap: operation.swap ?? vault.fees.swap,
    yield: operation.yield ?? vault.fees.yield,
    aum: operation.aum ?? vault.fees.aum,
    flashLoan: operation.flashLoan ?? vault.fees.flashLoan,
  };
  requireFees(fees);
  tx.state.vault = { ...vault, fees };
  tx.events.push({ type: 'ProtocolFeesChanged', ...fees });
  return null;
}

/** @throws {Revert} BAL#600, BAL#601, BAL#603. */
export function requireFees(fees: {
  readonly swap: bigint;
  readonly yield: bigint;
  readonly aum: bigint;
  readonly flashLoan: bigint;
}): void {
  if (fees.swap > MAX_SWAP_FEE) revert(600);
  if (fees.flashLoan > MAX_FLASH_LOAN_FEE) revert(601);
  if (fees.yield > MAX_OTHER_FEE || fees.aum > MAX_OTHER_FEE) revert(603);
}

/** Lets an account act for governance, or no longer. @throws {Revert} BAL#401. */
export function authorize(tx: Transaction, operation: Governance<'authorize'>): null {
  requireAuthorized(tx, operation.from);
  const { vault } = tx.state;
  const { account, allowed } = operation;
  const authorized = allowed
    ? vault.authorized.set(account, true)
    : vault.authorized.delete(account);
  tx.state.vault = { ...vault, authorized };
  return null;
}

function requireWindow(
  tx: Transaction,
  windows: { readonly pauseWindowEnd: bigint; readonly bufferPeriodEnd: bigint },
  paused: boolean,
): void {
  if (paused && tx.state.time >= windows.pauseWindowEnd) revert(403);
  if (!paused && tx.state.time >= windows.bufferPeriodEnd) revert(425);
}

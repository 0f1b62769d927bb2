/**
 * Join and exit requests as the contracts take them: ABI-encoded, the kind first.
 *
 * @module
 */
import { InputError, revert, revertNoData } from '../errors.ts';
import { MAX_UINT256 } from '../uint.ts';
import { POOL_KINDS, rulesOf } from './kinds.ts';
import type { ExitRequest, JoinRequest } from './requests.ts';
import type { Pool } from './state.ts';
import { requireNotPaused } from './pools/shared.ts';

const RECOVERY_KIND = 255n;

/** @throws {Revert} `NO_DATA` when the bytes do not decode. */
export function decodeJoin(pool: Pool, userData: string): JoinRequest {
  const words = wordsOf(userData);
  const kind = joinKindOf(pool, userData);
  switch (kind) {
    case 'INIT':
      // A live pool reads no further than the kind.
      if (pool.totalSupply > 0n) return { kind, amounts: [] };
      return { kind, amounts: withoutBpt(pool, arrayAt(words, 1)) };
    case 'EXACT_TOKENS_IN_FOR_BPT_OUT':
      return { kind, amounts: arrayAt(words, 1), minBpt: wordAt(words, 2) };
    case 'TOKEN_IN_FOR_EXACT_BPT_OUT':
      return { kind, bpt: wordAt(words, 1), index: indexOf(wordAt(words, 2)) };
    case 'COLLECT_PROTOCOL_FEES':
      return { kind };
    case 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT':
    default:
      return { kind, bpt: wordAt(words, 1) };
  }
}

/** What kind of join the bytes ask for. @throws {Revert} `NO_DATA` when the pool has none of this number. */
export function joinKindOf(pool: Pool, userData: string): JoinRequest['kind'] {
  const number = wordAt(wordsOf(userData), 0);
  const kind = joinKinds(pool)[Number(number)];
  if (kind !== undefined) return kind;
  return hasUnservedKinds(pool) && number === 4n
    ? revert(310)
    : revertNoData('The pool has no join of this kind.');
}

/**
 * @throws {Revert} `NO_DATA` when the bytes do not decode; before that BAL#402 when the pool is
 * paused and does not serve the kind then.
 */
export function decodeExit(pool: Pool, userData: string): ExitRequest {
  const words = wordsOf(userData);
  const rules = POOL_KINDS[pool.kind];
  if (rules.pausedExit === 'recovery') {
    if (isRecoveryExit(pool, userData)) return { kind: 'RECOVERY', bpt: wordAt(words, 1) };
    requireNotPaused(pool);
    // Later linear pools do not look at the kind.
    if (rules.family === 'linear') revert(rules.unhandled);
  }
  const kind = exitKindOf(pool, userData);
  switch (kind) {
    case 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT':
      requireNotPaused(pool);
      return { kind, bpt: wordAt(words, 1), index: indexOf(wordAt(words, 2)) };
    case 'BPT_IN_FOR_EXACT_TOKENS_OUT':
      requireNotPaused(pool);
      return { kind, amounts: arrayAt(words, 1), maxBpt: wordAt(words, 2) };
    case 'MANAGEMENT_FEE_TOKENS_OUT':
      return { kind };
    case 'EXACT_BPT_IN_FOR_TOKENS_OUT':
    case 'RECOVERY':
    default:
      return { kind, bpt: wordAt(words, 1) };
  }
}

/** What kind of exit the bytes ask for. @throws {Revert} `NO_DATA` when the pool has none of this number. */
export function exitKindOf(pool: Pool, userData: string): ExitRequest['kind'] {
  const number = wordAt(wordsOf(userData), 0);
  const kind = exitKinds(pool)[Number(number)];
  if (kind !== undefined) return kind;
  if (hasUnservedKinds(pool) && number === 3n) revert(336);
  return revertNoData('The pool has no exit of this kind.');
}

/** Whether the bytes ask a pool with recovery mode for its exit. */
export function isRecoveryExit(pool: Pool, userData: string): boolean {
  return (
    POOL_KINDS[pool.kind].pausedExit === 'recovery' &&
    wordAt(wordsOf(userData), 0) === RECOVERY_KIND
  );
}

/** The bytes of a join request, for the pool whose kinds they name. */
export function encodeJoin(pool: Pool, request: JoinRequest): string {
  const number = numberOf(joinKinds(pool), request.kind);
  switch (request.kind) {
    case 'INIT':
      return encode([number, withBpt(pool, request.amounts)]);
    case 'EXACT_TOKENS_IN_FOR_BPT_OUT':
      return encode([number, request.amounts, request.minBpt ?? 0n]);
    case 'TOKEN_IN_FOR_EXACT_BPT_OUT':
      return encode([number, request.bpt, BigInt(request.index)]);
    case 'COLLECT_PROTOCOL_FEES':
      return encode([number]);
    case 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT':
    default:
      return encode([number, request.bpt]);
  }
}

/** The bytes of an exit request, for the pool whose kinds they name. */
export function encodeExit(pool: Pool, request: ExitRequest): string {
  if (request.kind === 'RECOVERY') return encode([RECOVERY_KIND, request.bpt]);
  const number = numberOf(exitKinds(pool), request.kind);
  switch (request.kind) {
    case 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT':
      return encode([number, request.bpt, BigInt(request.index)]);
    case 'BPT_IN_FOR_EXACT_TOKENS_OUT':
      return encode([number, request.amounts, request.maxBpt ?? MAX_UINT256]);
    case 'MANAGEMENT_FEE_TOKENS_OUT':
      return encode([number]);
    case 'EXACT_BPT_IN_FOR_TOKENS_OUT':
    default:
      return encode([number, request.bpt]);
  }
}

function isPhantom(pool: Pool): boolean {
  const rules = POOL_KINDS[pool.kind];
  return rules.family === 'composable' && rules.phantom;
}

/** The enumerations of later weighted pools name adding and removing tokens, which none of them serves. */
function hasUnservedKinds(pool: Pool): boolean {
  return pool.family === 'weighted' && POOL_KINDS[pool.kind].pausedExit === 'recovery';
}

/** Kinds of joins in the order of their numbers. */
function joinKinds(pool: Pool): readonly JoinRequest['kind'][] {
  if (isPhantom(pool)) return PHANTOM_JOINS;
  return POOL_KINDS[pool.kind].proportionalJoin ? ALL_JOINS : EARLY_JOINS;
}

const EARLY_JOINS = ['INIT', 'EXACT_TOKENS_IN_FOR_BPT_OUT', 'TOKEN_IN_FOR_EXACT_BPT_OUT'] as const;
const ALL_JOINS = [...EARLY_JOINS, 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT'] as const;
const PHANTOM_JOINS = ['INIT', 'COLLECT_PROTOCOL_FEES'] as const;

/** Kinds of exits in the order of their numbers. */
function exitKinds(pool: Pool): readonly ExitRequest['kind'][] {
  const [one, all, exact] = EXITS;
  if (pool.family === 'linear' || isPhantom(pool)) return [all];
  if (pool.family === 'weighted' && rulesOf(pool).managementFees) return INVESTMENT_EXITS;
  if (pool.family !== 'composable') return EXITS;
  // The first composable pools have no proportional joins and exits.
  return pool.kind === 'composable-1' ? [one, exact] : [one, exact, all];
}

const EXITS = [
  'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT',
  'EXACT_BPT_IN_FOR_TOKENS_OUT',
  'BPT_IN_FOR_EXACT_TOKENS_OUT',
] as const;
const INVESTMENT_EXITS = [...EXITS, 'MANAGEMENT_FEE_TOKENS_OUT'] as const;

function numberOf<K extends string>(kinds: readonly K[], kind: K): bigint {
  const index = kinds.indexOf(kind);
  if (index < 0) throw new InputError('request.kind', `must be one of ${kinds.join(', ')}`);
  return BigInt(index);
}

/** INIT of pools that register their own token lists an amount for it, which is ignored. */
function withoutBpt(pool: Pool, amounts: readonly bigint[]): readonly bigint[] {
  if (pool.family !== 'composable') return amounts;
  if (amounts.length !== pool.tokens.length) revert(103);
  return amounts.toSpliced(pool.bptIndex, 1);
}

function withBpt(pool: Pool, amounts: readonly bigint[]): readonly bigint[] {
  return pool.family === 'composable' ? amounts.toSpliced(pool.bptIndex, 0, 0n) : amounts;
}

function wordsOf(userData: string): bigint[] {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(userData)) revertNoData('userData must be hex bytes.');
  const words: bigint[] = [];
  for (let at = 2; at + 64 <= userData.length; at += 64) {
    words.push(BigInt(`0x${userData.slice(at, at + 64)}`));
  }
  return words;
}

function wordAt(words: readonly bigint[], index: number): bigint {
  return words[index] ?? revertNoData('userData is too short.');
}

/** The dynamic array whose offset stands at `index`. */
function arrayAt(words: readonly bigint[], index: number): bigint[] {
  const offset = wordAt(words, index);
  if (offset % 32n !== 0n || offset / 32n >= BigInt(words.length)) {
    revertNoData('userData points outside of itself.');
  }
  const start = Number(offset / 32n);
  const length = wordAt(words, start);
  if (length > BigInt(words.length - start - 1)) revertNoData('userData is too short.');
  return words.slice(start + 1, start + 1 + Number(length));
}

function indexOf(word: bigint): number {
  return word > 255n ? 255 : Number(word);
}

function encode(values: readonly (bigint | readonly bigint[])[]): string {
  const head: bigint[] = [];
  const tail: bigint[] = [];
  for (const value of values) {
    if (typeof value === 'bigint') {
      head.push(value);
    } else {
      head.push(BigInt((values.length + tail.length) * 32));
      tail.push(BigInt(value.length), ...value);
    }
  }
  return `0x${[...head, ...tail].map((word) => word.toString(16).padStart(64, '0')).join('')}`;
}

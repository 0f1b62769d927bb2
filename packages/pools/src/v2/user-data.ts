/**
 * Join and exit requests as the contracts take them: ABI-encoded, the kind first.
 *
 * @module
 */
import { revert, revertNoData } from '../errors.ts';
import { POOL_KINDS } from './kinds.ts';
import type { ExitRequest, JoinRequest } from './requests.ts';
import type { Pool } from './state.ts';
import { requireNotPaused } from './pools/shared.ts';

const RECOVERY_KIND = 255n;

/** @throws {Revert} `NO_DATA` when the bytes do not decode. */
export function decodeJoin(pool: Pool, userData: string): JoinRequest {
  const words = wordsOf(userData);
  const kind = wordAt(words, 0);
  // Phantom pools have one join besides the first, by which fees due leave for the collector.
  if (isPhantom(pool) && kind === 1n) return { kind: 'COLLECT_PROTOCOL_FEES' };
  if (isPhantom(pool) && kind > 1n) return revertNoData('The pool has no join of this kind.');
  switch (kind) {
    case 0n:
      // A live pool reads no further than the kind.
      if (pool.totalSupply > 0n) return { kind: 'INIT', amounts: [] };
      return { kind: 'INIT', amounts: withoutBpt(pool, arrayAt(words, 1)) };
    case 1n:
      return {
        kind: 'EXACT_TOKENS_IN_FOR_BPT_OUT',
        amounts: arrayAt(words, 1),
        minBpt: wordAt(words, 2),
      };
    case 2n:
      return {
        kind: 'TOKEN_IN_FOR_EXACT_BPT_OUT',
        bpt: wordAt(words, 1),
        index: indexOf(wordAt(words, 2)),
      };
    case 3n:
      if (!POOL_KINDS[pool.kind].proportionalJoin) break;
      return { kind: 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT', bpt: wordAt(words, 1) };
    default:
  }
  return hasUnservedKinds(pool) && kind === 4n
    ? revert(310)
    : revertNoData('The pool has no join of this kind.');
}

/**
 * @throws {Revert} `NO_DATA` when the bytes do not decode; before that BAL#402 when the pool is
 * paused and does not serve the kind then.
 */
export function decodeExit(pool: Pool, userData: string): ExitRequest {
  const words = wordsOf(userData);
  const kind = wordAt(words, 0);
  if (kind === RECOVERY_KIND) return { kind: 'RECOVERY', bpt: wordAt(words, 1) };
  const rules = POOL_KINDS[pool.kind];
  if (rules.pausedExit === 'recovery') requireNotPaused(pool);
  // Later linear pools do not look at the kind.
  if (rules.family === 'linear' && rules.pausedExit === 'recovery') revert(rules.unhandled);
  switch (exitName(pool, kind)) {
    case 'one':
      requireNotPaused(pool);
      return {
        kind: 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT',
        bpt: wordAt(words, 1),
        index: indexOf(wordAt(words, 2)),
      };
    case 'all':
      return { kind: 'EXACT_BPT_IN_FOR_TOKENS_OUT', bpt: wordAt(words, 1) };
    case 'exact':
      requireNotPaused(pool);
      return {
        kind: 'BPT_IN_FOR_EXACT_TOKENS_OUT',
        amounts: arrayAt(words, 1),
        maxBpt: wordAt(words, 2),
      };
    case undefined:
    default:
      if (hasUnservedKinds(pool) && kind === 3n) revert(336);
      return revertNoData('The pool has no exit of this kind.');
  }
}

function isPhantom(pool: Pool): boolean {
  const rules = POOL_KINDS[pool.kind];
  return rules.family === 'composable' && rules.phantom;
}

/** The bytes of a join request, for the pool whose kinds they name. */
export function encodeJoin(pool: Pool, request: JoinRequest): string {
  switch (request.kind) {
    case 'INIT':
      return encode([0n, withBpt(pool, request.amounts)]);
    case 'EXACT_TOKENS_IN_FOR_BPT_OUT':
      return encode([1n, request.amounts, request.minBpt ?? 0n]);
    case 'TOKEN_IN_FOR_EXACT_BPT_OUT':
      return encode([2n, request.bpt, BigInt(request.index)]);
    case 'COLLECT_PROTOCOL_FEES':
      return encode([1n]);
    case 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT':
    default:
      return encode([3n, request.bpt]);
  }
}

/** The bytes of an exit request, for the pool whose kinds they name. */
export function encodeExit(pool: Pool, request: ExitRequest): string {
  const kinds = exitKinds(pool);
  switch (request.kind) {
    case 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT':
      return encode([BigInt(kinds.indexOf('one')), request.bpt, BigInt(request.index)]);
    case 'EXACT_BPT_IN_FOR_TOKENS_OUT':
      return encode([BigInt(kinds.indexOf('all')), request.bpt]);
    case 'BPT_IN_FOR_EXACT_TOKENS_OUT':
      return encode([
        BigInt(kinds.indexOf('exact')),
        request.amounts,
        request.maxBpt ?? (1n << 256n) - 1n,
      ]);
    case 'RECOVERY':
    default:
      return encode([RECOVERY_KIND, request.bpt]);
  }
}

/** The enumerations of later weighted pools name adding and removing tokens, which none of them serves. */
function hasUnservedKinds(pool: Pool): boolean {
  return pool.family === 'weighted' && POOL_KINDS[pool.kind].pausedExit === 'recovery';
}

type ExitName = 'one' | 'all' | 'exact';

/** Composable pools swap the places of the last two kinds; linear and phantom ones have an emergency exit only. */
function exitKinds(pool: Pool): readonly ExitName[] {
  if (pool.family === 'linear' || isPhantom(pool)) return ['all'];
  return pool.family === 'composable' ? ['one', 'exact', 'all'] : ['one', 'all', 'exact'];
}

function exitName(pool: Pool, kind: bigint): ExitName | undefined {
  const name = exitKinds(pool)[Number(kind)];
  // The first composable pools have no proportional joins and exits.
  const isMissing = pool.kind === 'composable-1';
  return name === 'all' && isMissing ? undefined : name;
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

/**
 * The `userData` of joins and exits: kind first, then the fields of that kind.
 *
 * @module
 */
import { encode, parametersOf } from './abi.ts';
import type { PoolKind, Step } from './scenario.ts';
import { asInteger, asIntegers, asText } from './values.ts';

const JOIN_KINDS: Readonly<Record<string, bigint>> = {
  INIT: 0n,
  EXACT_TOKENS_IN_FOR_BPT_OUT: 1n,
  TOKEN_IN_FOR_EXACT_BPT_OUT: 2n,
  ALL_TOKENS_IN_FOR_EXACT_BPT_OUT: 3n,
};

/**
 * Encoded `userData` of a join step, hex. `rawKind` overrides the number of the kind.
 *
 * @param registered - Registered tokens by symbol, the pool's own under the name of the pool.
 */
export function joinUserData(step: Step, type: PoolKind, registered: readonly string[]): string {
  const name = asText(step['kind']);
  const kind = asInteger(step['rawKind'] ?? JOIN_KINDS[name]);
  const bpt = asInteger(step['bpt'] ?? 0);
  switch (name) {
    case 'INIT':
      return hex(['uint256', 'uint256[]'], [kind, initAmounts(step, type, registered)]);
    case 'EXACT_TOKENS_IN_FOR_BPT_OUT': {
      const minBpt = asInteger(step['minBpt'] ?? 0);
      return hex(['uint256', 'uint256[]', 'uint256'], [kind, amounts(step), minBpt]);
    }
    case 'TOKEN_IN_FOR_EXACT_BPT_OUT':
      return hex(['uint256', 'uint256', 'uint256'], [kind, bpt, index(step)]);
    case 'ALL_TOKENS_IN_FOR_EXACT_BPT_OUT':
      return hex(['uint256', 'uint256'], [kind, bpt]);
    default:
      throw new Error(`unknown kind of join ${name} for ${type}`);
  }
}

/** Encoded `userData` of an exit step, hex. Composable pools swap two of the numbers. */
export function exitUserData(step: Step, type: PoolKind): string {
  const composable = type.startsWith('composable');
  const name = asText(step['kind']);
  const bpt = asInteger(step['bpt'] ?? 0);
  const kindOf = (usual: bigint): bigint => asInteger(step['rawKind'] ?? usual);
  switch (name) {
    case 'EXACT_BPT_IN_FOR_ONE_TOKEN_OUT':
      return hex(['uint256', 'uint256', 'uint256'], [kindOf(0n), bpt, index(step)]);
    case 'EXACT_BPT_IN_FOR_TOKENS_OUT':
    case 'EXACT_BPT_IN_FOR_ALL_TOKENS_OUT':
      return hex(['uint256', 'uint256'], [kindOf(composable ? 2n : 1n), bpt]);
    case 'BPT_IN_FOR_EXACT_TOKENS_OUT': {
      const maxBpt = asInteger(step['maxBpt'] ?? 2n ** 256n - 1n);
      return hex(
        ['uint256', 'uint256[]', 'uint256'],
        [kindOf(composable ? 1n : 2n), amounts(step), maxBpt],
      );
    }
    case 'RECOVERY':
      return hex(['uint256', 'uint256'], [kindOf(255n), bpt]);
    default:
      throw new Error(`unknown kind of exit ${name} for ${type}`);
  }
}

function hex(types: readonly string[], values: Parameters<typeof encode>[1]): string {
  return `0x${encode(parametersOf(...types), values)}`;
}

function amounts(step: Step): bigint[] {
  return asIntegers(step['amounts']);
}

/** Composable and phantom pools read the first amounts with one for their own token among them. */
function initAmounts(step: Step, type: PoolKind, registered: readonly string[]): bigint[] {
  const given = amounts(step);
  if (!type.startsWith('composable') && type !== 'phantom-1') return given;
  return given.toSpliced(registered.indexOf(step.pool!), 0, 0n);
}

function index(step: Step): bigint {
  return asInteger(step['index'] ?? 0);
}

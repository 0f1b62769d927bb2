/**
 * The environments by name.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';
import { allocationEnv } from './allocation-env.ts';
import { attackEnv } from './attack-env.ts';
import type { Env } from './env.ts';
import {
  arbitrageEnv,
  DEFAULT_POOL_ENV,
  feeControlEnv,
  type PoolEnvOptions,
  weightsControlEnv,
} from './pool-envs.ts';

/** Names of all environments. */
export const ENV_NAMES = [
  'fee-control',
  'weights-control',
  'lp-allocation',
  'arbitrage',
  'attack',
] as const;
export type EnvName = (typeof ENV_NAMES)[number];

/** @throws {SimulationError} For a name that there is not. */
export function createEnv(name: string, options: PoolEnvOptions = DEFAULT_POOL_ENV): Env<unknown> {
  switch (name as EnvName) {
    case 'fee-control':
      return feeControlEnv(options);
    case 'weights-control':
      return weightsControlEnv(options);
    case 'lp-allocation':
      return allocationEnv(options);
    case 'arbitrage':
      return arbitrageEnv(options);
    case 'attack':
      return attackEnv();
    default:
      throw new SimulationError(`${name}: must be one of ${ENV_NAMES.join(', ')}`);
  }
}

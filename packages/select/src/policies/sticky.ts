/**
 * Sticky: a client keeps its node until the entry expires or the node is gone, whatever `inner`
 * would choose for it today. The balancer holds the table above its priority levels, so a client
 * stays where it is when traffic shifts between levels.
 *
 * @module
 */
import { murmur3Key } from '../key-hash.ts';
import { AffinityTable } from '../affinity-table.ts';
import { checkNumber, ConfigError } from '../errors.ts';
import type { Policy } from '../policy.ts';

/**
 * @param options - `inner`: chooses for clients without a live entry; `ttlMs`: how long an entry
 *   lives after its last use, default 30 min; `maxEntries`: at most so many clients are remembered,
 *   the least recently seen is forgotten first, default 100 000.
 * @throws {ConfigError} For a value out of range, or an inner policy that is sticky itself.
 */
export function sticky({
  inner,
  ttlMs = 1_800_000,
  maxEntries = 100_000,
}: {
  inner: Policy;
  ttlMs?: number;
  maxEntries?: number;
}): Policy {
  checkNumber('sticky.ttlMs', ttlMs, { min: 1 });
  checkNumber('sticky.maxEntries', maxEntries, { min: 1, max: 2 ** 24, integer: true });
  if (typeof inner?.createPicker !== 'function') {
    throw new ConfigError('sticky.inner', 'must be a policy, such as policies.leastConnection()');
  }
  if (inner.createAffinity !== undefined) {
    throw new ConfigError('sticky.inner', 'must not be sticky itself');
  }
  return {
    name: `sticky(${inner.name})`,
    reads: inner.reads,
    hashKey: murmur3Key,
    createAffinity: (clock) => new AffinityTable({ ttlMs, entriesMax: maxEntries }, clock),
    createPicker: (context) => inner.createPicker(context),
  };
}

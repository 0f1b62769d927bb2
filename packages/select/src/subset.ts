/**
 * Deterministic subsetting: when every client would otherwise connect to every node, each takes a
 * slice instead, such that the slices of one round of clients use each node exactly once.
 *
 * Source: B. Beyer et al. (eds.), "Site Reliability Engineering", O'Reilly 2016, chapter 20.
 *
 * @module
 */
import { checkNumber, ConfigError } from './errors.ts';
import { Xorshift32 } from './random.ts';

/**
 * The ids that a client should use.
 *
 * @param ids - All nodes, in the same order for every client.
 * @param size - Nodes per client, 1 to `ids.length`.
 * @param clientIndex - Rank of the client, from 0; clients `k * n` to `k * n + n - 1` with
 *   `n = floor(ids.length / size)` form a round.
 * @throws {ConfigError} For a size or an index out of range.
 */
export function subset(ids: readonly string[], size: number, clientIndex: number): string[] {
  if (ids.length === 0) throw new ConfigError('subset.ids', 'must hold at least one id');
  checkNumber('subset.size', size, { min: 1, max: ids.length, integer: true });
  checkNumber('subset.clientIndex', clientIndex, { min: 0, integer: true });
  const clientsPerRound = Math.floor(ids.length / size);
  const round = Math.floor(clientIndex / clientsPerRound);
  const slice = clientIndex % clientsPerRound;
  return shuffled(ids, round).slice(slice * size, (slice + 1) * size);
}

/** Fisher-Yates, seeded so that every client of a round shuffles alike. */
function shuffled(ids: readonly string[], seed: number): string[] {
  const random = new Xorshift32(seed);
  const result = [...ids];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/**
 * Named sets of networks: from `[l4.sets.<name>]` and its file to a list.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { BalancerError, errnoName } from '@balancer/kit';
import { isNetwork } from './l4-schema.ts';
import type { AddressSetConfig, L4Config } from './l4-types.ts';

/** The file of a set that cannot be used. */
export class AddressSetError extends BalancerError {
  override readonly name = 'AddressSetError';
  readonly code = 'ADDRESS_SET';
}

/**
 * The networks of all sets, by name. Reads their files.
 *
 * @throws {AddressSetError} with the file and the line that is wrong.
 */
export function readAddressSets(sets: L4Config['sets']): ReadonlyMap<string, readonly string[]> {
  return new Map(Object.entries(sets).map(([name, set]) => [name, readAddressSet(set)]));
}

/** The networks of one set. @throws {AddressSetError} */
export function readAddressSet({ entries, file }: AddressSetConfig): readonly string[] {
  return file === '' ? entries : [...entries, ...readNetworks(file)];
}

function readNetworks(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new AddressSetError(`cannot read ${file}: ${errnoName(error) ?? String(error)}`, {
      cause: error,
    });
  }
  return text.split('\n').flatMap((line, index) => {
    const entry = line.replace(/#.*/, '').trim();
    if (entry === '') return [];
    if (isNetwork(entry)) return [entry];
    throw new AddressSetError(
      `${file}:${index + 1}: needs an address or a network such as "10.0.0.0/8"; got ${JSON.stringify(entry)}`,
    );
  });
}

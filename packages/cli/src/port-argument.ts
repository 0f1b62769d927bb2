/**
 * Ports on the command line.
 *
 * @module
 */
import { InvalidArgumentError } from 'commander';

/** @throws {InvalidArgumentError} */
export function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('needs a port from 0 to 65535.');
}

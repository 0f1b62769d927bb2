/**
 * Interfaces that the rules of services name. The maps have their numbers, which change when an interface is
 * made anew.
 *
 * @module
 */
import type { ServiceSpec } from './desired.ts';
import { PlaneError } from './errors.ts';
import { linksNamed } from './links.ts';
import { NO_INTERFACE, type PlaneRule } from './match-map.ts';

/** @returns The names, each once. */
export function ruledInterfaces(services: readonly ServiceSpec[]): string[] {
  const names = services.flatMap(({ match }) => (match ? [match.iif, match.oif] : []));
  return [...new Set(names)].filter((name) => name !== '');
}

/** @throws {PlaneError} for an interface of a rule that is not there. */
export function checkRules(services: readonly ServiceSpec[]): void {
  const names = ruledInterfaces(services);
  const present = new Set(linksNamed(names).map(({ name }) => name));
  const missing = names.find((name) => !present.has(name));
  if (missing === undefined) return;
  throw new PlaneError(`there is no interface ${missing}, which a match names`);
}

/** Whether an interface has come, gone or been made anew since the rules were written. */
export function areStale(rules: readonly PlaneRule[], services: readonly ServiceSpec[]): boolean {
  const names = ruledInterfaces(services);
  if (names.length === 0) return false;
  const numbers = new Map(linksNamed(names).map(({ name, ifindex }) => [name, ifindex]));
  const isOther = (name: string, ifindex: number): boolean =>
    name !== '' && (numbers.get(name) ?? NO_INTERFACE) !== ifindex;
  return rules.some(
    ({ match, iif, oif, isLeaving }) =>
      !isLeaving && (isOther(match.iif, iif) || isOther(match.oif, oif)),
  );
}

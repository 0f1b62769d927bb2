/**
 * Which backend a server name leads to.
 *
 * @module
 */
import type { SniRule } from '@balancer/lb';

/**
 * Finds the rule for a name: an exact host beats a wildcard, a longer wildcard beats a shorter one,
 * and of two equal ones the first in the file wins. `*.example.com` stands for one or more labels.
 *
 * @param serverName - Lower case; empty when the client named none.
 * @returns Name of the backend, or `undefined` when no rule matches.
 */
export function routeByServerName(
  rules: readonly SniRule[],
  serverName: string,
): string | undefined {
  if (serverName === '') return undefined;
  let best: string | undefined;
  let bestScore = 0;
  for (const { hosts, backend } of rules) {
    for (const host of hosts) {
      const score = matchScore(host.toLowerCase(), serverName);
      if (score <= bestScore) continue;
      best = backend;
      bestScore = score;
    }
  }
  return best;
}

/** 0 when it does not match; the more exact, the higher. */
function matchScore(host: string, serverName: string): number {
  if (host === serverName) return Infinity;
  if (!host.startsWith('*.')) return 0;
  const suffix = host.slice(1);
  const matches = serverName.endsWith(suffix) && serverName.length > suffix.length;
  return matches ? suffix.length : 0;
}

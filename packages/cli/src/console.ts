/**
 * The web console on a daemon's admin listener: which of its pages comes first.
 *
 * @module
 */
import type { Console } from '@balancer/console';
import type { AdminRoute } from '@balancer/kit';

/**
 * Routes to be asked before the daemon's own. Where reading needs the token the listener starts with
 * the page that asks for it, because a browser cannot send one with an address.
 *
 * @param console - `null` when it is not built.
 */
export function consoleRoutes(console: Console | null, allowRemote: boolean): AdminRoute[] {
  if (!console || !allowRemote) return [];
  return [
    {
      method: 'GET',
      path: '/',
      access: 'open',
      handler: (context) => context.redirect('/console'),
    },
  ];
}

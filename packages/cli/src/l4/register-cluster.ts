/**
 * The options of `balancer l4 ha`, `announcements`, `digest` and `exabgp`.
 *
 * @module
 */
import type { Command } from 'commander';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';
import type { PlaneTarget } from './client.ts';

type Running = (name: string, description: string, example: string) => Command;

interface Flags extends PlaneTarget {
  readonly json?: boolean;
}

/** Adds the commands. @param running - Makes a command that talks to the running plane. */
export function addCluster(running: Running, io: Io, finish: (code: number) => void): void {
  running(
    'ha',
    'take or give up the addresses of services: the notify script of keepalived',
    'balancer l4 ha master',
  )
    .argument('<role>', 'master, backup, fault or drain')
    .option('--wait <seconds>', 'end when no packet has come for 2 s, at most so long')
    .action(async (role: string, flags: Flags & { readonly wait?: string }) => {
      const { json = false, wait, ...target } = flags;
      const waitS = wait === undefined ? undefined : secondsIn('--wait', wait);
      const { takeRole } = await import('./cluster.ts');
      finish(await takeRole(role, waitS, target, { json, io }));
    });
  running(
    'announcements',
    'which addresses of services are on this host, and why others are not',
    'balancer l4 announcements',
  ).action(async ({ json = false, ...target }: Flags) => {
    const { showAnnouncements } = await import('./cluster.ts');
    finish(await showAnnouncements(target, { json, io }));
  });
  running(
    'digest',
    'what decides where flows go as one hash; equal on hosts that do the same',
    'balancer l4 digest --peer 10.0.0.3:7000',
  )
    .option('--peer <url...>', 'compare with the admin listeners of other hosts', [])
    .action(async (flags: Flags & { readonly peer: readonly string[] }) => {
      const { json = false, peer, ...target } = flags;
      const { showDigest } = await import('./cluster.ts');
      finish(await showDigest(peer, target, { json, io }));
    });
  running(
    'exabgp',
    'a process of ExaBGP: announces the addresses that are on this host',
    'balancer l4 exabgp --community 65000:80',
  )
    .option('--next-hop <address>', 'of the routes', 'self')
    .option('--community <community>', 'of the routes, such as 65000:80')
    .option('--hold <seconds>', 'keep the routes so long when the plane does not answer', '30')
    .action(async (flags: Flags & ExabgpFlags) => {
      const { json: _json, nextHop, community, hold, ...target } = flags;
      const holdS = secondsIn('--hold', hold);
      const { feedExabgp } = await import('./cluster.ts');
      finish(await feedExabgp({ nextHop, community, holdS }, target, io));
    });
}

interface ExabgpFlags {
  readonly nextHop: string;
  readonly community?: string;
  readonly hold: string;
}

function secondsIn(option: string, text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds < Infinity) return seconds;
  throw new UsageError(`${option} needs a number of seconds; got "${text}"`);
}

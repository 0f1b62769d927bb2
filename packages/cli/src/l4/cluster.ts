/**
 * `balancer l4 ha`, `announcements`, `digest` and `exabgp`: a host among others that serve the same.
 *
 * @module
 */
import { setTimeout as wait } from 'node:timers/promises';
import { createStyler, EXIT, messageOf } from '@balancer/kit';
import {
  type Announcement,
  type PlaneDigest,
  type PlaneDocument,
  type Role,
  ROLES,
  stepAside,
} from '@balancer/l4';
import { type AdminClient, AdminRequestError } from '../admin-client.ts';
import { UsageError } from '../exit.ts';
import type { Io } from '../io.ts';
import { findPlane, pinPathOf, type PlaneTarget } from './client.ts';
import type { Output } from './commands.ts';
import { ExabgpRoutes } from './exabgp.ts';

interface Standing {
  readonly role: Role;
  readonly addresses: readonly Announcement[];
}

/** Time without a packet after which a drained host counts as idle. */
const IDLE_MS = 2000;
/** Between two questions of the ExaBGP process. */
const LOOK_MS = 500;

/**
 * Tells the plane its role. When no process runs, a role other than master takes the addresses off this
 * host all the same: the kernel would answer for them beside the new master.
 *
 * @param waitS - Seconds to wait for the last packet; `undefined` does not wait.
 * @returns 0; 1 when it cannot be done, or packets still come after the wait.
 */
export async function takeRole(
  role: string,
  waitS: number | undefined,
  target: PlaneTarget,
  { json, io }: Output,
): Promise<number> {
  const known = ROLES.find((each) => each === role);
  if (known === undefined) {
    throw new UsageError(`unknown role "${role}"; use one of ${ROLES.join(', ')}`);
  }
  const client = await findPlane(target, io);
  let standing: Standing;
  try {
    standing = (await client.post('/l4/ha', { role: known })) as Standing;
  } catch (error) {
    const isAbsent = error instanceof AdminRequestError && error.cause !== undefined;
    // Another host's listener says nothing of what runs on this one.
    if (!isAbsent || known === 'master' || target.url !== undefined) throw error;
    const removed = stepAside(await pinPathOf(target, io), known);
    const text = `no process runs; removed ${removed.join(', ') || 'no address'}\n`;
    io.stdout.write(json ? `${JSON.stringify({ role: known, removed })}\n` : text);
    return EXIT.ok;
  }
  io.stdout.write(json ? `${JSON.stringify(standing)}\n` : renderStanding(standing, io));
  if (waitS === undefined) return EXIT.ok;
  if (await isIdleWithin(waitS * 1000, client)) return EXIT.ok;
  io.stderr.write(`packets still arrive after ${waitS} s\n`);
  return EXIT.failed;
}

/** @returns The exit code. */
export async function showAnnouncements(
  target: PlaneTarget,
  { json, io }: Output,
): Promise<number> {
  const client = await findPlane(target, io);
  const standing = (await client.get('/l4/announcements')) as Standing;
  io.stdout.write(json ? `${JSON.stringify(standing)}\n` : renderStanding(standing, io));
  return EXIT.ok;
}

/**
 * Prints what decides where flows go as one hash, and compares it with that of other hosts.
 *
 * @param peers - Admin listeners of the others.
 * @returns 0; 1 when another host differs or does not answer.
 */
export async function showDigest(
  peers: readonly string[],
  target: PlaneTarget,
  { json, io }: Output,
): Promise<number> {
  const client = await findPlane(target, io);
  const own = (await client.get('/l4/digest')) as PlaneDigest;
  const others = await Promise.all(peers.map((url) => peerDigest(url, target, io)));
  const style = createStyler(io.stdout, io.environment);
  if (json) io.stdout.write(`${JSON.stringify({ ...own, peers: others })}\n`);
  else {
    const lines = [
      style('bold', own.digest),
      ...own.services.map(({ service, digest }) => `  ${digest}  ${service}`),
      ...others.map(({ peer, digest, error, differs }) =>
        error === undefined
          ? `${digest} ${peer}${differs.length > 0 ? `: differs in ${differs.join(', ')}` : ''}`
          : `${'-'.repeat(own.digest.length)} ${peer}: ${error}`,
      ),
    ];
    io.stdout.write(`${lines.join('\n')}\n`);
  }
  return others.every(({ digest }) => digest === own.digest) ? EXIT.ok : EXIT.failed;

  async function peerDigest(peer: string, { token }: PlaneTarget, surroundings: Io) {
    try {
      const found = await findPlane(
        { url: peer, ...(token !== undefined && { token }) },
        surroundings,
      );
      const answer = (await found.get('/l4/digest')) as PlaneDigest;
      return { peer, digest: answer.digest, differs: differencesOf(own, answer), error: undefined };
    } catch (error) {
      return { peer, digest: undefined, differs: [], error: messageOf(error) };
    }
  }
}

/**
 * Writes ExaBGP's text API: announces each address that is on this host, withdraws each that is not, for
 * as long as ExaBGP runs it.
 *
 * @param holdS - Seconds for which routes stay when the plane's process does not answer: the kernel
 *   forwards on, but nobody looks after the servers.
 * @returns 0 when it is told to end.
 */
export async function feedExabgp(
  { nextHop, community, holdS }: { nextHop: string; community: string | undefined; holdS: number },
  target: PlaneTarget,
  io: Io,
): Promise<number> {
  const client = await findPlane(target, io);
  const ended = new AbortController();
  const end = (): void => ended.abort();
  // ExaBGP closes the pipe when it ends.
  io.stdin.on('end', end).resume();
  io.signals.on('SIGTERM', end);
  io.signals.on('SIGINT', end);
  const routes = new ExabgpRoutes({ nextHop, community });
  let heardAtMs = performance.now();
  while (!ended.signal.aborted) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one look after the other
      const { addresses } = (await client.get('/l4/announcements')) as Standing;
      heardAtMs = performance.now();
      const announced = addresses.filter((each) => each.announced).map(({ address }) => address);
      io.stdout.write(routes.follow(announced));
    } catch (error) {
      if (!(error instanceof AdminRequestError)) throw error;
      if (performance.now() - heardAtMs >= holdS * 1000) io.stdout.write(routes.follow([]));
    }
    // oxlint-disable-next-line no-await-in-loop
    await wait(LOOK_MS, undefined, { signal: ended.signal }).catch(() => {});
  }
  io.stdout.write(routes.follow([]));
  io.signals.off('SIGTERM', end);
  io.signals.off('SIGINT', end);
  return EXIT.ok;
}

function renderStanding({ role, addresses }: Standing, io: Io): string {
  const style = createStyler(io.stdout, io.environment);
  const rows = addresses.map(({ address, announced, reason }) =>
    announced
      ? `  ${style('green', 'here')}  ${address}`
      : `  ${style('yellow', 'away')}  ${address}  ${reason}`,
  );
  return `${[style('bold', `role ${role}`), ...rows].join('\n')}\n`;
}

function differencesOf(own: PlaneDigest, other: PlaneDigest): string[] {
  const digests = new Map(other.services.map(({ service, digest }) => [service, digest]));
  const names = new Set([...own.services.map(({ service }) => service), ...digests.keys()]);
  const owns = new Map(own.services.map(({ service, digest }) => [service, digest]));
  return [...names].filter((name) => owns.get(name) !== digests.get(name));
}

/** Whether no packet for a service has come for a while before the time is over. */
async function isIdleWithin(waitMs: number, client: AdminClient): Promise<boolean> {
  const deadlineMs = performance.now() + waitMs;
  let seen = -1;
  let sinceMs = performance.now();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const { services } = (await client.get('/l4/stats')) as PlaneDocument;
    const packets = services.reduce((sum, { counters }) => sum + counters.in_packets, 0);
    const nowMs = performance.now();
    if (packets !== seen) sinceMs = nowMs;
    else if (nowMs - sinceMs >= IDLE_MS) return true;
    seen = packets;
    if (nowMs >= deadlineMs) return false;
    // oxlint-disable-next-line no-await-in-loop
    await wait(LOOK_MS);
  }
}

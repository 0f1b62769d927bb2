/**
 * What the maps of this host do with a flow, as one hash: hosts that print the same digest send every
 * flow to the same server, whichever of them the network picks.
 *
 * Servers enter by their addresses, never by the numbers that a host gave them, and services sorted by
 * their keys, so that the digest depends on neither order nor history; except for `sh` and `dh`, whose
 * tables follow the order of servers.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { fromMapAddress } from './address.ts';
import { BACKEND_FLAGS, SCHEDULERS, SERVICE_FLAGS } from './constants.ts';
import type { PlaneImage } from './compile.ts';
import { formatEndpoint } from './desired.ts';

export interface ServiceDigest {
  readonly service: string;
  readonly digest: string;
}

export interface PlaneDigest {
  /** Over all services. */
  readonly digest: string;
  readonly services: readonly ServiceDigest[];
}

const DIGEST_CHARS = 16;
/** Schedulers whose tables place a flow by its key. */
const BY_KEY: ReadonlySet<number> = new Set([
  SCHEDULERS.mh,
  SCHEDULERS.conhash,
  SCHEDULERS.sh,
  SCHEDULERS.dh,
]);
/** Flags of servers that decide where a new flow goes. */
const DECIDING_FLAGS = BACKEND_FLAGS.available | BACKEND_FLAGS.inhibited | BACKEND_FLAGS.retired;

/** The digest of what the maps hold. @param services - Service numbers by the texts of their keys. */
export function digestOf(image: PlaneImage, services: ReadonlyMap<string, number>): PlaneDigest {
  const parts = [...services]
    .flatMap(([service, id]) => {
      const digest = serviceDigest(image, id);
      return digest === undefined ? [] : [{ service, digest }];
    })
    .toSorted((a, b) => (a.service < b.service ? -1 : 1));
  const whole = parts.map(({ service, digest }) => `${service} ${digest}\n`).join('');
  return { digest: hashOf([whole]), services: parts };
}

/** `undefined` for a service that was removed. */
function serviceDigest(image: PlaneImage, id: number): string | undefined {
  const service = image.services.get(id);
  if (service === undefined || (service.flags & SERVICE_FLAGS.enabled) === 0) return undefined;
  const servers = [...image.backends]
    .filter(([, backend]) => backend.service === id && !isRetired(backend.flags))
    .map(([slot, backend]) => ({
      slot,
      id: formatEndpoint(fromMapAddress(backend.address), backend.port),
      facts: [backend.mode, backend.weight, backend.flags & DECIDING_FLAGS],
    }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const facts = {
    scheduler: service.scheduler,
    hash: [service.hash_mode, service.hash_seed],
    flags: service.flags,
    persistence: [service.persist_s, service.persist_mask4, service.persist_plen6],
    servers: servers.map((server) => [server.id, ...server.facts]),
  };
  const parts: (string | Uint32Array)[] = [JSON.stringify(facts)];
  if (BY_KEY.has(service.scheduler)) {
    const rankOfSlot = new Map(servers.map(({ slot }, rank) => [slot, rank]));
    const table = image.tables.get(id) ?? new Uint32Array(0);
    parts.push(table.map((slot) => rankOfSlot.get(slot) ?? servers.length));
  }
  return hashOf(parts);
}

function isRetired(flags: number): boolean {
  return (flags & BACKEND_FLAGS.retired) !== 0;
}

function hashOf(parts: readonly (string | Uint32Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, DIGEST_CHARS);
}

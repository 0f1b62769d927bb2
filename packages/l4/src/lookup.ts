/**
 * Says where a flow would go, as the programs compute it.
 *
 * @module
 */
import { fromMapAddress } from './address.ts';
import { BACKEND_FLAGS, HASH_MODES, SCHEDULERS, SERVICE_FLAGS } from './constants.ts';
import { formatEndpoint, type ServiceKey } from './desired.ts';
import { PlaneError } from './errors.ts';
import { hashFlow } from './hash.ts';
import type { L4Backend, L4Service } from './records.ts';

/** Slots that a table by key tries when the server of the first takes nothing. */
const FALLBACK_TRIES = 16;
const RING_TRIES = 1024;
const HASH_TRIES = 256;
const STEP_SEED = 0x9747_b28c;
const NOT_ELIGIBLE = BACKEND_FLAGS.overloaded | BACKEND_FLAGS.inhibited | BACKEND_FLAGS.retired;

export interface FlowPlace {
  readonly hash: number;
  /** Of the table. */
  readonly slot: number;
  /** `address:port`; `''` when no server takes it. */
  readonly backend: string;
}

/** @throws {PlaneError} for schedulers that do not choose by a key. */
export function placeOf({
  service,
  client,
  value,
  table,
  backends,
}: {
  readonly service: ServiceKey;
  readonly client: { readonly address: string; readonly port: number };
  readonly value: L4Service;
  readonly table: Uint32Array;
  readonly backends: ReadonlyMap<number, L4Backend>;
}): FlowPlace {
  const isRing = value.scheduler === SCHEDULERS.conhash;
  const isHash = value.scheduler === SCHEDULERS.sh || value.scheduler === SCHEDULERS.dh;
  if (!isRing && !isHash && value.scheduler !== SCHEDULERS.mh) {
    throw new PlaneError(
      'the scheduler of this service does not choose by a key; mh, conhash, sh and dh do',
    );
  }
  const mode = HASH_NAMES.find((name) => HASH_MODES[name] === value.hash_mode) ?? 'ip';
  const tuple = {
    source: client.address,
    sourcePort: client.port,
    destination: service.address,
    servicePort: service.port,
  };
  const hash = hashFlow(tuple, mode, value.hash_seed);
  if (table.length === 0) return { hash, slot: 0, backend: '' };
  const first = (isRing ? hash >>> 16 : hash) % table.length;
  const hasFallback = isRing || (value.flags & SERVICE_FLAGS.fallback) !== 0;
  const most = isRing ? RING_TRIES : isHash ? HASH_TRIES : FALLBACK_TRIES;
  const tries = hasFallback ? most : 1;
  const step =
    isRing || isHash
      ? 1
      : (hashFlow(tuple, mode, (value.hash_seed ^ STEP_SEED) >>> 0) %
          Math.max(1, table.length - 1)) +
        1;
  for (let attempt = 0; attempt < tries; attempt++) {
    const slot = (first + attempt * step) % table.length;
    const backend = backends.get(table[slot]!);
    if (!backend || !isEligible(backend)) continue;
    const port = backend.port === 0 ? service.port : backend.port;
    return { hash, slot, backend: formatEndpoint(fromMapAddress(backend.address), port) };
  }
  return { hash, slot: first, backend: '' };
}

const HASH_NAMES = ['ip', 'ip-port', 'dst-ip', 'network'] as const;

function isEligible({ flags, weight }: L4Backend): boolean {
  return weight > 0 && (flags & BACKEND_FLAGS.available) !== 0 && (flags & NOT_ELIGIBLE) === 0;
}

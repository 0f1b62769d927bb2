/**
 * Orders of `ipvsadm` and of the API that were saved, so that they outlive a reload and the process: a file
 * that is replaced as a whole.
 *
 * @module
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { cidr, integer, messageOf, z } from '@balancer/kit';
import {
  CLIENT_ADDRESSES,
  HASH_MODES,
  MODES,
  PROTOCOL_NAMES,
  SCHEDULERS,
  SYN_PROXIES,
  TUNNELS,
} from './constants.ts';
import { OPEN, type ServiceKey, type ServiceSpec } from './desired.ts';
import { PlaneError } from './errors.ts';
import { matchSchema } from './match-schema.ts';
import { isListEntry, type SetOrder } from './named-sets.ts';

/** What was ordered about a service; `null`: it was deleted. */
export interface Order {
  readonly service: ServiceKey;
  readonly order: ServiceSpec | null;
}

/** Everything that was ordered. */
export interface SavedOrders {
  readonly orders: readonly Order[];
  /** Named sets of networks. */
  readonly sets: readonly SetOrder[];
}

const VERSION = 1;
const SECONDS_MAX = 2 ** 31 - 1;

const address = z.string().refine((text) => isIP(text) !== 0, { error: 'needs an IP address' });
const port = integer({ min: 0, max: 65_535 });
const seconds = integer({ min: 0, max: SECONDS_MAX });
/** Files of before there were limits have none. */
const count = integer({ min: 0, max: 2 ** 32 - 1 }).default(0);
const key = {
  protocol: z.enum(PROTOCOL_NAMES),
  address,
  port,
  match: matchSchema.optional(),
};
const nameOf = <N extends string>(table: Readonly<Record<N, number>>): z.ZodType<N> =>
  // The keys of a table are all of its type's.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  z.enum(Object.keys(table) as [N, ...N[]]);

const backend = z.strictObject({
  address,
  port,
  mode: nameOf(MODES),
  weight: integer({ min: 0, max: 65_535 }),
  health: z.enum(['up', 'down', 'unknown']),
  upper: count,
  lower: count,
  closesWhenDown: z.literal(true).exactOptional(),
  tunnel: z
    .strictObject({
      kind: nameOf(TUNNELS),
      port,
      checksum: z.boolean(),
      vni: integer({ min: 0, max: 2 ** 24 - 1 }),
      innerMac: z.string(),
    })
    .optional(),
  staticL2: z
    .strictObject({
      interface: z.string(),
      mac: z.string(),
      vlan: integer({ min: 1, max: 4094 }).exactOptional(),
    })
    .optional(),
});

/** A network, or the reference to a set. */
const listed = z.string().refine(isListEntry, {
  error: 'needs a network, or ipset: and the name of a set',
});
const networks = z.array(listed);
const admission = z
  .strictObject({
    deny: networks,
    allow: networks,
    clientConnections: count,
    clientRate: count,
    connectionRate: count,
    connectionBurst: count,
    packetsPerS: count,
    bitsPerS: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    burstMs: count,
  })
  // Files of before there was any have none.
  .default({ ...OPEN, deny: [], allow: [] });

const spec = z.strictObject({
  ...key,
  scheduler: nameOf(SCHEDULERS),
  hash: nameOf(HASH_MODES),
  mhTable: integer({ min: 1, max: 131_071 }),
  fallback: z.boolean(),
  persistenceS: seconds,
  persistenceMask: integer({ min: 1, max: 32 }),
  persistencePrefix6: integer({ min: 1, max: 128 }),
  vlan: integer({ min: 1, max: 4094 }).exactOptional(),
  destCheck: z
    .strictObject({
      downRetry: seconds,
      upConfirm: seconds,
      downWaitS: seconds,
      inhibitMinS: seconds,
      inhibitMaxS: seconds,
    })
    .exactOptional(),
  connTimeoutS: seconds,
  expireQuiescent: z.boolean(),
  // Files of before there was any have none.
  synProxy: nameOf(SYN_PROXIES).default('off'),
  clientAddress: z.enum(CLIENT_ADDRESSES).default('none'),
  resetOnNoBackend: z.boolean(),
  onePacket: z.boolean(),
  maxConnections: count,
  admission,
  localAddresses: z.array(address),
  portRange: z.tuple([port, port]).optional(),
  backends: z.array(backend),
});

const content = z.strictObject({
  version: z.literal(VERSION),
  orders: z.array(z.strictObject({ service: z.strictObject(key), order: spec.nullable() })),
  // Files of before sets could be ordered have none.
  sets: z
    .array(z.strictObject({ name: z.string(), networks: z.array(cidr()).nullable() }))
    .default([]),
});

/**
 * Reads the orders; none when there is no file yet.
 *
 * @throws {PlaneError} with the file and what is wrong in it.
 */
export function readStateFile(path: string): SavedOrders {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NOTHING;
    throw new PlaneError(`l4.state_file ${path}: ${messageOf(error)}`, { cause: error });
  }
  const parsed = content.safeParse(parseJson(text, path));
  if (parsed.success) {
    const orders = parsed.data.orders.map(({ service, order }) => ({
      service,
      order: order && withoutUndefined(order),
    }));
    return { orders, sets: parsed.data.sets };
  }
  throw damaged(path, z.prettifyError(parsed.error).replaceAll('\n', ' '));
}

const NOTHING: SavedOrders = { orders: [], sets: [] };

/** Replaces the file. @throws {PlaneError} when it cannot be written; it is as before then. */
export function writeStateFile(path: string, { orders, sets }: SavedOrders): void {
  const fresh = `${path}.${process.pid}`;
  try {
    writeFileSync(fresh, `${JSON.stringify({ version: VERSION, orders, sets }, undefined, 2)}\n`, {
      mode: 0o600,
      flush: true,
    });
    renameSync(fresh, path);
  } catch (error) {
    throw new PlaneError(`l4.state_file ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(path, messageOf(error));
  }
}

function damaged(path: string, what: string): PlaneError {
  return new PlaneError(
    `l4.state_file ${path}: ${what}; mend it, or remove it to go without what was saved`,
  );
}

function withoutUndefined({ portRange, backends, ...rest }: z.infer<typeof spec>): ServiceSpec {
  return {
    ...rest,
    ...(portRange && { portRange }),
    backends: backends.map(({ staticL2, tunnel, ...each }) => ({
      ...each,
      ...(tunnel && { tunnel }),
      ...(staticL2 && { staticL2 }),
    })),
  };
}

/**
 * The compiled programs, and loading them with the pinned maps.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import {
  loadObject,
  ObjectError,
  readObject,
  type LoadedObject,
  type LoadOptions,
  type ObjectFile,
} from '@balancer/ebpf';
import { l4CtlLayout, type L4Ctl } from '../bpf/objects/l4-ctl.types.ts';
import { l4TcLayout, type L4Tc } from '../bpf/objects/l4-tc.types.ts';
import { l4XdpLayout, type L4Xdp } from '../bpf/objects/l4-xdp.types.ts';
import { PlaneError } from './errors.ts';

/** Sizes of the maps. */
export interface MapSizes {
  readonly flows: number;
  readonly services: number;
  readonly backends: number;
  readonly localAddresses: number;
  /** Turns new flows away when the table is full, instead of forgetting the oldest. */
  readonly rejectWhenFull: boolean;
}

/** How packets reach the programs and leave them. */
export interface HookUse {
  /** Loads the XDP programs too. */
  readonly xdp: boolean;
  /** XDP sends by redirect even where a packet came from. */
  readonly redirectsAlways: boolean;
}

/** The programs of both hooks and the control programs, on one set of maps. */
export interface PlaneObjects {
  readonly tc: LoadedObject<L4Tc>;
  /** Loaded when the XDP hook is used. */
  readonly xdp: LoadedObject<L4Xdp> | undefined;
  readonly ctl: LoadedObject<L4Ctl>;
  close(): void;
}

/** Entries of the connection table for one flow that may be half open. */
const HALF_OPEN_SHARE = 16;

const BY_SERVICE = [
  'l4_svc',
  'l4_sel',
  'l4_list',
  'l4_cur',
  'l4_scnt',
  'l4_bucket',
  'l4_stat_svc',
  'l4_gc_svc',
];
const BY_BACKEND = ['l4_be', 'l4_cnt', 'l4_stat_be', 'l4_gc_be'];

/**
 * Loads the programs; maps that are pinned in `pinPath` are used, the others made and pinned there.
 *
 * @throws {PlaneError} when pinned maps have other sizes.
 * @throws {VerifierError} if the kernel rejects a program.
 */
export function loadPlane(pinPath: string, sizes: MapSizes, hooks: HookUse): PlaneObjects {
  const loaded: { close(): void }[] = [];
  const own = <T extends { close(): void }>(object: T): T => {
    loaded.push(object);
    return object;
  };
  const close = (): void => {
    for (const object of loaded.splice(0)) object.close();
  };
  try {
    const forTc = prepare('l4-tc', pinPath, sizes);
    const variables = { half_open_max: halfOpenMax(sizes) };
    const tc = own(
      loadObject<L4Tc>(forTc.object, { ...forTc.options, layout: l4TcLayout, variables }),
    );
    const xdp = hooks.xdp ? own(loadXdp(pinPath, sizes, hooks)) : undefined;
    const forCtl = prepare('l4-ctl', pinPath, sizes);
    const ctl = own(loadObject<L4Ctl>(forCtl.object, { ...forCtl.options, layout: l4CtlLayout }));
    return { tc, xdp, ctl, close };
  } catch (error) {
    close();
    if (!(error instanceof ObjectError)) throw error;
    throw new PlaneError(
      `${error.message}; the maps pinned at ${pinPath} were made with other sizes or by another version: set [l4.limits] and [l4.conntrack] back, or remove them with "balancer l4 unload" (flows are lost)`,
      { cause: error },
    );
  }
}

function loadXdp(
  pinPath: string,
  sizes: MapSizes,
  { redirectsAlways }: HookUse,
): LoadedObject<L4Xdp> {
  const { object, options } = prepare('l4-xdp', pinPath, sizes);
  const variables = {
    redirect_always: redirectsAlways ? 1 : 0,
    half_open_max: halfOpenMax(sizes),
  };
  return loadObject<L4Xdp>(object, { ...options, layout: l4XdpLayout, variables });
}

/** An object, and how its maps are made and pinned. */
function prepare(
  name: string,
  pinPath: string,
  sizes: MapSizes,
): {
  readonly object: ObjectFile;
  readonly options: Pick<LoadOptions, 'pinPath' | 'pinAll' | 'maxEntries'>;
} {
  const object = withEviction(readObject(readFileSync(objectUrl(name))), sizes);
  const wanted: Record<string, number> = {
    l4_ct: sizes.flows,
    l4_half: halfOpenMax(sizes),
    l4_lip: sizes.localAddresses,
    l4_gc_lip: sizes.localAddresses,
    ...Object.fromEntries(BY_SERVICE.map((map) => [map, sizes.services])),
    ...Object.fromEntries(BY_BACKEND.map((map) => [map, sizes.backends])),
  };
  const maxEntries = Object.fromEntries(
    Object.entries(wanted).filter(([map]) => object.maps.has(map)),
  );
  return { object, options: { pinPath, pinAll: true, maxEntries } };
}

/** Flows that may be half open: an eighth of the table, of which a NATed flow takes two entries. */
function halfOpenMax({ flows }: MapSizes): number {
  return Math.ceil(flows / HALF_OPEN_SHARE);
}

/** A connection table that rejects is an ordinary hash. */
function withEviction(object: ObjectFile, { rejectWhenFull }: MapSizes): ObjectFile {
  const flows = object.maps.get('l4_ct');
  if (!rejectWhenFull || flows === undefined) return object;
  return { ...object, maps: new Map(object.maps).set('l4_ct', { ...flows, type: 'hash' }) };
}

/** Where an object lies, seen from the sources and from what is built of them. */
export function objectUrl(name: string): URL {
  return new URL(`../bpf/objects/${name}.o`, import.meta.url);
}

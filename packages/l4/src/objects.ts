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
  type ObjectFile,
  type ObjectLayout,
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

const BY_SERVICE = ['l4_svc', 'l4_sel', 'l4_list', 'l4_cur', 'l4_scnt', 'l4_stat_svc', 'l4_gc_svc'];
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
    const tc = own(load<L4Tc>('l4-tc', { pinPath, sizes, layout: l4TcLayout }));
    const variables = { redirect_always: hooks.redirectsAlways ? 1 : 0 };
    const xdp = hooks.xdp
      ? own(load<L4Xdp>('l4-xdp', { pinPath, sizes, layout: l4XdpLayout, variables }))
      : undefined;
    const ctl = own(load<L4Ctl>('l4-ctl', { pinPath, sizes, layout: l4CtlLayout }));
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

function load<T extends L4Tc | L4Xdp | L4Ctl>(
  name: string,
  {
    pinPath,
    sizes,
    layout,
    variables = {},
  }: {
    readonly pinPath: string;
    readonly sizes: MapSizes;
    readonly layout: ObjectLayout;
    readonly variables?: Partial<T['variables']>;
  },
): LoadedObject<T> {
  const object = withEviction(readObject(readFileSync(objectUrl(name))), sizes);
  const wanted: Record<string, number> = {
    l4_ct: sizes.flows,
    l4_lip: sizes.localAddresses,
    l4_gc_lip: sizes.localAddresses,
    ...Object.fromEntries(BY_SERVICE.map((map) => [map, sizes.services])),
    ...Object.fromEntries(BY_BACKEND.map((map) => [map, sizes.backends])),
  };
  const maxEntries = Object.fromEntries(
    Object.entries(wanted).filter(([map]) => object.maps.has(map)),
  );
  return loadObject<T>(object, { pinPath, pinAll: true, maxEntries, layout, variables });
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

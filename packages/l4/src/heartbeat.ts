/**
 * The mark on the maps that says whose they are, which change they hold, and when somebody last looked
 * after them.
 *
 * @module
 */
import type { LoadedObject } from '@balancer/ebpf';
import type { L4Tc } from '../bpf/objects/l4-tc.types.ts';
import { META } from './constants.ts';

const NS_PER_S = 1_000_000_000n;

export class Heartbeat {
  /** Seconds since a former process looked after the maps; `undefined` when they are new. */
  readonly unwatchedS: number | undefined;
  readonly #loaded: LoadedObject<L4Tc>;
  #generation = 0n;

  /** Marks maps that are new. */
  constructor(loaded: LoadedObject<L4Tc>) {
    this.#loaded = loaded;
    const meta = loaded.map('l4_meta').get(0);
    if (meta?.magic !== META.magic) {
      this.beat();
      return;
    }
    this.#generation = meta.config_generation;
    this.unwatchedS = Number((process.hrtime.bigint() - meta.heartbeat_ns) / NS_PER_S);
  }

  /** The maps hold something else from now on. */
  changed(): void {
    this.#generation++;
  }

  /** Somebody looks after the maps. */
  beat(): void {
    this.#loaded.map('l4_meta').set(0, {
      ...META,
      config_generation: this.#generation,
      heartbeat_ns: process.hrtime.bigint(),
      node_id: 0,
      zero: 0,
    });
  }
}

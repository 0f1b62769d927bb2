// Generated from the object by ebpf-types. Change the C source instead.
import type { ObjectLayout } from '@balancer/ebpf';

export interface Floor {
  readonly maps: {};
  readonly variables: {};
  readonly programs: 'reflect';
}

/** What the types above were made from; `loadObject` compares it with the object. */
export const floorLayout: ObjectLayout = {};

// Generated from the object by ebpf-types. Change the C source instead.
import type { ObjectLayout } from '@balancer/ebpf';

export interface Rejected {
  readonly maps: {};
  readonly variables: {
    readonly sum: bigint;
  };
  readonly programs: 'unchecked';
}

/** What the types above were made from; `loadObject` compares it with the object. */
export const rejectedLayout: ObjectLayout = {
  'variable sum': { size: 8, members: {} },
};

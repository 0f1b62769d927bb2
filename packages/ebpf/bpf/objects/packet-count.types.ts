// Generated from the object by ebpf-types. Change the C source instead.
import type { ObjectLayout } from '@balancer/ebpf';

export interface Counter {
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface PacketCount {
  readonly maps: {
    readonly counters: {
      readonly key: number;
      readonly value: Counter[];
    };
  };
  readonly variables: {};
  readonly programs: 'count_packets';
}

/** What the types above were made from; `loadObject` compares it with the object. */
export const packetCountLayout: ObjectLayout = {
  'map counters key': { size: 4, members: {} },
  'map counters value': {
    size: 16,
    members: {
      packets: 0,
      bytes: 64,
    },
  },
};

// Generated from the object by ebpf-types. Change the C source instead.
import type { ObjectLayout } from '@balancer/ebpf';

export interface Addr16 {
  readonly bytes?: Uint8Array;
  readonly words?: number[];
}

export interface L4Flow {
  readonly last_ns: bigint;
  readonly service: number;
  readonly backend: number;
  readonly state: number;
  readonly mode: number;
  readonly dir: number;
  readonly flags: number;
  readonly seen: number;
  readonly wscale_lb: number;
  readonly wscale_rs: number;
  readonly pp_len: number;
  readonly new_src: Addr16;
  readonly new_dst: Addr16;
  readonly new_sport: number;
  readonly new_dport: number;
  readonly seq_delta: number;
  readonly ack_delta: number;
  readonly isn_c: number;
  readonly isn_s: number;
  readonly snd_max: number;
  readonly created_ns: bigint;
  readonly packets: bigint;
  readonly client_vlan: number;
  readonly peer_zone: number;
  readonly zero: Uint8Array;
  readonly mac: Uint8Array;
  readonly lip: number;
  readonly ifindex: number;
  readonly backend_generation: number;
  readonly our_mac: Uint8Array;
  readonly marks: number;
}

export interface L4FlowKey {
  readonly src: Addr16;
  readonly dst: Addr16;
  readonly sport: number;
  readonly dport: number;
  readonly protocol: number;
  readonly zone: number;
  readonly zero: number;
}

export interface Series {
  readonly frame: bigint[];
  readonly next: number;
  readonly mask: number;
  readonly stride: number;
  readonly client: number;
  readonly services: number;
}

export interface Floor {
  readonly maps: {
    readonly flows: {
      readonly key: L4FlowKey;
      readonly value: L4Flow;
    };
    readonly series: {
      readonly key: number;
      readonly value: Series;
    };
    readonly subject: {
      readonly key: number;
      readonly value: number;
    };
    readonly draft: {
      readonly key: number;
      readonly value: L4Flow[];
    };
  };
  readonly variables: {};
  readonly programs:
    | 'reflect'
    | 'find_flow'
    | 'add_flow'
    | 'add_flow_pair'
    | 'generate'
    | 'walk_flows';
}

/** What the types above were made from; `loadObject` compares it with the object. */
export const floorLayout: ObjectLayout = {
  'map flows key': {
    size: 40,
    members: {
      src: 0,
      'src.bytes': 0,
      'src.words': 0,
      dst: 128,
      'dst.bytes': 128,
      'dst.words': 128,
      sport: 256,
      dport: 272,
      protocol: 288,
      zone: 296,
      zero: 304,
    },
  },
  'map flows value': {
    size: 128,
    members: {
      last_ns: 0,
      service: 64,
      backend: 96,
      state: 128,
      mode: 136,
      dir: 144,
      flags: 152,
      seen: 160,
      wscale_lb: 168,
      wscale_rs: 176,
      pp_len: 184,
      new_src: 192,
      'new_src.bytes': 192,
      'new_src.words': 192,
      new_dst: 320,
      'new_dst.bytes': 320,
      'new_dst.words': 320,
      new_sport: 448,
      new_dport: 464,
      seq_delta: 480,
      ack_delta: 512,
      isn_c: 544,
      isn_s: 576,
      snd_max: 608,
      created_ns: 640,
      packets: 704,
      client_vlan: 768,
      peer_zone: 784,
      zero: 792,
      mac: 832,
      lip: 880,
      ifindex: 896,
      backend_generation: 928,
      our_mac: 960,
      marks: 1008,
    },
  },
  'map series key': { size: 4, members: {} },
  'map series value': {
    size: 88,
    members: {
      frame: 0,
      next: 512,
      mask: 544,
      stride: 576,
      client: 608,
      services: 640,
    },
  },
  'map draft key': { size: 4, members: {} },
  'map draft value': {
    size: 128,
    members: {
      last_ns: 0,
      service: 64,
      backend: 96,
      state: 128,
      mode: 136,
      dir: 144,
      flags: 152,
      seen: 160,
      wscale_lb: 168,
      wscale_rs: 176,
      pp_len: 184,
      new_src: 192,
      'new_src.bytes': 192,
      'new_src.words': 192,
      new_dst: 320,
      'new_dst.bytes': 320,
      'new_dst.words': 320,
      new_sport: 448,
      new_dport: 464,
      seq_delta: 480,
      ack_delta: 512,
      isn_c: 544,
      isn_s: 576,
      snd_max: 608,
      created_ns: 640,
      packets: 704,
      client_vlan: 768,
      peer_zone: 784,
      zero: 792,
      mac: 832,
      lip: 880,
      ifindex: 896,
      backend_generation: 928,
      our_mac: 960,
      marks: 1008,
    },
  },
};

// Generated from the object by ebpf-types. Change the C source instead.
import type { ObjectLayout } from '@balancer/ebpf';

export interface L4Counters {
  readonly active: number;
  readonly inactive: number;
  readonly persist: number;
  readonly overloaded: number;
  readonly up_events: number;
  readonly down_events: number;
  readonly last_new_ns: bigint;
}

export interface L4ServiceCounters {
  readonly conns: number;
  readonly half_open: number;
  readonly zero: bigint;
}

export interface Addr16 {
  readonly bytes?: Uint8Array;
  readonly words?: number[];
}

export interface L4Lip {
  readonly address: Addr16;
  readonly conns: number;
  readonly conflicts: number;
  readonly misses: number;
  readonly zero: number;
}

export interface L4Source {
  readonly conns: number;
  readonly counted: number;
  readonly start_conns: number;
  readonly zero: number;
  readonly lasts_until: bigint;
}

export interface L4SourceKey {
  readonly client: Addr16;
  readonly service: number;
  readonly zero: number;
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

export interface L4Template {
  readonly backend: number;
  readonly service: number;
  readonly expires_ns: bigint;
}

export interface L4TemplateKey {
  readonly client: Addr16;
  readonly vip: Addr16;
  readonly vport: number;
  readonly protocol: number;
  readonly zero: Uint8Array;
}

export interface L4Config {
  readonly timeouts: number[];
  readonly flags: number;
  readonly hash_seed: number;
  readonly new_flow_cap: number;
  readonly port_lo: number;
  readonly port_hi: number;
  readonly tunnel_source4: Addr16;
  readonly tunnel_source6: Addr16;
  readonly reply_path: number;
  readonly ttl_dec: number;
  readonly reserved: Uint8Array;
}

export interface L4Meta {
  readonly magic: number;
  readonly schema: number;
  readonly config_generation: bigint;
  readonly heartbeat_ns: bigint;
  readonly node_id: number;
  readonly zero: number;
}

export interface L4Filter {
  readonly words: bigint[];
}

export interface L4VipKey {
  readonly address: Addr16;
  readonly port: number;
  readonly protocol: number;
  readonly zero: number;
}

export interface L4Service {
  readonly flags: number;
  readonly scheduler: number;
  readonly hash_mode: number;
  readonly protocol: number;
  readonly family: number;
  readonly vip: Addr16;
  readonly vport: number;
  readonly proxy_protocol: number;
  readonly synproxy: number;
  readonly sel_len: number;
  readonly list_len: number;
  readonly lip_first: number;
  readonly lip_count: number;
  readonly hash_seed: number;
  readonly est_timeout_s: number;
  readonly persist_s: number;
  readonly persist_mask4: number;
  readonly persist_plen6: number;
  readonly unknown_action: number;
  readonly vlan: number;
  readonly acl_list: number;
  readonly bucket_pps: number;
  readonly bucket_bps: number;
  readonly bucket_cps: number;
  readonly max_conns: number;
  readonly src_max_conns: number;
  readonly generation: number;
  readonly port_lo: number;
  readonly port_hi: number;
  readonly rate_bytes: bigint;
  readonly rate_pps: number;
  readonly rate_conns: number;
  readonly src_rate: number;
  readonly burst_ms: number;
  readonly burst_conns: number;
  readonly reserved: Uint8Array;
}

export interface L4Backend {
  readonly address: Addr16;
  readonly port: number;
  readonly mode: number;
  readonly tunnel: number;
  readonly tunnel_port: number;
  readonly flags: number;
  readonly family: number;
  readonly weight: number;
  readonly upper: number;
  readonly lower: number;
  readonly ifindex: number;
  readonly dmac: Uint8Array;
  readonly smac: Uint8Array;
  readonly vlan_tci: number;
  readonly mtu: number;
  readonly vni: number;
  readonly service: number;
  readonly inner_dmac: Uint8Array;
  readonly zero: number;
  readonly generation: number;
  readonly lip: number;
  readonly reserved: Uint8Array;
}

export interface L4Stats {
  readonly conns: bigint;
  readonly inpkts: bigint;
  readonly outpkts: bigint;
  readonly inbytes: bigint;
  readonly outbytes: bigint;
}

export interface L4Drops {
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface L4Event {
  readonly type: number;
  readonly len: number;
  readonly ns: bigint;
  readonly reason: number;
  readonly service: number;
  readonly ifindex: number;
  readonly suppressed: number;
  readonly src: Addr16;
  readonly dst: Addr16;
  readonly sport: number;
  readonly dport: number;
  readonly protocol: number;
  readonly family: number;
  readonly cpu: number;
}

export interface L4LastEvent {
  readonly suppressed: bigint;
  readonly event: L4Event;
}

export interface L4TunnelPorts {
  readonly gue: number;
  readonly vxlan: number;
}

export interface L4Claim {
  readonly now_ns: bigint;
  readonly first: number;
  readonly count: number;
  readonly lo: number;
  readonly result: number;
  readonly attempt: number;
  readonly conflicts: number;
  readonly step: number;
  readonly own_step: number;
}

export interface L4Scratch {
  readonly window_start_ns: bigint;
  readonly window_count: number;
  readonly reject_count: number;
  readonly reject_start_ns: bigint;
  readonly flow: L4Flow;
  readonly reply: L4Flow;
  readonly reply_key: L4FlowKey;
  readonly claim: L4Claim;
  readonly peer_key: L4FlowKey;
  readonly template_key: L4TemplateKey;
  readonly cookie: number;
  readonly isn_c: number;
  readonly reserved: Uint8Array;
}

export interface L4Acl {
  readonly hits: bigint;
}

export interface L4AclKey {
  readonly prefix_bits: number;
  readonly list: number;
  readonly address: Addr16;
}

export interface L4Buckets {
  readonly conns: bigint;
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly zero: bigint;
}

export interface L4Frag {
  readonly sport: number;
  readonly dport: number;
  readonly seen_s: number;
}

export interface L4FragKey {
  readonly src: Addr16;
  readonly dst: Addr16;
  readonly id: number;
  readonly protocol: number;
  readonly zero: Uint8Array;
}

export interface L4HalfOpen {
  readonly key: L4FlowKey;
  readonly created_ns: bigint;
}

export interface L4CookieKey {
  readonly slot: number;
  readonly zero: number;
  readonly k0: bigint;
  readonly k1: bigint;
}

export interface L4BackendCount {
  readonly active: number;
  readonly inactive: number;
  readonly persist: number;
  readonly zero: number;
  readonly start_active: number;
  readonly start_inactive: number;
  readonly start_persist: number;
  readonly zero2: number;
}

export interface L4ServiceCount {
  readonly conns: number;
  readonly half_open: number;
  readonly start_conns: number;
  readonly start_half_open: number;
}

export interface L4LipCount {
  readonly conns: number;
  readonly start_conns: number;
}

export interface L4Ctl {
  readonly maps: {
    readonly l4_cnt: {
      readonly key: number;
      readonly value: L4Counters;
    };
    readonly l4_scnt: {
      readonly key: number;
      readonly value: L4ServiceCounters;
    };
    readonly l4_lip: {
      readonly key: number;
      readonly value: L4Lip;
    };
    readonly l4_src: {
      readonly key: L4SourceKey;
      readonly value: L4Source;
    };
    readonly l4_ct: {
      readonly key: L4FlowKey;
      readonly value: L4Flow;
    };
    readonly l4_tpl: {
      readonly key: L4TemplateKey;
      readonly value: L4Template;
    };
    readonly l4_cfg: {
      readonly key: number;
      readonly value: L4Config;
    };
    readonly l4_meta: {
      readonly key: number;
      readonly value: L4Meta;
    };
    readonly l4_filter: {
      readonly key: number;
      readonly value: L4Filter;
    };
    readonly l4_vip: {
      readonly key: L4VipKey;
      readonly value: number;
    };
    readonly l4_svc: {
      readonly key: number;
      readonly value: L4Service;
    };
    readonly l4_be: {
      readonly key: number;
      readonly value: L4Backend;
    };
    readonly l4_sel: {
      readonly key: number;
      readonly value: number;
    };
    readonly l4_list: {
      readonly key: number;
      readonly value: number;
    };
    readonly l4_cur: {
      readonly key: number;
      readonly value: number;
    };
    readonly l4_stat_svc: {
      readonly key: number;
      readonly value: L4Stats[];
    };
    readonly l4_stat_be: {
      readonly key: number;
      readonly value: L4Stats[];
    };
    readonly l4_drop: {
      readonly key: number;
      readonly value: L4Drops[];
    };
    readonly l4_last: {
      readonly key: number;
      readonly value: L4LastEvent[];
    };
    readonly l4_events: {
      readonly key: number;
      readonly value: number;
    };
    readonly l4_decap: {
      readonly key: Addr16;
      readonly value: L4TunnelPorts;
    };
    readonly l4_tx: {
      readonly key: number;
      readonly value: number;
    };
    readonly l4_scratch: {
      readonly key: number;
      readonly value: L4Scratch[];
    };
    readonly l4_acl: {
      readonly key: L4AclKey;
      readonly value: L4Acl;
    };
    readonly l4_bucket: {
      readonly key: number;
      readonly value: L4Buckets;
    };
    readonly l4_frag: {
      readonly key: L4FragKey;
      readonly value: L4Frag;
    };
    readonly l4_half: {
      readonly key: number;
      readonly value: L4HalfOpen;
    };
    readonly l4_half_next: {
      readonly key: number;
      readonly value: number;
    };
    readonly l4_cookie: {
      readonly key: number;
      readonly value: L4CookieKey;
    };
    readonly l4_work: {
      readonly key: number;
      readonly value: number[];
    };
    readonly l4_gc_be: {
      readonly key: number;
      readonly value: L4BackendCount;
    };
    readonly l4_gc_svc: {
      readonly key: number;
      readonly value: L4ServiceCount;
    };
    readonly l4_gc_lip: {
      readonly key: number;
      readonly value: L4LipCount;
    };
  };
  readonly variables: {};
  readonly programs: 'lb_gc' | 'lb_close';
}

/** What the types above were made from; `loadObject` compares it with the object. */
export const l4CtlLayout: ObjectLayout = {
  'map l4_cnt key': { size: 4, members: {} },
  'map l4_cnt value': {
    size: 32,
    members: {
      active: 0,
      inactive: 32,
      persist: 64,
      overloaded: 96,
      up_events: 128,
      down_events: 160,
      last_new_ns: 192,
    },
  },
  'map l4_scnt key': { size: 4, members: {} },
  'map l4_scnt value': {
    size: 16,
    members: {
      conns: 0,
      half_open: 32,
      zero: 64,
    },
  },
  'map l4_lip key': { size: 4, members: {} },
  'map l4_lip value': {
    size: 32,
    members: {
      address: 0,
      'address.bytes': 0,
      'address.words': 0,
      conns: 128,
      conflicts: 160,
      misses: 192,
      zero: 224,
    },
  },
  'map l4_src key': {
    size: 24,
    members: {
      client: 0,
      'client.bytes': 0,
      'client.words': 0,
      service: 128,
      zero: 160,
    },
  },
  'map l4_src value': {
    size: 24,
    members: {
      conns: 0,
      counted: 32,
      start_conns: 64,
      zero: 96,
      lasts_until: 128,
    },
  },
  'map l4_ct key': {
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
  'map l4_ct value': {
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
  'map l4_tpl key': {
    size: 40,
    members: {
      client: 0,
      'client.bytes': 0,
      'client.words': 0,
      vip: 128,
      'vip.bytes': 128,
      'vip.words': 128,
      vport: 256,
      protocol: 272,
      zero: 280,
    },
  },
  'map l4_tpl value': {
    size: 16,
    members: {
      backend: 0,
      service: 32,
      expires_ns: 64,
    },
  },
  'map l4_cfg key': { size: 4, members: {} },
  'map l4_cfg value': {
    size: 256,
    members: {
      timeouts: 0,
      flags: 512,
      hash_seed: 544,
      new_flow_cap: 576,
      port_lo: 608,
      port_hi: 624,
      tunnel_source4: 640,
      'tunnel_source4.bytes': 640,
      'tunnel_source4.words': 640,
      tunnel_source6: 768,
      'tunnel_source6.bytes': 768,
      'tunnel_source6.words': 768,
      reply_path: 896,
      ttl_dec: 928,
      reserved: 960,
    },
  },
  'map l4_meta key': { size: 4, members: {} },
  'map l4_meta value': {
    size: 32,
    members: {
      magic: 0,
      schema: 32,
      config_generation: 64,
      heartbeat_ns: 128,
      node_id: 192,
      zero: 224,
    },
  },
  'map l4_filter key': { size: 4, members: {} },
  'map l4_filter value': {
    size: 8192,
    members: {
      words: 0,
    },
  },
  'map l4_vip key': {
    size: 20,
    members: {
      address: 0,
      'address.bytes': 0,
      'address.words': 0,
      port: 128,
      protocol: 144,
      zero: 152,
    },
  },
  'map l4_vip value': { size: 4, members: {} },
  'map l4_svc key': { size: 4, members: {} },
  'map l4_svc value': {
    size: 128,
    members: {
      flags: 0,
      scheduler: 32,
      hash_mode: 40,
      protocol: 48,
      family: 56,
      vip: 64,
      'vip.bytes': 64,
      'vip.words': 64,
      vport: 192,
      proxy_protocol: 208,
      synproxy: 216,
      sel_len: 224,
      list_len: 256,
      lip_first: 288,
      lip_count: 320,
      hash_seed: 352,
      est_timeout_s: 384,
      persist_s: 416,
      persist_mask4: 448,
      persist_plen6: 480,
      unknown_action: 488,
      vlan: 496,
      acl_list: 512,
      bucket_pps: 544,
      bucket_bps: 576,
      bucket_cps: 608,
      max_conns: 640,
      src_max_conns: 672,
      generation: 704,
      port_lo: 736,
      port_hi: 752,
      rate_bytes: 768,
      rate_pps: 832,
      rate_conns: 864,
      src_rate: 896,
      burst_ms: 928,
      burst_conns: 960,
      reserved: 992,
    },
  },
  'map l4_be key': { size: 4, members: {} },
  'map l4_be value': {
    size: 128,
    members: {
      address: 0,
      'address.bytes': 0,
      'address.words': 0,
      port: 128,
      mode: 144,
      tunnel: 152,
      tunnel_port: 160,
      flags: 176,
      family: 184,
      weight: 192,
      upper: 224,
      lower: 256,
      ifindex: 288,
      dmac: 320,
      smac: 368,
      vlan_tci: 416,
      mtu: 432,
      vni: 448,
      service: 480,
      inner_dmac: 512,
      zero: 560,
      generation: 576,
      lip: 608,
      reserved: 640,
    },
  },
  'map l4_sel key': { size: 4, members: {} },
  'map l4_list key': { size: 4, members: {} },
  'map l4_cur key': { size: 4, members: {} },
  'map l4_cur value': { size: 4, members: {} },
  'map l4_stat_svc key': { size: 4, members: {} },
  'map l4_stat_svc value': {
    size: 40,
    members: {
      conns: 0,
      inpkts: 64,
      outpkts: 128,
      inbytes: 192,
      outbytes: 256,
    },
  },
  'map l4_stat_be key': { size: 4, members: {} },
  'map l4_stat_be value': {
    size: 40,
    members: {
      conns: 0,
      inpkts: 64,
      outpkts: 128,
      inbytes: 192,
      outbytes: 256,
    },
  },
  'map l4_drop key': { size: 4, members: {} },
  'map l4_drop value': {
    size: 16,
    members: {
      packets: 0,
      bytes: 64,
    },
  },
  'map l4_last key': { size: 4, members: {} },
  'map l4_last value': {
    size: 80,
    members: {
      suppressed: 0,
      event: 64,
      'event.type': 64,
      'event.len': 96,
      'event.ns': 128,
      'event.reason': 192,
      'event.service': 224,
      'event.ifindex': 256,
      'event.suppressed': 288,
      'event.src': 320,
      'event.src.bytes': 320,
      'event.src.words': 320,
      'event.dst': 448,
      'event.dst.bytes': 448,
      'event.dst.words': 448,
      'event.sport': 576,
      'event.dport': 592,
      'event.protocol': 608,
      'event.family': 616,
      'event.cpu': 624,
    },
  },
  'map l4_decap key': {
    size: 16,
    members: {
      bytes: 0,
      words: 0,
    },
  },
  'map l4_decap value': {
    size: 4,
    members: {
      gue: 0,
      vxlan: 16,
    },
  },
  'map l4_scratch key': { size: 4, members: {} },
  'map l4_scratch value': {
    size: 512,
    members: {
      window_start_ns: 0,
      window_count: 64,
      reject_count: 96,
      reject_start_ns: 128,
      flow: 192,
      'flow.last_ns': 192,
      'flow.service': 256,
      'flow.backend': 288,
      'flow.state': 320,
      'flow.mode': 328,
      'flow.dir': 336,
      'flow.flags': 344,
      'flow.seen': 352,
      'flow.wscale_lb': 360,
      'flow.wscale_rs': 368,
      'flow.pp_len': 376,
      'flow.new_src': 384,
      'flow.new_src.bytes': 384,
      'flow.new_src.words': 384,
      'flow.new_dst': 512,
      'flow.new_dst.bytes': 512,
      'flow.new_dst.words': 512,
      'flow.new_sport': 640,
      'flow.new_dport': 656,
      'flow.seq_delta': 672,
      'flow.ack_delta': 704,
      'flow.isn_c': 736,
      'flow.isn_s': 768,
      'flow.snd_max': 800,
      'flow.created_ns': 832,
      'flow.packets': 896,
      'flow.client_vlan': 960,
      'flow.peer_zone': 976,
      'flow.zero': 984,
      'flow.mac': 1024,
      'flow.lip': 1072,
      'flow.ifindex': 1088,
      'flow.backend_generation': 1120,
      'flow.our_mac': 1152,
      'flow.marks': 1200,
      reply: 1216,
      'reply.last_ns': 1216,
      'reply.service': 1280,
      'reply.backend': 1312,
      'reply.state': 1344,
      'reply.mode': 1352,
      'reply.dir': 1360,
      'reply.flags': 1368,
      'reply.seen': 1376,
      'reply.wscale_lb': 1384,
      'reply.wscale_rs': 1392,
      'reply.pp_len': 1400,
      'reply.new_src': 1408,
      'reply.new_src.bytes': 1408,
      'reply.new_src.words': 1408,
      'reply.new_dst': 1536,
      'reply.new_dst.bytes': 1536,
      'reply.new_dst.words': 1536,
      'reply.new_sport': 1664,
      'reply.new_dport': 1680,
      'reply.seq_delta': 1696,
      'reply.ack_delta': 1728,
      'reply.isn_c': 1760,
      'reply.isn_s': 1792,
      'reply.snd_max': 1824,
      'reply.created_ns': 1856,
      'reply.packets': 1920,
      'reply.client_vlan': 1984,
      'reply.peer_zone': 2000,
      'reply.zero': 2008,
      'reply.mac': 2048,
      'reply.lip': 2096,
      'reply.ifindex': 2112,
      'reply.backend_generation': 2144,
      'reply.our_mac': 2176,
      'reply.marks': 2224,
      reply_key: 2240,
      'reply_key.src': 2240,
      'reply_key.src.bytes': 2240,
      'reply_key.src.words': 2240,
      'reply_key.dst': 2368,
      'reply_key.dst.bytes': 2368,
      'reply_key.dst.words': 2368,
      'reply_key.sport': 2496,
      'reply_key.dport': 2512,
      'reply_key.protocol': 2528,
      'reply_key.zone': 2536,
      'reply_key.zero': 2544,
      claim: 2560,
      'claim.now_ns': 2560,
      'claim.first': 2624,
      'claim.count': 2656,
      'claim.lo': 2688,
      'claim.result': 2720,
      'claim.attempt': 2752,
      'claim.conflicts': 2784,
      'claim.step': 2816,
      'claim.own_step': 2848,
      peer_key: 2880,
      'peer_key.src': 2880,
      'peer_key.src.bytes': 2880,
      'peer_key.src.words': 2880,
      'peer_key.dst': 3008,
      'peer_key.dst.bytes': 3008,
      'peer_key.dst.words': 3008,
      'peer_key.sport': 3136,
      'peer_key.dport': 3152,
      'peer_key.protocol': 3168,
      'peer_key.zone': 3176,
      'peer_key.zero': 3184,
      template_key: 3200,
      'template_key.client': 3200,
      'template_key.client.bytes': 3200,
      'template_key.client.words': 3200,
      'template_key.vip': 3328,
      'template_key.vip.bytes': 3328,
      'template_key.vip.words': 3328,
      'template_key.vport': 3456,
      'template_key.protocol': 3472,
      'template_key.zero': 3480,
      cookie: 3520,
      isn_c: 3552,
      reserved: 3584,
    },
  },
  'map l4_acl key': {
    size: 24,
    members: {
      prefix_bits: 0,
      list: 32,
      address: 64,
      'address.bytes': 64,
      'address.words': 64,
    },
  },
  'map l4_acl value': {
    size: 8,
    members: {
      hits: 0,
    },
  },
  'map l4_bucket key': { size: 4, members: {} },
  'map l4_bucket value': {
    size: 32,
    members: {
      conns: 0,
      packets: 64,
      bytes: 128,
      zero: 192,
    },
  },
  'map l4_frag key': {
    size: 40,
    members: {
      src: 0,
      'src.bytes': 0,
      'src.words': 0,
      dst: 128,
      'dst.bytes': 128,
      'dst.words': 128,
      id: 256,
      protocol: 288,
      zero: 296,
    },
  },
  'map l4_frag value': {
    size: 8,
    members: {
      sport: 0,
      dport: 16,
      seen_s: 32,
    },
  },
  'map l4_half key': { size: 4, members: {} },
  'map l4_half value': {
    size: 48,
    members: {
      key: 0,
      'key.src': 0,
      'key.src.bytes': 0,
      'key.src.words': 0,
      'key.dst': 128,
      'key.dst.bytes': 128,
      'key.dst.words': 128,
      'key.sport': 256,
      'key.dport': 272,
      'key.protocol': 288,
      'key.zone': 296,
      'key.zero': 304,
      created_ns: 320,
    },
  },
  'map l4_half_next key': { size: 4, members: {} },
  'map l4_half_next value': { size: 4, members: {} },
  'map l4_cookie key': { size: 4, members: {} },
  'map l4_cookie value': {
    size: 24,
    members: {
      slot: 0,
      zero: 32,
      k0: 64,
      k1: 128,
    },
  },
  'map l4_gc_be key': { size: 4, members: {} },
  'map l4_gc_be value': {
    size: 32,
    members: {
      active: 0,
      inactive: 32,
      persist: 64,
      zero: 96,
      start_active: 128,
      start_inactive: 160,
      start_persist: 192,
      zero2: 224,
    },
  },
  'map l4_gc_svc key': { size: 4, members: {} },
  'map l4_gc_svc value': {
    size: 16,
    members: {
      conns: 0,
      half_open: 32,
      start_conns: 64,
      start_half_open: 96,
    },
  },
  'map l4_gc_lip key': { size: 4, members: {} },
  'map l4_gc_lip value': {
    size: 8,
    members: {
      conns: 0,
      start_conns: 32,
    },
  },
};

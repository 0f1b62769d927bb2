/**
 * The layout of keys and values is an interface: maps outlive the process that made them. These are the
 * offsets in bytes that every release has to keep.
 */
import { describe, expect, test } from 'vitest';
import { l4XdpLayout } from '../bpf/objects/l4-xdp.types.ts';

const bytes = (name: string): Record<string, number> =>
  Object.fromEntries(
    Object.entries(l4XdpLayout[name]!.members).map(([member, bits]) => [member, bits / 8]),
  );

describe('layout', () => {
  test.each([
    ['map l4_cfg value', 256],
    ['map l4_vip key', 20],
    ['map l4_vip value', 4],
    ['map l4_svc value', 128],
    ['map l4_be value', 128],
    ['map l4_ct key', 40],
    ['map l4_ct value', 128],
    ['map l4_cnt value', 32],
    ['map l4_scnt value', 16],
    ['map l4_lip value', 32],
    ['map l4_stat_svc value', 40],
    ['map l4_stat_be value', 40],
    ['map l4_drop value', 16],
    ['map l4_scratch value', 512],
    ['map l4_meta value', 32],
    ['map l4_filter value', 8192],
    ['map l4_tpl key', 40],
    ['map l4_tpl value', 16],
    ['map l4_decap key', 16],
    ['map l4_last value', 80],
  ])('%s has %d bytes', (name, size) => {
    expect(l4XdpLayout[name]!.size).toBe(size);
  });

  test('services', () => {
    expect(bytes('map l4_svc value')).toMatchObject({
      flags: 0,
      scheduler: 4,
      hash_mode: 5,
      protocol: 6,
      family: 7,
      vip: 8,
      vport: 24,
      proxy_protocol: 26,
      synproxy: 27,
      sel_len: 28,
      list_len: 32,
      lip_first: 36,
      lip_count: 40,
      hash_seed: 44,
      est_timeout_s: 48,
      persist_s: 52,
      persist_mask4: 56,
      persist_plen6: 60,
      unknown_action: 61,
      acl_list: 64,
      bucket_pps: 68,
      bucket_bps: 72,
      bucket_cps: 76,
      max_conns: 80,
      src_max_conns: 84,
      generation: 88,
      port_lo: 92,
      port_hi: 94,
    });
  });

  test('backends', () => {
    expect(bytes('map l4_be value')).toMatchObject({
      address: 0,
      port: 16,
      mode: 18,
      tunnel: 19,
      tunnel_port: 20,
      flags: 22,
      family: 23,
      weight: 24,
      upper: 28,
      lower: 32,
      ifindex: 36,
      dmac: 40,
      smac: 46,
      vlan_tci: 52,
      mtu: 54,
      vni: 56,
      service: 60,
      inner_dmac: 64,
      generation: 72,
      lip: 76,
    });
  });

  test('flows', () => {
    expect(bytes('map l4_ct key')).toMatchObject({
      src: 0,
      dst: 16,
      sport: 32,
      dport: 34,
      protocol: 36,
      zone: 37,
    });
    expect(bytes('map l4_ct value')).toMatchObject({
      last_ns: 0,
      service: 8,
      backend: 12,
      state: 16,
      mode: 17,
      dir: 18,
      flags: 19,
      seen: 20,
      new_src: 24,
      new_dst: 40,
      new_sport: 56,
      new_dport: 58,
      seq_delta: 60,
      created_ns: 80,
      packets: 88,
      client_vlan: 96,
      peer_zone: 98,
      mac: 104,
      lip: 110,
      ifindex: 112,
      backend_generation: 116,
      our_mac: 120,
    });
  });

  test('templates', () => {
    expect(bytes('map l4_tpl key')).toMatchObject({ client: 0, vip: 16, vport: 32, protocol: 34 });
    expect(bytes('map l4_tpl value')).toEqual({ backend: 0, service: 4, expires_ns: 8 });
  });

  test('events', () => {
    expect(bytes('map l4_last value')).toMatchObject({
      suppressed: 0,
      'event.type': 8,
      'event.len': 12,
      'event.ns': 16,
      'event.reason': 24,
      'event.service': 28,
      'event.ifindex': 32,
      'event.suppressed': 36,
      'event.src': 40,
      'event.dst': 56,
      'event.sport': 72,
      'event.dport': 74,
      'event.protocol': 76,
      'event.family': 77,
      'event.cpu': 78,
    });
  });

  test('ownership of the maps', () => {
    expect(bytes('map l4_meta value')).toEqual({
      magic: 0,
      schema: 4,
      config_generation: 8,
      heartbeat_ns: 16,
      node_id: 24,
      zero: 28,
    });
  });

  test('configuration', () => {
    expect(bytes('map l4_cfg value')).toMatchObject({
      timeouts: 0,
      flags: 64,
      hash_seed: 68,
      new_flow_cap: 72,
      port_lo: 76,
      port_hi: 78,
      tunnel_source4: 80,
      tunnel_source6: 96,
      reply_path: 112,
      ttl_dec: 116,
    });
  });
});

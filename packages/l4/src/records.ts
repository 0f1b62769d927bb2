/**
 * Values of the maps as the control plane writes them: empty ones to lay fields over, and how to tell
 * whether two are the same.
 *
 * @module
 */
import type { L4Backend, L4Config, L4Service } from '../bpf/objects/l4-tc.types.ts';
import { NO_ADDRESS } from './address.ts';

export type { L4Backend, L4Config, L4Service } from '../bpf/objects/l4-tc.types.ts';

export const EMPTY_CONFIG: L4Config = {
  timeouts: Array<number>(16).fill(0),
  flags: 0,
  hash_seed: 0,
  new_flow_cap: 0,
  port_lo: 0,
  port_hi: 0,
  tunnel_source4: NO_ADDRESS,
  tunnel_source6: NO_ADDRESS,
  reply_path: 0,
  ttl_dec: 1,
  reserved: new Uint8Array(136),
};

export const EMPTY_SERVICE: L4Service = {
  flags: 0,
  scheduler: 0,
  hash_mode: 0,
  protocol: 0,
  family: 0,
  vip: NO_ADDRESS,
  vport: 0,
  proxy_protocol: 0,
  synproxy: 0,
  sel_len: 0,
  list_len: 0,
  lip_first: 0,
  lip_count: 0,
  hash_seed: 0,
  est_timeout_s: 0,
  persist_s: 0,
  persist_mask4: 0,
  persist_plen6: 0,
  unknown_action: 0,
  vlan: 0,
  acl_list: 0,
  bucket_pps: 0,
  bucket_bps: 0,
  bucket_cps: 0,
  max_conns: 0,
  src_max_conns: 0,
  generation: 0,
  port_lo: 0,
  port_hi: 0,
  rate_bytes: 0n,
  rate_pps: 0,
  rate_conns: 0,
  src_rate: 0,
  burst_ms: 0,
  burst_conns: 0,
  reserved: new Uint8Array(4),
};

export const EMPTY_BACKEND: L4Backend = {
  address: NO_ADDRESS,
  port: 0,
  mode: 0,
  tunnel: 0,
  tunnel_port: 0,
  flags: 0,
  family: 0,
  weight: 0,
  upper: 0,
  lower: 0,
  ifindex: 0,
  dmac: new Uint8Array(6),
  smac: new Uint8Array(6),
  vlan_tci: 0,
  mtu: 0,
  vni: 0,
  service: 0,
  inner_dmac: new Uint8Array(6),
  zero: 0,
  generation: 0,
  lip: 0,
  reserved: new Uint8Array(48),
};

/** Whether two values of a map have the same fields, whatever way they came about. Allocates little. */
export function sameRecord(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isObject(a) || !isObject(b)) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  let fields = 0;
  for (const name in a) {
    if (name === TWIN) continue;
    if (!sameRecord(a[name], b[name])) return false;
    fields++;
  }
  for (const name in b) if (name !== TWIN) fields--;
  return fields === 0;
}

/** A decoded address has its bytes twice, a made one has them once. */
const TWIN = 'words';

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

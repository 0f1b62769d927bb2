/**
 * The tables, as kysely types. Times are milliseconds since 1970, truth values are 0 or 1, so that
 * both databases hold the same rows.
 *
 * @module
 */
import type { ColumnType, Generated, Kysely } from 'kysely';

export interface ServerTable {
  /** Orders servers everywhere: byte order. */
  id: string;
  url: string;
  secret: string;
  /** Empty: untagged. */
  tag: string;
  state: 'enabled' | 'cordoned' | 'disabled';
  is_online: number;
  multiplier: number;
  /** 0: no limit. */
  max_meetings: number;
  max_users: number;
  /** Null: the strongest that the gateway allows. */
  checksum_algorithm: string | null;
  /** Path of a PEM file with the authority that signed the server's certificate. */
  tls_ca: string | null;
  tls_verify: number;
  healthy_count: number;
  unhealthy_count: number;
  /** As the last poll computed it; null while offline. What came since is on the load board. */
  load: number | null;
  meetings: number;
  users: number;
  largest_meeting: number;
  videos: number;
  bbb_version: string;
  last_error: string;
  /** Start of the last poll that succeeded; 0: none yet. */
  polled_at_ms: number;
  created_at_ms: number;
}

export interface MeetingTable {
  /** Empty: meeting IDs are unique over all tenants. */
  scope: string;
  meeting_id: string;
  server_id: string;
  /** Empty: no tenant. */
  tenant_id: string;
  moderator_pw: string;
  voice_bridge: string;
  status: 'pending' | 'active';
  created_at_ms: number;
  last_seen_at_ms: number;
}

export interface TenantTable {
  id: string;
  name: string;
  /** Separated by `:`. */
  secrets: string;
  path_access: number;
  /** 0: no limit. */
  max_meetings: number;
  max_users: number;
  lrs_endpoint: string;
  lrs_username: string;
  lrs_password: string;
  kc_token_url: string;
  kc_client_id: string;
  kc_client_secret: string;
  kc_username: string;
  kc_password: string;
}

export interface TenantSettingTable {
  id: string;
  tenant_id: string;
  param: string;
  value: string;
  is_override: number;
}

export interface TokenTable {
  id: string;
  /** What its owner calls it. */
  name: string;
  role: 'read' | 'operate' | 'admin';
  /** SHA-256 of the token, in hex. */
  digest: string;
  created_at_ms: number;
}

/** Named as Scalelite names it, so that its database can be opened in place. */
export interface CallbackDataTable {
  id: Generated<number>;
  meeting_id: string;
  recording_id: number | null;
  /** Flat YAML with symbol keys. */
  callback_attributes: string;
  created_at: ColumnType<Date | string, string, string>;
  updated_at: ColumnType<Date | string, string, string>;
}

export interface LeaseTable {
  name: string;
  owner: string;
  /** Grows with every change of owner. */
  fence: number;
  expires_at_ms: number;
}

export interface MetaTable {
  key: string;
  value: string;
}

export interface Tables {
  gw_servers: ServerTable;
  gw_meetings: MeetingTable;
  gw_tenants: TenantTable;
  gw_tenant_settings: TenantSettingTable;
  gw_tokens: TokenTable;
  gw_leases: LeaseTable;
  gw_meta: MetaTable;
  callback_data: CallbackDataTable;
}

export type Database = Kysely<Tables>;
export type Dialect = 'sqlite' | 'postgres';

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
  /** Empty: meeting IDs are unique over all tenants. Else the tenant within which this one is. */
  scope: string;
  meeting_id: string;
  /** By which its server's own id of the meeting begins: SHA-1 of its name there. */
  id_hash: string;
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
  /** Null: no tenant, or written by Scalelite. */
  tenant_id: string | null;
  /** As in `gw_meetings`; null where nobody asked for it. */
  id_hash: string | null;
  created_at: Moment;
  updated_at: Moment;
}

/** A truth value: `boolean` in PostgreSQL, where Scalelite made the column, 0 or 1 in SQLite. */
type Flag = ColumnType<boolean | number | null, number, number>;
/** UTC without a zone, as both databases take and compare it. */
type Moment = ColumnType<string | null, string | null, string | null>;

/** Named as Scalelite names it, like the three that follow. */
export interface RecordingTable {
  id: Generated<number>;
  record_id: string;
  meeting_id: string;
  name: string | null;
  published: Flag;
  participants: number | null;
  /** `processing`, `processed`, `published`, `unpublished` or `deleted`. */
  state: string;
  starttime: Moment;
  endtime: Moment;
  deleted_at: Moment;
  protected: Flag;
  /** True once somebody published or unpublished it by hand: an import then leaves that as it is. */
  publish_updated: Flag;
  raw_size: number | null;
  size: number | null;
  is_breakout: Flag;
  tenant_id: string | null;
}

export interface MetadataTable {
  id: Generated<number>;
  recording_id: number;
  key: string;
  value: string | null;
}

export interface PlaybackFormatTable {
  id: Generated<number>;
  recording_id: number;
  format: string;
  /** Path and query. */
  url: string | null;
  /** Minutes. */
  length: number | null;
  /** Milliseconds. */
  processing_time: number | null;
  size: number | null;
}

export interface ThumbnailTable {
  id: Generated<number>;
  playback_format_id: number;
  width: number | null;
  height: number | null;
  alt: string | null;
  url: string | null;
  sequence: number;
}

/** Uploaded captions. */
export interface TextTrackTable {
  recording_id: number;
  kind: string;
  lang: string;
  label: string;
  /** WebVTT. */
  content: string;
}

/** Recordings whose files are being moved; one that is left by a process that died is put right. */
export interface RecordingWorkTable {
  record_id: string;
  owner: string;
  expires_at_ms: number;
}

/** One-time tokens that were used, until they would have expired anyway. */
export interface UsedTokenTable {
  token: string;
  expires_at_ms: number;
}

export type DeliveryState = 'pending' | 'delivered' | 'gone' | 'failed';

/** What is owed to those who asked to be called. */
export interface DeliveryTable {
  id: string;
  kind: 'recording-ready' | 'analytics' | 'meeting-ended' | 'hook';
  tenant_id: string;
  method: string;
  url: string;
  payload: string;
  state: DeliveryState;
  attempts: number;
  created_at_ms: number;
  next_at_ms: number;
  last_error: string;
}

/** Hooks of front-ends. */
export interface HookTable {
  id: Generated<number>;
  tenant_id: string;
  callback_url: string;
  /** Empty: all. */
  meeting_id: string;
  event_id: string;
  is_raw: number;
  created_at_ms: number;
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
  gw_text_tracks: TextTrackTable;
  gw_recording_work: RecordingWorkTable;
  gw_used_tokens: UsedTokenTable;
  gw_deliveries: DeliveryTable;
  gw_hooks: HookTable;
  callback_data: CallbackDataTable;
  recordings: RecordingTable;
  metadata: MetadataTable;
  playback_formats: PlaybackFormatTable;
  thumbnails: ThumbnailTable;
}

export type Database = Kysely<Tables>;
export type Dialect = 'sqlite' | 'postgres';

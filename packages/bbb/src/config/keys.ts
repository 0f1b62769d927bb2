/**
 * Every key of the configuration: its type, its default, how its environment variable is read, and
 * the names under which Scalelite knows it.
 *
 * @module
 */
import { duration, integer, LOG_LEVELS, type LogLevel, secret, Secret, z } from '@balancer/kit';

export const CHECKSUM_ALGORITHMS = ['sha1', 'sha256', 'sha384', 'sha512'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

export const ROLES = ['api', 'poller', 'importer', 'notifier'] as const;
export type Role = (typeof ROLES)[number];

/** Parameter names to values. */
export type Parameters = Readonly<Record<string, string>>;

/** Durations are milliseconds here; in files and variables they are seconds or carry a unit. */
export interface BbbConfig {
  /** Host under which the world reaches the gateway; for callback addresses. */
  readonly url_host: string;
  /** Scheme and host for addresses in answers; empty: those of the request. */
  readonly public_url: string;
  readonly secrets: readonly Secret[];
  /** Empty: all, and SHA-256 towards servers. */
  readonly checksum_algorithms: readonly ChecksumAlgorithm[];
  readonly strict_post_checksum: boolean;
  readonly database_url: string;
  readonly database_connections: number;
  /** For a query; a third of it for a connection, also for one of those there are to become free. */
  readonly database_timeout: number;
  readonly redis_url: string;
  readonly redis_prefix: string;
  readonly data_dir: string;
  readonly bind: string;
  readonly port: number;
  /** PEM files; empty: no TLS of its own, as behind a proxy that ends it. */
  readonly tls_cert: string;
  readonly tls_key: string;
  readonly admin_bind: string;
  readonly admin_port: number;
  /** Lets `admin_bind` be an address that other machines reach; everything there needs a token then. */
  readonly admin_allow_remote: boolean;
  /** Networks whose `X-Forwarded-…` headers are believed. */
  readonly trusted_proxies: readonly string[];
  /** Scalelite's administration by JSON on the public listener too. */
  readonly scalelite_api: boolean;
  readonly build_number: string;
  readonly log_level: LogLevel;
  readonly shutdown_grace_seconds: number;
  readonly query_max_bytes: number;
  readonly form_max_bytes: number;
  readonly xml_max_bytes: number;
  readonly failed_auth_per_minute: number;
  readonly health_always_200: boolean;
  readonly connect_timeout: number;
  readonly response_timeout: number;
  readonly upstream_concurrency: number;
  readonly create_retries: number;
  readonly poll_interval: number;
  readonly poll_concurrency: number;
  readonly lease_seconds: number;
  readonly server_healthy_threshold: number;
  readonly server_unhealthy_threshold: number;
  readonly server_id_is_hostname: boolean;
  readonly end_meetings_on_failure: boolean;
  readonly adopt_orphans: boolean;
  readonly meeting_ttl_seconds: number;
  readonly load_policy: 'scalelite' | 'weighted';
  readonly load_min_user_count: number;
  readonly load_join_buffer_minutes: number;
  readonly load_create_increment: number;
  readonly load_join_increment: number;
  readonly weighted_base: number;
  readonly weighted_participant: number;
  readonly weighted_voice: number;
  readonly weighted_video: number;
  readonly weighted_reserve_minutes: number;
  readonly weighted_expected: number;
  /** Minutes; 0: off. */
  readonly max_meeting_duration: number;
  readonly default_create_params: Parameters;
  readonly override_create_params: Parameters;
  readonly default_join_params: Parameters;
  readonly override_join_params: Parameters;
  readonly create_exclude_params: readonly string[];
  readonly join_exclude_params: readonly string[];
  readonly voice_bridge_len: number;
  readonly use_external_voice_bridge: boolean;
  /** Null: the first of the secrets; empty: open. */
  readonly fsapi_password: Secret | null;
  /** Digits of a pin. */
  readonly fsapi_pin_min: number;
  readonly fsapi_pin_max: number;
  /** Minutes; 0: `max_meeting_duration`. */
  readonly fsapi_max_duration: number;
  readonly get_meetings_disabled: boolean;
  readonly get_meetings_stale_seconds: number;
  readonly multitenancy: boolean;
  readonly default_tenant: string;
  /** Lets tenants use the same meeting IDs; servers then know the meetings under longer ones. */
  readonly scope_meeting_ids: boolean;
  /** Signs cookies, tokens and addresses of the gateway's own; null: one is made and kept. */
  readonly secret_key_base: Secret | null;
  /** Without an id, `getRecordings` is refused. */
  readonly get_recordings_filtered: boolean;
  /** Whether one of several metadata filters must match, or every one. */
  readonly get_recordings_meta_match: 'any' | 'all';
  readonly track_max_bytes: number;
  readonly callback_deny_private: boolean;
  /** Learns from the servers' own calls when a meeting ends. */
  readonly intercept_end_callback: boolean;
  /** Holds back when most servers go offline at once. */
  readonly mass_failure_guard: boolean;
  readonly mass_failure_hold_seconds: number;
  /** What this process does. */
  readonly roles: readonly Role[];
  /** Name under which analytics are passed on for nobody's tenant. */
  readonly customer_name: string;
  /** Path that a proxy in front serves the trees under, itself; empty: the gateway serves them. */
  readonly accel_redirect_prefix: string;
  /** Folder of the player for presentations; empty: none. */
  readonly player_dir: string;
  readonly recordings_enabled: boolean;
  /** Folders; empty: see `recordingFolders`. */
  readonly recordings_spool_dir: string;
  readonly recordings_work_dir: string;
  readonly recordings_publish_dir: string;
  readonly recordings_unpublish_dir: string;
  readonly recordings_failed_dir: string;
  readonly recordings_import_unpublished: boolean;
  readonly recordings_playback_formats: readonly string[];
  readonly recordings_import_poll_interval: number;
  readonly recordings_import_settle_seconds: number;
  readonly recordings_db_retry_count: number;
  /** Limits of one archive, unpacked. */
  readonly recordings_archive_max_bytes: number;
  readonly recordings_archive_max_entries: number;
  readonly protected_enabled: boolean;
  readonly protected_token_minutes: number;
  readonly protected_cookie_minutes: number;
}

/** Tables below `[bbb]`: `recordings.enabled` of a file is the key `recordings_enabled`. */
export const GROUPS = ['recordings', 'protected'] as const;

/** How one key is read. */
export interface Key<T> {
  readonly schema: z.ZodType<T>;
  readonly fallback: T;
  /** Turns the text of a variable into what the schema reads. */
  readonly fromText: (text: string) => unknown;
  /** Scalelite's names; the first that is set counts. */
  readonly scalelite: readonly string[];
}

/** All keys, in the order in which the guide lists them. */
export const KEYS: { readonly [K in keyof BbbConfig]: Key<BbbConfig[K]> } = {
  url_host: text('', 'URL_HOST'),
  public_url: text(''),
  secrets: {
    schema: z.array(secret()),
    fallback: [],
    fromText: (value) => words(value, ':'),
    // LOADBALANCER_SECRET is added to the list by the reader.
    scalelite: ['LOADBALANCER_SECRETS'],
  },
  checksum_algorithms: {
    schema: z.array(z.enum(CHECKSUM_ALGORITHMS)),
    fallback: [],
    fromText: (value) => words(value, ':').map((name) => name.toLowerCase()),
    scalelite: ['LOADBALANCER_CHECKSUM_ALGORITHM'],
  },
  strict_post_checksum: flag(false),
  database_url: text('', 'DATABASE_URL'),
  database_connections: whole(10, 1, 1000, ['RAILS_MAX_THREADS']),
  database_timeout: time(15_000, []),
  redis_url: text('', 'REDIS_URL'),
  redis_prefix: text('balancer:bbb:'),
  data_dir: text(''),
  bind: text('0.0.0.0', 'BIND'),
  port: whole(3000, 0, 65_535, ['PORT', 'SCALELITE_API_PORT']),
  tls_cert: text(''),
  tls_key: text(''),
  admin_bind: text('127.0.0.1'),
  admin_port: whole(3001, 0, 65_535),
  admin_allow_remote: flag(false),
  trusted_proxies: list(['127.0.0.0/8', '::1/128'], ','),
  scalelite_api: flag(false),
  build_number: text('', 'BUILD_NUMBER'),
  log_level: {
    schema: z.enum(LOG_LEVELS),
    fallback: 'info',
    fromText: (value) => value.toLowerCase(),
    scalelite: ['RAILS_LOG_LEVEL'],
  },
  shutdown_grace_seconds: decimal(30),
  query_max_bytes: whole(64 * 1024, 1024, 2 ** 24),
  form_max_bytes: whole(2 ** 20, 1024, 2 ** 30),
  xml_max_bytes: whole(64 * 2 ** 20, 1024, 2 ** 30),
  failed_auth_per_minute: whole(0, 0, 1_000_000),
  health_always_200: flag(false),
  connect_timeout: time(5000, ['CONNECT_TIMEOUT']),
  response_timeout: time(10_000, ['RESPONSE_TIMEOUT']),
  upstream_concurrency: whole(32, 1, 10_000),
  create_retries: whole(2, 0, 100),
  poll_interval: time(60_000, ['POLL_INTERVAL', 'INTERVAL']),
  poll_concurrency: whole(32, 1, 10_000, ['POLLER_THREADS']),
  lease_seconds: decimal(15),
  server_healthy_threshold: whole(1, 1, 1000, ['SERVER_HEALTHY_THRESHOLD']),
  server_unhealthy_threshold: whole(2, 1, 1000, ['SERVER_UNHEALTHY_THRESHOLD']),
  server_id_is_hostname: flag(false, 'SERVER_ID_IS_HOSTNAME'),
  end_meetings_on_failure: flag(true),
  adopt_orphans: flag(false),
  meeting_ttl_seconds: decimal(86_400, 'DEFAULT_MEETING_TTL'),
  load_policy: {
    schema: z.enum(['scalelite', 'weighted']),
    fallback: 'scalelite',
    fromText: (value) => value,
    scalelite: [],
  },
  load_min_user_count: decimal(15, 'LOAD_MIN_USER_COUNT'),
  load_join_buffer_minutes: decimal(15, 'LOAD_JOIN_BUFFER_TIME'),
  load_create_increment: decimal(1),
  load_join_increment: decimal(1),
  weighted_base: decimal(5),
  weighted_participant: decimal(1),
  weighted_voice: decimal(0.5),
  weighted_video: decimal(0.5),
  weighted_reserve_minutes: decimal(30),
  weighted_expected: decimal(20),
  max_meeting_duration: whole(0, 0, 1_000_000, ['MAX_MEETING_DURATION']),
  default_create_params: parameters('DEFAULT_CREATE_PARAMS'),
  override_create_params: parameters('OVERRIDE_CREATE_PARAMS'),
  default_join_params: parameters('DEFAULT_JOIN_PARAMS'),
  override_join_params: parameters('OVERRIDE_JOIN_PARAMS'),
  create_exclude_params: list([], ',', 'CREATE_EXCLUDE_PARAMS'),
  join_exclude_params: list([], ',', 'JOIN_EXCLUDE_PARAMS'),
  voice_bridge_len: whole(9, 2, 20, ['VOICE_BRIDGE_LEN']),
  use_external_voice_bridge: flag(false, 'USE_EXTERNAL_VOICE_BRIDGE'),
  fsapi_password: {
    schema: secret(),
    fallback: null,
    fromText: (value) => value,
    scalelite: ['FSAPI_PASSWORD'],
  },
  fsapi_pin_min: whole(5, 1, 20, ['VOICE_BRIDGE_LEN_MIN']),
  fsapi_pin_max: whole(9, 1, 20, ['VOICE_BRIDGE_LEN_MAX']),
  fsapi_max_duration: whole(0, 0, 1_000_000, ['FSAPI_MAX_DURATION']),
  get_meetings_disabled: flag(false, 'GET_MEETINGS_API_DISABLED'),
  get_meetings_stale_seconds: decimal(120),
  multitenancy: flag(false, 'MULTITENANCY_ENABLED'),
  default_tenant: text(''),
  scope_meeting_ids: flag(false),
  secret_key_base: {
    schema: secret(),
    fallback: null,
    fromText: (value) => value,
    scalelite: ['SECRET_KEY_BASE'],
  },
  get_recordings_filtered: flag(false, 'GET_RECORDINGS_API_FILTERED'),
  get_recordings_meta_match: {
    schema: z.enum(['any', 'all']),
    fallback: 'any',
    fromText: (value) => value,
    scalelite: [],
  },
  track_max_bytes: whole(20 * 2 ** 20, 1024, 2 ** 30),
  callback_deny_private: flag(false),
  intercept_end_callback: flag(false),
  mass_failure_guard: flag(false),
  mass_failure_hold_seconds: decimal(300),
  roles: {
    schema: z.array(z.enum(ROLES)),
    fallback: ROLES,
    fromText: (value) => words(value, ','),
    scalelite: [],
  },
  customer_name: text('scalelite'),
  accel_redirect_prefix: text(''),
  player_dir: text(''),
  // RECORDING_DISABLED and DB_DISABLED say the opposite; the reader knows.
  recordings_enabled: flag(true),
  recordings_spool_dir: text('', 'RECORDING_SPOOL_DIR'),
  recordings_work_dir: text('', 'RECORDING_WORK_DIR'),
  recordings_publish_dir: text('', 'RECORDING_PUBLISH_DIR'),
  recordings_unpublish_dir: text('', 'RECORDING_UNPUBLISH_DIR'),
  recordings_failed_dir: text(''),
  recordings_import_unpublished: flag(false, 'RECORDING_IMPORT_UNPUBLISHED'),
  recordings_playback_formats: {
    schema: z.array(
      z
        .string()
        .regex(/^[a-z0-9_-]+$/, 'must be names of formats: small letters, digits, "_" and "-"'),
    ),
    fallback: ['presentation', 'video', 'screenshare', 'podcast', 'notes', 'capture'],
    fromText: (value) => words(value, ':'),
    scalelite: ['RECORDING_PLAYBACK_FORMATS'],
  },
  recordings_import_poll_interval: time(30_000, ['RECORDING_IMPORT_POLL_INTERVAL']),
  recordings_import_settle_seconds: decimal(2),
  recordings_db_retry_count: whole(3, 0, 1000, ['DB_CONNECTION_RETRY_COUNT']),
  recordings_archive_max_bytes: whole(64 * 2 ** 30, 1024, 2 ** 50),
  recordings_archive_max_entries: whole(100_000, 1, 2 ** 31),
  protected_enabled: flag(false, 'PROTECTED_RECORDINGS_ENABLED'),
  protected_token_minutes: decimal(60, 'PROTECTED_RECORDINGS_TOKEN_TIMEOUT'),
  protected_cookie_minutes: decimal(360, 'PROTECTED_RECORDINGS_TIMEOUT'),
};

/** Splits at a separator; spaces around a word and empty words do not count. */
export function words(value: string, separator: string): string[] {
  return value
    .split(separator)
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function text(fallback: string, scalelite?: string): Key<string> {
  return {
    schema: z.string(),
    fallback,
    fromText: (value) => value,
    scalelite: namesOf(scalelite),
  };
}

function flag(fallback: boolean, scalelite?: string): Key<boolean> {
  const fromText = (value: string): boolean => value.toLowerCase() === 'true';
  return { schema: z.boolean(), fallback, fromText, scalelite: namesOf(scalelite) };
}

function list(
  fallback: readonly string[],
  separator: string,
  scalelite?: string,
): Key<readonly string[]> {
  const fromText = (value: string): string[] => words(value, separator);
  return { schema: z.array(z.string()), fallback, fromText, scalelite: namesOf(scalelite) };
}

function whole(
  fallback: number,
  min: number,
  max: number,
  scalelite: readonly string[] = [],
): Key<number> {
  return { schema: integer({ min, max }), fallback, fromText: numberOf, scalelite };
}

function decimal(fallback: number, scalelite?: string): Key<number> {
  const schema = z.number({ error: () => 'must be a number of at least 0' }).min(0);
  return { schema, fallback, fromText: numberOf, scalelite: namesOf(scalelite) };
}

function time(fallback: number, scalelite: readonly string[]): Key<number> {
  const fromText = (value: string): unknown => (/^\d+$/.test(value) ? Number(value) : value);
  return { schema: duration({ minMs: 1 }), fallback, fromText, scalelite };
}

function parameters(scalelite: string): Key<Parameters> {
  return {
    schema: z.record(z.string(), z.string()),
    fallback: {},
    fromText: (value) =>
      Object.fromEntries(
        words(value, ',').map((pair) => {
          const [name = '', ...rest] = pair.split('=');
          return [name, rest.join('=')];
        }),
      ),
    scalelite: namesOf(scalelite),
  };
}

function numberOf(value: string): unknown {
  return /^-?[\d.]+$/.test(value) ? Number(value) : value;
}

function namesOf(name: string | undefined): string[] {
  return name === undefined ? [] : [name];
}

import { ConfigFileError } from '@balancer/kit';
import { describe, expect, test } from 'vitest';
import { EnvironmentError, loadBbbConfig, parseBbbConfig } from '../../src/config/load.ts';

const parse = (text: string, environment = {}) => parseBbbConfig(text, 'gateway.toml', environment);

describe('the configuration', () => {
  test('of nothing is the defaults', async () => {
    const { config, warnings } = await loadBbbConfig(undefined, { XDG_STATE_HOME: '/state' });
    expect(config).toMatchObject({ port: 3000, poll_interval: 60_000, connect_timeout: 5000 });
    expect(config.data_dir).toMatch(/^(\/var\/lib|\/state)\/balancer\/bbb$/);
    expect(warnings).toEqual([]);
  });

  test("is taken from own variables, the file, Scalelite's variables, in this order", () => {
    const environment = {
      BALANCER_BBB_POLL_INTERVAL: '10',
      BALANCER_BBB_CREATE_EXCLUDE_PARAMS: 'a, b',
      POLL_INTERVAL: '30',
      CONNECT_TIMEOUT: '3',
      RESPONSE_TIMEOUT: '7',
      POLLER_THREADS: '5',
      LOADBALANCER_SECRET: 'one',
      LOADBALANCER_SECRETS: 'two:three',
      LOADBALANCER_CHECKSUM_ALGORITHM: 'SHA1:SHA256',
      DEFAULT_CREATE_PARAMS: 'welcome=a=b,record=true',
      MULTITENANCY_ENABLED: 'TRUE',
      GET_MEETINGS_API_DISABLED: 'yes',
      NGINX_HOSTNAME: 'x',
    };
    const text = '[bbb]\npoll_interval = "20s"\nconnect_timeout = "250ms"\n[frontends.web]\n';
    const { config, warnings } = parse(text, environment);
    expect(config).toMatchObject({
      poll_interval: 10_000,
      connect_timeout: 250,
      response_timeout: 7000,
      poll_concurrency: 32,
      checksum_algorithms: ['sha1', 'sha256'],
      default_create_params: { welcome: 'a=b', record: 'true' },
      create_exclude_params: ['a', 'b'],
      multitenancy: true,
      get_meetings_disabled: false,
    });
    expect(config.secrets.map((secret) => secret.reveal())).toEqual(['one', 'two', 'three']);
    expect(warnings).toEqual(['NGINX_HOSTNAME is accepted and not used']);
    expect(JSON.stringify(config)).not.toContain('three');
  });

  // Section 18 of the contract: what a Scalelite's environment may have, and what it comes to here.
  test.each<[name: string, value: string, key: string, expected: unknown]>([
    ['URL_HOST', 'bbb.example.com', 'url_host', 'bbb.example.com'],
    ['DATABASE_URL', 'postgres://db/scalelite', 'database_url', 'postgres://db/scalelite'],
    ['RAILS_MAX_THREADS', '7', 'database_connections', 7],
    ['BIND', '127.0.0.1', 'bind', '127.0.0.1'],
    ['PORT', '3456', 'port', 3456],
    ['SCALELITE_API_PORT', '3456', 'port', 3456],
    ['BUILD_NUMBER', 'b42', 'build_number', 'b42'],
    ['RAILS_LOG_LEVEL', 'DEBUG', 'log_level', 'debug'],
    ['INTERVAL', '30', 'poll_interval', 30_000],
    ['POLLER_THREADS', '50', 'poll_concurrency', 50],
    ['SERVER_HEALTHY_THRESHOLD', '3', 'server_healthy_threshold', 3],
    ['SERVER_UNHEALTHY_THRESHOLD', '4', 'server_unhealthy_threshold', 4],
    ['SERVER_ID_IS_HOSTNAME', 'true', 'server_id_is_hostname', true],
    ['LOAD_MIN_USER_COUNT', '20', 'load_min_user_count', 20],
    ['LOAD_JOIN_BUFFER_TIME', '5', 'load_join_buffer_minutes', 5],
    ['MAX_MEETING_DURATION', '90', 'max_meeting_duration', 90],
    ['DEFAULT_MEETING_TTL', '3600', 'meeting_ttl_seconds', 3600],
    ['OVERRIDE_CREATE_PARAMS', 'record=false', 'override_create_params', { record: 'false' }],
    ['DEFAULT_JOIN_PARAMS', 'a=b', 'default_join_params', { a: 'b' }],
    ['OVERRIDE_JOIN_PARAMS', 'a=b', 'override_join_params', { a: 'b' }],
    ['JOIN_EXCLUDE_PARAMS', 'a,b', 'join_exclude_params', ['a', 'b']],
    ['GET_RECORDINGS_API_FILTERED', 'true', 'get_recordings_filtered', true],
    ['RECORDING_DISABLED', 'true', 'recordings_enabled', false],
    ['DB_DISABLED', 'true', 'recordings_enabled', false],
    ['RECORDING_SPOOL_DIR', '/spool', 'recordings_spool_dir', '/spool'],
    ['RECORDING_WORK_DIR', '/work', 'recordings_work_dir', '/work'],
    ['RECORDING_PUBLISH_DIR', '/pub', 'recordings_publish_dir', '/pub'],
    ['RECORDING_UNPUBLISH_DIR', '/unpub', 'recordings_unpublish_dir', '/unpub'],
    ['RECORDING_IMPORT_UNPUBLISHED', 'true', 'recordings_import_unpublished', true],
    [
      'RECORDING_PLAYBACK_FORMATS',
      'video:notes',
      'recordings_playback_formats',
      ['video', 'notes'],
    ],
    ['RECORDING_IMPORT_POLL_INTERVAL', '5', 'recordings_import_poll_interval', 5000],
    ['DB_CONNECTION_RETRY_COUNT', '9', 'recordings_db_retry_count', 9],
    ['PROTECTED_RECORDINGS_ENABLED', 'true', 'protected_enabled', true],
    ['PROTECTED_RECORDINGS_TOKEN_TIMEOUT', '10', 'protected_token_minutes', 10],
    ['PROTECTED_RECORDINGS_TIMEOUT', '20', 'protected_cookie_minutes', 20],
    ['VOICE_BRIDGE_LEN', '7', 'voice_bridge_len', 7],
    ['VOICE_BRIDGE_LEN_MIN', '4', 'fsapi_pin_min', 4],
    ['VOICE_BRIDGE_LEN_MAX', '8', 'fsapi_pin_max', 8],
    ['USE_EXTERNAL_VOICE_BRIDGE', 'true', 'use_external_voice_bridge', true],
    ['FSAPI_MAX_DURATION', '30', 'fsapi_max_duration', 30],
  ])("takes Scalelite's %s=%s", (name, value, key, expected) => {
    const { config, warnings } = parse('', { [name]: value });
    expect(config).toMatchObject({ [key]: expected });
    expect(warnings).toEqual([]);
  });

  test.each([
    'REDIS_POOL',
    'PREPARED_STATEMENT',
    'POLLER_WAIT_TIMEOUT',
    'RECORDING_IMPORT_POLL',
    'DEFAULT_LOCALE',
    'NGINX_SSL',
    'WEB_CONCURRENCY',
    'RAILS_ENV',
    'S3_RECORDING',
    'S3_BUCKET_NAME',
    'AWS_REGION',
    'CLOUDFRONT_URL',
    'CF_KEY_PAIR_ID',
    'CF_PRIVATE_KEY_B64',
  ])("says that Scalelite's %s is not used", (name) => {
    expect(parse('', { [name]: 'x' }).warnings).toEqual([`${name} is accepted and not used`]);
  });

  test('names what is wrong in a file, with its place', () => {
    const text = '[bbb]\nprot = 1\nport = 70000\nconnect_timeout = "5 parsecs"\n';
    expect(() => parse(text)).toThrow(ConfigFileError);
    expect(() => parse(text)).toThrow(/gateway.toml:2:1: bbb.prot: unknown key/);
    expect(() => parse(text)).toThrow(
      /gateway.toml:3:8: bbb.port: must be an integer from 0 to 65535; got 70000/,
    );
  });

  test('names all variables that are wrong', () => {
    const environment = { BALANCER_BBB_PORT: 'x', BALANCER_BBB_NOPE: '1', CONNECT_TIMEOUT: 'soon' };
    expect(() => parse('', environment)).toThrow(EnvironmentError);
    expect(() => parse('', environment)).toThrow(/BALANCER_BBB_NOPE: unknown/);
    expect(() => parse('', environment)).toThrow(/BALANCER_BBB_PORT: must be an integer/);
    expect(() => parse('', environment)).toThrow(/CONNECT_TIMEOUT: must be a duration/);
  });

  test.each([
    ['redis_url = "redis://x"', 'redis_url: works with PostgreSQL only'],
    ['database_url = "mysql://x"', 'database_url: needs "postgres'],
    ['public_url = "x.example.com"', 'public_url: needs a scheme'],
    ['trusted_proxies = ["x"]', 'trusted_proxies: needs an address'],
  ])('of %s is refused', (line, message) => {
    expect(() => parse(`[bbb]\n${line}\n`)).toThrow(message);
  });
});

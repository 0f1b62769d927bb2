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

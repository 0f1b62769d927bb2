import { describe, expect, test } from 'vitest';
import {
  formatLoadBalancerConfig,
  parseLoadBalancerConfig,
  summarizeConfig,
} from '../../src/config/load.ts';

const CONFIG = `
[global]
max_connections = 1000
log = { level = "debug", format = "text", output = "stdout" }
access_log = { output = "stdout", sample = 0.5 }

[defaults]
connect_timeout = "2s"
idle_timeout = "30m"
[defaults.health]
timeout = "1s"

[frontends.web]
listen_addr = [":8080", "unix:/run/web.sock"]
backend = "out"
deny = ["203.0.113.0/24"]
idle_timeout = 90

[frontends.plain]
listen_addr = "[::1]:9000"
backend = "out"

[backends.out]
balance = "leastconn"
[backends.out.health]
type = "http"
path = "/health"
[backends.out.outlier]
base_ejection = "1m"
[backends.out.sticky]
[backends.out.servers.one]
addr = "127.0.0.1:8081"
weight = 10
[backends.out.servers.two]
addr = "name.example:8082"
backup = true

[stats]
listen_addr = "127.0.0.1:7000"
token = "s3cret"
`;

describe('defaults', () => {
  const { config } = parseLoadBalancerConfig(CONFIG, 'c.toml');

  test('fill in what the file leaves out', () => {
    expect(config.frontends['plain']).toMatchObject({
      mode: 'proxy',
      protocol: 'tcp',
      half_close_timeout: 60_000,
      on_no_backend: 'reset',
      max_connections: 0,
    });
    expect(config.backends['out']).toMatchObject({
      connect_retries: 2,
      queue_timeout: 5000,
      health_check_interval: 5000,
    });
    expect(config.global).toMatchObject({ shutdown_timeout: 30_000, drain_timeout: 30_000 });
  });

  test('of the file apply to every section that does not say otherwise', () => {
    expect(config.frontends['plain']!.idle_timeout).toBe(1_800_000);
    expect(config.frontends['web']!.idle_timeout).toBe(90_000);
    expect(config.backends['out']!.connect_timeout).toBe(2000);
  });

  test('complete nested tables key by key', () => {
    expect(config.backends['out']!.health).toMatchObject({
      type: 'http',
      path: '/health',
      timeout: 1000,
      fall: 3,
    });
    expect(config.backends['out']!.outlier).toMatchObject({
      base_ejection: 60_000,
      consecutive_failures: 5,
    });
    expect(config.backends['out']!.sticky).toMatchObject({ ttl: 1_800_000 });
  });
});

describe('the printed configuration', () => {
  test('is accepted, and printed the same again', () => {
    const { config } = parseLoadBalancerConfig(CONFIG, 'c.toml');
    const printed = formatLoadBalancerConfig(config);
    const again = parseLoadBalancerConfig(printed, 'printed.toml').config;
    expect(formatLoadBalancerConfig(again)).toBe(printed);
    expect(again.frontends).toEqual(config.frontends);
    expect(again.backends).toEqual(config.backends);
  });

  test('shows no secret', () => {
    const { config } = parseLoadBalancerConfig(CONFIG, 'c.toml');
    expect(formatLoadBalancerConfig(config)).toContain('token = "***"');
    expect(formatLoadBalancerConfig(config)).not.toContain('s3cret');
  });
});

test('a file of Convey is read as it is, with a notice about the port', () => {
  const convey = `
[passthrough]
connection_tracker_capacity = 1000000
workers = 4
stats_update_frequency = 5
[frontends.tcp_3000]
listen_addr = "0.0.0.0:3000"
backend = "tcp3000_out"
[frontends.tcp_3000.xdp]
xdp_mode = "skb"
[backends.tcp3000_out]
health_check_interval = 3
balance = "roundrobin"
[backends.tcp3000_out.servers.server1]
addr = "127.0.0.1:8080"
weight = 10
[stats]
port = "7000"
`;
  const { config, warnings } = parseLoadBalancerConfig(convey, 'convey.toml');
  expect(config.stats!.listen_addr).toEqual({ kind: 'inet', host: '127.0.0.1', port: 7000 });
  expect(config.backends['tcp3000_out']!.health_check_interval).toBe(3000);
  expect(warnings.map(({ key }) => key)).toEqual([
    'passthrough',
    'frontends.tcp_3000.xdp',
    'stats.port',
  ]);
  expect(summarizeConfig(config)).toBe('1 frontend, 1 backend, 1 server');
});

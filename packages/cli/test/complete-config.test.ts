import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { runHere, temporaryFile } from './support.ts';

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

function certificate(name: string): string {
  return fileURLToPath(new URL(`../../proxy/test/certificates/${name}`, import.meta.url));
}

/** Every section, and every key that this version follows. */
const COMPLETE = `
[global]
workers = 1
max_connections = "auto"
shutdown_timeout = "30s"
drain_timeout = "1m"
zone = "a"
log = { level = "info", format = "json", output = "stderr" }
access_log = { output = "stdout", format = "json", sample = 1.0 }

[defaults]
connect_timeout = "5s"
idle_timeout = "1h"

[frontends.tcp_3000]
listen_addr = "0.0.0.0:3000"
protocol = "tcp"
backend = "tcp3000_out"
mode = "proxy"
backlog = 1024
max_connections = 0
max_connections_per_ip = 0
connection_rate = 0
connection_burst = 0
connection_rate_per_ip = 0
allow = []
deny = ["203.0.113.0/24"]
idle_timeout = "1h"
half_close_timeout = "1m"
max_connection_age = 0
preread_timeout = "5s"
proxy_protocol = "any"
proxy_protocol_trusted = ["10.0.0.0/8"]
on_no_backend = "reset"
tcp_nodelay = true
tcp_keepalive = "60s"

  [[frontends.tcp_3000.sni]]
  hosts = ["db.example.com", "*.pg.example.com"]
  backend = "pg"

[frontends.secure]
listen_addr = [":8443", "[::1]:9443"]
protocol = "tls"
backend = "tcp3000_out"
  [frontends.secure.tls]
  cert = "${certificate('one.example.crt')}"
  key = "${certificate('one.example.key')}"
  certificates = [{ cert = "${certificate('two.example.crt')}", key = "${certificate('two.example.key')}" }]
  min_version = "1.2"
  alpn = ["h2"]
  client_ca = "${certificate('ca.crt')}"
  handshake_timeout = "10s"

[frontends.dns]
listen_addr = "0.0.0.0:5353"
protocol = "udp"
backend = "resolvers"
  [frontends.dns.udp]
  idle_timeout = "30s"
  max_sessions = 65536
  max_responses = 0
  max_requests = 0

[backends.tcp3000_out]
balance = "roundrobin"
connect_timeout = "5s"
connect_retries = 2
retry_delay = "250ms"
queue_timeout = "5s"
max_queue = 1024
send_proxy_protocol = "v2"
proxy_protocol_tlv = ["authority", "alpn", "unique_id", "crc32c", "ssl"]
slow_start = 0
panic_threshold = 0
on_marked_down = "keep"
source_addr = ""
health_check_interval = 3
  [backends.tcp3000_out.health]
  type = "tcp"
  timeout = "3s"
  rise = 2
  fall = 3
  fast_interval = "1s"
  port = 0
  send = ""
  expect = ""
  path = "/"
  status = "200-399"
  [backends.tcp3000_out.outlier]
  consecutive_failures = 5
  base_ejection = "30s"
  max_ejection = "5m"
  max_ejection_percent = 50
  [backends.tcp3000_out.sticky]
  by = "source_ip"
  ttl = "30m"
  max_entries = 100000
  [backends.tcp3000_out.servers.server1]
  addr = "127.0.0.1:8080"
  weight = 10
  max_connections = 0
  priority = 0
  backup = false
  disabled = false
  zone = ""
  send_proxy_protocol = "off"
  [backends.tcp3000_out.servers.server2]
  addr = "127.0.0.1:8081"

[backends.pg]
  [backends.pg.discovery]
  type = "dns"
  name = "pg.internal:5432"
  interval = "10s"
  on_failure = "keep"
  [backends.pg.tls]
  verify = true
  servername = ""
  ca = ""

[backends.resolvers]
balance = "source"
health_check_interval = 0
  [backends.resolvers.servers.a]
  addr = "192.0.2.53:53"

[stats]
listen_addr = "127.0.0.1:7000"
allow_remote = false
token = "s3cret"
`;

async function fileWith(text: string): Promise<string> {
  const { file, remove } = await temporaryFile('complete.toml', text);
  cleanups.push(remove);
  return file;
}

test('a file with every key passes its check, is printed, and printed the same again', async () => {
  const file = await fileWith(COMPLETE);
  expect(await runHere('check', file)).toEqual({
    code: 0,
    stdout: `${file}: OK (3 frontends, 3 backends, 3 servers)\n`,
    stderr: '',
  });
  const printed = (await runHere('run', file, '--print-config')).stdout;
  const again = await fileWith(printed);
  expect((await runHere('check', again)).code).toBe(0);
  expect((await runHere('run', again, '--print-config')).stdout).toBe(printed);
});

test('certificates that are missing or of another key are named', async () => {
  const swapped = COMPLETE.replace('one.example.key', 'two.example.key').replace(
    certificate('two.example.crt'),
    '/nowhere/tls.crt',
  );
  const file = await fileWith(swapped);
  const { code, stderr } = await runHere('check', file);
  expect(code).toBe(2);
  expect(stderr).toContain('frontends.secure.tls.key: key does not match certificate');
  expect(stderr).toContain(
    'frontends.secure.tls.certificates[0].cert: cannot read /nowhere/tls.crt: ENOENT',
  );
});

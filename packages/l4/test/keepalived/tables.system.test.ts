/**
 * keepalived's own samples: the table that `ipvsadm -S` shows of what was imported is the one that keepalived
 * gives LVS for them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatConfigFile, parseLoadBalancerConfig } from '@balancer/lb';
import { describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { servicesInFile } from '../../src/from-config.ts';
import { formatRules } from '../../src/ipvs/format.ts';
import { importKeepalived } from '../../src/keepalived/import.ts';

/** Where Debian's package keeps them. */
const SAMPLES = '/usr/share/doc/keepalived/samples';
const isThere = commandPath(join(SAMPLES, 'keepalived.conf.sample')) !== undefined;

/** The rules of a service, whose servers are behind NAT. */
function rules(service: string, options: string, ...servers: readonly string[]): string {
  const lines = [
    `-A ${service} ${options}`,
    ...servers.map((server) => `-a ${service} -r ${server} -m -w 1`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

const numbered = (count: number, text: (number: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => text(index + 1));

const TABLES: Readonly<Record<string, string>> = {
  sample: rules('-t 10.10.10.2:1358', '-s rr -p 50', '192.168.200.2:1358'),
  IPv6: rules('-t [ae00::1]:80', '-s rr -p 50', '[ae00::10]:25'),
  PING_CHECK: rules('-u 10.10.10.2:1358', '-s rr -p 50', '192.168.200.6:1358'),
  UDP_CHECK: rules('-u 10.10.10.2:1358', '-s rr -p 50', '192.168.200.6:1358'),
  misc_check: rules('-t 10.10.10.2:1358', '-s rr -p 50', '192.168.200.6:1358'),
  SMTP_CHECK: rules(
    '-t 192.168.200.100:25',
    '-s rr',
    ...numbered(3, (number) => `172.16.1.${9 + number}:25`),
  ),
  SSL_GET:
    rules('-t 192.168.200.100:443', '-s rr -p 50', '192.168.201.100:443') +
    rules('-t 192.168.200.100:80', '-s rr -p 50', '192.168.201.100:80'),
  quorum: rules(
    '-t 10.0.1.1:80',
    '-s wrr -p 900',
    ...numbered(10, (number) => `10.0.0.${number}:8080`),
  ),
  virtual_server_group: [
    '10.0.0.1:8080',
    '10.0.0.2:80',
    '192.168.200.1:1358',
    ...numbered(8, (number) => `192.168.200.${2 + number}:80`),
  ]
    .map((address) =>
      rules(`-t ${address}`, '-s rr -p 50', '192.168.200.1:1358', '192.168.200.2:1358'),
    )
    .join(''),
};

describe.skipIf(!isThere)(`samples of keepalived${skipReason('keepalived')}`, () => {
  test.each(Object.entries(TABLES))('%s has the table of LVS', (name, table) => {
    const file = `keepalived.conf.${name}`;
    const text = readFileSync(join(SAMPLES, file), 'utf8');
    const { config: imported } = importKeepalived(
      { file, text },
      { include: () => [], interfaces: ['eth0'] },
    );
    const { config } = parseLoadBalancerConfig(formatConfigFile(imported), file);
    const backends = new Map(Object.entries(config.backends));
    const services = servicesInFile(Object.values(config.frontends), backends, new Map());
    expect(formatRules(services, { compat: false })).toBe(table);
  });
});

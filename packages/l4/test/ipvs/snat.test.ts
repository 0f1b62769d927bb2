/** Services of hosts behind the balancer, and of ICMP, on the command line. */
import { describe, expect, test } from 'vitest';
import type { ServiceSpec } from '../../src/desired.ts';
import type { FlowView } from '../../src/flows.ts';
import { formatFlows, formatLocalAddresses, formatRules } from '../../src/ipvs/format.ts';
import { parseIpvs } from '../../src/ipvs/parse.ts';
import { parseRules } from '../../src/ipvs/rules-file.ts';
import { change, IpvsError } from '../../src/ipvs/table.ts';

const parse = (line: string): ReturnType<typeof parseIpvs> =>
  parseIpvs(line.split(' '), (host) => Promise.resolve(host));

const RULE = 'proto=tcp,src-range=192.168.100.0-192.168.100.254:0-0,oif=eth1';
const SERVICE = {
  protocol: 'tcp',
  address: '0.0.0.0',
  port: 0,
  match: { src: '192.168.100.0-192.168.100.254:0-0', dst: '', iif: '', oif: 'eth1' },
};

/** The table that rules make. */
async function tableOf(...lines: readonly string[]): Promise<Map<string, ServiceSpec>> {
  const { commands, problems } = await parseRules(lines.join('\n'), (host) =>
    Promise.resolve(host),
  );
  expect(problems).toEqual([]);
  const table = new Map<string, ServiceSpec>();
  for (const { command } of commands) change(table, command as Parameters<typeof change>[1]);
  return table;
}

describe('ipvsadm', () => {
  test('reads match services, their addresses outside, and services of ICMP', async () => {
    expect(await parse(`-A -H ${RULE} -s rr`)).toEqual({
      op: 'add-service',
      service: SERVICE,
      options: { scheduler: 'rr' },
    });
    expect(await parse(`-A --match proto=icmp,src-range=2001:db8::/64`)).toMatchObject({
      service: { protocol: 'icmpv6', address: '::' },
    });
    expect(await parse(`-a -H ${RULE} -r 203.0.113.7:0 -w 100 -J`)).toEqual({
      op: 'add-server',
      service: SERVICE,
      server: { address: '203.0.113.7', port: 0 },
      options: { mode: 'snat', weight: 100 },
    });
    expect(await parse('-A -1 203.0.113.1')).toMatchObject({
      service: { protocol: 'icmp', address: '203.0.113.1', port: 0 },
    });
    expect(await parse('-A --icmp-service [2001:db8::1]:0')).toMatchObject({
      service: { protocol: 'icmpv6', address: '2001:db8::1', port: 0 },
    });
  });

  test.each([
    ['-A -H proto=sctp', "illegal match `proto=sctp': proto must be one of tcp, udp, icmp"],
    [
      '-A -H proto=tcp,src-range=10.0.0',
      "illegal match `proto=tcp,src-range=10.0.0': 10.0.0 is no range",
    ],
    [
      '-A -t 203.0.113.1:80 -H proto=tcp',
      "The option 'match' conflicts with the 'tcp-service' option",
    ],
    [
      '-a -H proto=tcp -r 203.0.113.7 -J -b',
      "The option 'snat' conflicts with the 'fullnat' option",
    ],
    ['-A -q 203.0.113.1:80', '-q: SCTP are not part of this version'],
  ])('refuses %s', async (line, message) => {
    await expect(parse(line)).rejects.toThrow(message);
  });

  test('has the addresses outside as local addresses, too', async () => {
    const table = await tableOf(
      `-A -H ${RULE} -s rr`,
      `-a -H ${RULE} -r 203.0.113.7:0 -J -w 2`,
      `-a -H ${RULE} -r 203.0.113.8:0 -J`,
      `-d -H ${RULE} -r 203.0.113.8:0`,
      `-e -H ${RULE} -r 203.0.113.7:0 -J -w 3`,
    );
    expect([...table.values()]).toMatchObject([
      {
        localAddresses: ['203.0.113.7'],
        backends: [{ address: '203.0.113.7', port: 0, mode: 'snat', weight: 3 }],
      },
    ]);
  });

  test.each([
    [`-a -H ${RULE} -r 203.0.113.7:0 -b`, '-J is for the servers of a match service'],
    [`-a -H ${RULE} -r 203.0.113.7:0`, '-J is for the servers of a match service'],
    [`-a -H ${RULE} -r 203.0.113.7:80 -J`, 'an address outside has no port'],
    [`-a -H ${RULE} -r 2001:db8::7 -J`, 'The address families of service and server differ'],
    [`-P -H ${RULE} -z 203.0.113.9`, 'a match service has servers instead of local addresses'],
    ['-a -t 203.0.113.1:80 -r 10.0.0.11:80 -J', '-J is for the servers of a match service'],
    [`-A -H ${RULE}`, 'Service already exists'],
    ['-a -H proto=udp -r 203.0.113.7 -J', 'Service not defined'],
  ])('does not do %s', async (line, message) => {
    await expect(tableOf(`-A -H ${RULE}`, '-A -t 203.0.113.1:80', line)).rejects.toThrow(
      new IpvsError(message).message,
    );
  });

  test('saves what it restores, in the order in which rules are tried', async () => {
    const lines = [
      `-A -H ${RULE} -s rr -p 300`,
      `-a -H ${RULE} -r 203.0.113.7:0 -J -w 100`,
      '-A -H proto=icmp,src-range=10.0.0.0-10.255.255.255:0-0 -s wlc',
      '-A -H proto=tcp,dst-range=:443-443,iif=eth0 -s wlc',
      '-A -H af=ipv6,proto=udp,oif=eth1 -s wlc',
      '-a -H af=ipv6,proto=udp,oif=eth1 -r [2001:db8::7]:0 -J -w 1',
      '-A -1 203.0.113.1:0 -s wlc',
      '-a -1 203.0.113.1:0 -r 10.0.0.11:0 -m -w 1',
    ];
    const table = await tableOf(...lines);
    expect(formatRules([...table.values()], { compat: false })).toBe(`${lines.join('\n')}\n`);
  });

  test('lists addresses outside by their rule, and flows with them', async () => {
    const table = await tableOf(`-A -H ${RULE} -s rr`, `-a -H ${RULE} -r 203.0.113.7:0 -J`);
    const counts = (): { conns: number; conflicts: number } => ({ conns: 3, conflicts: 1 });
    expect(formatLocalAddresses([...table.values()], counts).split('\n')[1]).toBe(
      'MATCH tcp,from=192.168.100.0-192.168.100.254:0-0,oif=eth1 1        203.0.113.7          1          3',
    );
    const flow: FlowView = {
      protocol: 'icmp',
      state: 'ICMP',
      expiresS: 30,
      mode: 'snat',
      client: '192.168.100.2',
      clientPort: 7,
      virtual: '192.0.2.1',
      virtualPort: 0,
      local: '203.0.113.7',
      localPort: 1025,
      destination: '192.0.2.1',
      destinationPort: 0,
    };
    expect(formatFlows([flow], { cpu: false }).split('\n')[2]).toBe(
      'ICMP 00:30  ICMP        192.168.100.2:7    192.0.2.1:0        192.0.2.1:0        203.0.113.7:1025',
    );
  });
});

import { describe, expect, test } from 'vitest';
import { parseIpvs } from '../../src/ipvs/parse.ts';
import { parseRules } from '../../src/ipvs/rules-file.ts';
import { DEFAULT_DEST_CHECK } from '../../src/passive-health.ts';
import { IPIP } from '../../src/tunnel.ts';

const resolve = (host: string): Promise<string> =>
  Promise.resolve(host === 'www.example' ? '192.0.2.80' : host);
const parse = (line: string): Promise<unknown> =>
  parseIpvs(line.split(' ').filter(Boolean), resolve);
const WEB = { protocol: 'tcp', address: '203.0.113.1', port: 80 };

describe('a command', () => {
  test.each([
    [
      '-A -t 203.0.113.1:80 -s wrr',
      { op: 'add-service', service: WEB, options: { scheduler: 'wrr' } },
    ],
    [
      '--add-service --tcp-service 203.0.113.1:80',
      { op: 'add-service', service: WEB, options: {} },
    ],
    [
      '-A -t203.0.113.1:http -swlc',
      { op: 'add-service', service: WEB, options: { scheduler: 'wlc' } },
    ],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11 -i --tun-type gue --tun-port 6080 --tun-csum',
      {
        op: 'add-server',
        service: WEB,
        server: { address: '10.0.0.11' },
        options: {
          mode: 'tunnel',
          tunnel: { ...IPIP, kind: 'gue', port: 6080, checksum: true },
        },
      },
    ],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11 -i --tun-type vxlan --tun-vni 42 --tun-mac 02:00:00:00:00:77',
      {
        op: 'add-server',
        service: WEB,
        server: { address: '10.0.0.11' },
        options: {
          mode: 'tunnel',
          tunnel: { ...IPIP, kind: 'vxlan', vni: 42, innerMac: '02:00:00:00:00:77' },
        },
      },
    ],
    ['-L --tun-info', { op: 'list', view: 'tunnels', exact: false, sorted: true, named: true }],
    [
      '-A -t 203.0.113.1:80 --dest-check default',
      { op: 'add-service', service: WEB, options: { destCheck: DEFAULT_DEST_CHECK } },
    ],
    [
      '-A -t 203.0.113.1:80 --dest-check 2,3,4s,5-60s',
      {
        op: 'add-service',
        service: WEB,
        options: {
          destCheck: { downRetry: 2, upConfirm: 3, downWaitS: 4, inhibitMinS: 5, inhibitMaxS: 60 },
        },
      },
    ],
    ['-A -t 203.0.113.1:80 --dest-check disable', { op: 'add-service', service: WEB, options: {} }],
    [
      '-E -t 203.0.113.1:80 -p',
      { op: 'edit-service', service: WEB, options: { persistenceS: 300 } },
    ],
    [
      '-A -t 203.0.113.1:80 -p 60 -M 255.255.255.0',
      { op: 'add-service', service: WEB, options: { persistenceS: 60, maskLength: 24 } },
    ],
    [
      '-A -t 203.0.113.1:80 -s mh -b mh-port,mh-fallback',
      {
        op: 'add-service',
        service: WEB,
        options: { scheduler: 'mh', schedulerFlags: ['mh-port', 'mh-fallback'] },
      },
    ],
    [
      '-A -t 203.0.113.1:80 -s sh -b sh-fallback,flag-2',
      {
        op: 'add-service',
        service: WEB,
        options: { scheduler: 'sh', schedulerFlags: ['sh-fallback', 'flag-2'] },
      },
    ],
    [
      '-A -t 203.0.113.1:80 --proxy-protocol v2',
      { op: 'add-service', service: WEB, options: { proxyProtocol: 'v2' } },
    ],
    [
      '-A -t 203.0.113.1:80 -j enable',
      { op: 'add-service', service: WEB, options: { synProxy: 'client-first' } },
    ],
    [
      '-E -t 203.0.113.1:80 --synproxy=disable',
      { op: 'edit-service', service: WEB, options: { synProxy: 'off' } },
    ],
    [
      '-A -t 203.0.113.1:80 --synproxy server-first',
      { op: 'add-service', service: WEB, options: { synProxy: 'server-first' } },
    ],
    [
      '-E -t 203.0.113.1:80 --proxy-protocol disable',
      { op: 'edit-service', service: WEB, options: { proxyProtocol: 'off' } },
    ],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11 -m -x 100 -y 80',
      {
        op: 'add-server',
        service: WEB,
        server: { address: '10.0.0.11' },
        options: { mode: 'nat', upper: 100, lower: 80 },
      },
    ],
    [
      '-A -u [2001:db8::1]:53 -o',
      {
        op: 'add-service',
        service: { protocol: 'udp', address: '2001:db8::1', port: 53 },
        options: { onePacket: true },
      },
    ],
    ['-D -t 203.0.113.1:80', { op: 'delete-service', service: WEB }],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11:8080 -b -w 100',
      {
        op: 'add-server',
        service: WEB,
        server: { address: '10.0.0.11', port: 8080 },
        options: { mode: 'fnat', weight: 100 },
      },
    ],
    [
      '-e -t 203.0.113.1:80 -r www.example -m --weight=0',
      {
        op: 'edit-server',
        service: WEB,
        server: { address: '192.0.2.80' },
        options: { mode: 'nat', weight: 0 },
      },
    ],
    [
      '-d -t 203.0.113.1:80 -r 10.0.0.11',
      { op: 'delete-server', service: WEB, server: { address: '10.0.0.11' } },
    ],
    [
      '-P -t 203.0.113.1:80 -z 198.51.100.5-198.51.100.7 -F eth1',
      {
        op: 'add-local',
        service: WEB,
        addresses: ['198.51.100.5', '198.51.100.6', '198.51.100.7'],
      },
    ],
    [
      '-U -t 203.0.113.1:80 -k 192.0.2.0/24',
      { op: 'add-network', service: WEB, list: 'deny', network: '192.0.2.0/24' },
    ],
    [
      '-V -t 203.0.113.1:80 -k 2001:db8::1',
      { op: 'delete-network', service: WEB, list: 'deny', network: '2001:db8::1' },
    ],
    [
      '-V -t 203.0.113.1:80 -2 ipset:office',
      { op: 'delete-network', service: WEB, list: 'deny', network: 'ipset:office' },
    ],
    [
      '-O -t 203.0.113.1:80 -2 192.0.2.10',
      { op: 'add-network', service: WEB, list: 'allow', network: '192.0.2.10' },
    ],
    [
      '-Y -t 203.0.113.1:80 -k 192.0.2.10',
      { op: 'delete-network', service: WEB, list: 'allow', network: '192.0.2.10' },
    ],
    ['-B', { op: 'list', named: true, view: 'deny', exact: false, sorted: true }],
    [
      '-W -t 203.0.113.1:80',
      { op: 'list', service: WEB, named: true, view: 'allow', exact: false, sorted: true },
    ],
    ['-C', { op: 'flush' }],
    ['-Z', { op: 'zero' }],
    ['-Z -t 203.0.113.1:80', { op: 'zero', service: WEB }],
    ['--set 900 0 300', { op: 'timeouts', tcp: 900, tcpfin: 0, udp: 300 }],
    ['-S -n', { op: 'save', compat: false }],
    ['-R', { op: 'restore' }],
    ['-Ln', { op: 'list', view: 'services', exact: false, sorted: true }],
    ['-ln --stats --cpu 1', { op: 'list', view: 'stats', exact: false, sorted: true, cpu: 1 }],
    ['-ln --stats --exact', { op: 'list', view: 'stats', exact: true, sorted: true }],
    ['-L --rate --nosort', { op: 'list', named: true, view: 'rate', exact: false, sorted: false }],
    ['-Lnc', { op: 'list', view: 'connections', exact: false, sorted: true }],
    ['-L --timeout', { op: 'list', named: true, view: 'timeout', exact: false, sorted: true }],
    ['-G', { op: 'list', named: true, view: 'local', exact: false, sorted: true }],
    ['', { op: 'list', named: true, view: 'services', exact: false, sorted: true }],
    [
      '-Lc --sockpair tcp:192.0.2.10:40000:203.0.113.1:80',
      {
        op: 'list',
        view: 'connections',
        exact: false,
        named: true,
        sorted: true,
        sockpair: {
          protocol: 'tcp',
          client: '192.0.2.10',
          clientPort: 40_000,
          target: '203.0.113.1',
          targetPort: 80,
        },
      },
    ],
  ])('%s is understood', async (line, command) => {
    expect(await parse(line)).toEqual(command);
  });

  test.each([
    ['-A', "You need to supply the 'service-address' option for the 'add-service' command"],
    [
      '-a -t 203.0.113.1:80',
      "You need to supply the 'real-server' option for the 'add-server' command",
    ],
    ['-D -t 203.0.113.1:80 -s rr', "Illegal 'scheduler' option with the 'delete-service' command"],
    ['-A -D -t 203.0.113.1:80', 'multiple commands specified'],
    ['-Ln --cpu 0', "The option 'cpu' needs the 'stats' option in the 'list' command"],
    [
      '-A -t 203.0.113.1:80 -u 203.0.113.1:80',
      "The option 'udp-service' conflicts with the 'tcp-service' option in the 'add-service' command",
    ],
    [
      '-A -t 203.0.113.1:80 -s lblc',
      'Scheduler not found: lblc; there are rr, wrr, lc, wlc, sed, nq, fo, ovf, sh, dh, mh, conhash, twos',
    ],
    ['-A -t 203.0.113.1:70000', "illegal port `70000'; needs a number from 0 to 65535"],
    [
      '-U -t 203.0.113.1:80 -k 10.0.0.0/33',
      "illegal network `10.0.0.0/33'; needs addr, addr/length or ipset:name",
    ],
    ['-U -t 203.0.113.1:80 -k ipset:', "illegal network `ipset:'"],
    ['-U -t 203.0.113.1:80 -k ipset:a/b', "illegal network `ipset:a/b'"],
    ['-A -t 203.0.113.1:80 -M 255.0.255.0', "illegal netmask `255.0.255.0'"],
    ['-A -t 203.0.113.1:80 --frobnicate', "invalid option `--frobnicate'"],
    [
      '-A -t 203.0.113.1:80 -j on',
      "illegal --synproxy `on'; there are enable, disable, server-first",
    ],
    ['-A -f 7', '-f: firewall marks are not part of this version'],
    [
      '-A -t 203.0.113.1:80 --proxy-protocol v1-insecure',
      '--proxy-protocol v1-insecure is not part of this version; there are disable, v2',
    ],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11 -x five',
      "illegal u-threshold `five'; needs a number from 0 to 4294967295",
    ],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11 -i --tun-type gue',
      "You need to supply the 'tun-port' option for the 'gue' tunnel type",
    ],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11 -i --tun-type gre --tun-csum',
      "Illegal 'tun-csum' option with the 'gre' tunnel type",
    ],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11 -m --tun-type gre',
      'Tunnel options conflict with forward method',
    ],
    [
      '-a -t 203.0.113.1:80 -r 10.0.0.11 -i --tun-type l2tp',
      "illegal tunnel type `l2tp'; there are ipip, gue, gue1, gre, vxlan",
    ],
    [
      '-A -t 203.0.113.1:80 --dest-check 1,1,3s,60-5s',
      "illegal --dest-check `1,1,3s,60-5s'; there are disable, default, and such as 1,1,3s,5-3600s",
    ],
    ['--set 900 0', '--set option requires 3 timeout values'],
    ['-A -t 203.0.113.1:80 oops', 'unexpected argument oops'],
  ])('%s is refused: %s', async (line, message) => {
    await expect(parse(line)).rejects.toThrow(message);
  });
});

describe('a file of rules', () => {
  test('may have comments, blank lines and the name of the program', async () => {
    const { commands, problems } = await parseRules(
      '# rules\n\nipvsadm -A -t 203.0.113.1:80\n/sbin/ipvsadm -a -t 203.0.113.1:80 -r 10.0.0.11:80 -g -w 1\n',
      resolve,
    );
    expect(problems).toEqual([]);
    expect(commands.map(({ line, command }) => [line, command.op])).toEqual([
      [3, 'add-service'],
      [4, 'add-server'],
    ]);
  });

  test('names every line that is wrong', async () => {
    const { problems } = await parseRules('-A\n-A -t 203.0.113.1:80\n-L\n', resolve);
    expect(problems.map(({ line }) => line)).toEqual([1, 3]);
  });
});

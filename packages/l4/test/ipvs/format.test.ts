import { describe, expect, test } from 'vitest';
import {
  formatFlows,
  formatNetworks,
  formatRules,
  formatServices,
  largeNumber,
  type ListedService,
} from '../../src/ipvs/format.ts';
import { Rates } from '../../src/rates.ts';
import type { PlaneSnapshot, TrafficCounts } from '../../src/statistics.ts';
import { planeDocument } from '../../src/status.ts';
import type { FlowView } from '../../src/flows.ts';
import { entriesOf } from '../../src/list-hits.ts';
import { formatServiceKey, OPEN } from '../../src/desired.ts';
import { IPIP } from '../../src/tunnel.ts';
import { backend, service } from '../support/services.ts';

const COUNTS: TrafficCounts = {
  conns: 12,
  inPackets: 345,
  outPackets: 99_999_999,
  inBytes: 123_456_789,
  outBytes: 98_765_432_100,
};

const SPEC = service({
  scheduler: 'mh',
  hash: 'ip-port',
  persistenceS: 300,
  persistenceMask: 24,
  backends: [
    backend({ mode: 'fnat', weight: 100, upper: 3, lower: 2 }),
    backend({ address: '10.0.0.12', health: 'down' }),
  ],
});

const SNAPSHOT: PlaneSnapshot = {
  numbers: {
    services: new Map([[formatServiceKey(SPEC), 1]]),
    backends: new Map([
      ['1 fnat 10.0.0.11:8080', 1],
      ['1 nat 10.0.0.12:8080', 2],
    ]),
    localRuns: new Map(),
  },
  services: new Map([[1, { ...COUNTS, flows: 3 }]]),
  backends: new Map([[1, { ...COUNTS, active: 1, inactive: 2, persistent: 4, overloaded: true }]]),
  localAddresses: new Map(),
  drops: {},
  flowsMax: 1_048_576,
  collection: undefined,
  interfaces: [],
  programs: [],
  hookReason: '',
  unwatchedS: undefined,
};

function listed(
  view: 'services' | 'stats' | 'rate' | 'thresholds' | 'persistent' | 'tunnels',
  exact = false,
): string {
  const document = planeDocument(new Map([[formatServiceKey(SPEC), SPEC]]), SNAPSHOT, {
    rates: new Rates(),
    sets: new Map(),
    hits: new Map(),
  });
  const services: ListedService[] = [{ spec: SPEC, counted: document.services[0]! }];
  return formatServices(services, { view, exact, sorted: true }, 1_048_576);
}

describe('the list of services', () => {
  test('has the columns of ipvsadm -Ln', () => {
    expect(listed('services')).toBe(
      [
        'IP Virtual Server version 1.2.1 (size=1048576)',
        'Prot LocalAddress:Port Scheduler Flags',
        '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
        'TCP  203.0.113.1:80 mh (mh-fallback,mh-port) persistent 300 mask 255.255.255.0',
        '  -> 10.0.0.11:8080               FullNat 100    1          2          overload',
        '  -> 10.0.0.12:8080               Masq    1      0          0          inhibited',
        '',
      ].join('\n'),
    );
  });

  test('has the columns of --stats, in short and in full', () => {
    expect(listed('stats').split('\n').slice(1, 5)).toEqual([
      'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes',
      '  -> RemoteAddress:Port',
      'TCP  203.0.113.1:80                     12      345 99999999  123456K   98765M',
      '  -> 10.0.0.11:8080                     12      345 99999999  123456K   98765M',
    ]);
    expect(listed('stats', true).split('\n')[3]).toBe(
      'TCP  203.0.113.1:80                     12      345 99999999 123456789 98765432100',
    );
  });

  test('has the columns of --tun-info', () => {
    const spec = service({
      backends: [
        backend({ mode: 'tunnel', port: 0 }),
        backend({
          mode: 'tunnel',
          port: 0,
          address: '10.0.0.12',
          tunnel: { ...IPIP, kind: 'gre' },
        }),
        backend({
          mode: 'tunnel',
          port: 0,
          address: '10.0.0.13',
          tunnel: { ...IPIP, kind: 'gue', checksum: true },
        }),
      ],
    });
    const document = planeDocument(new Map([['', spec]]), SNAPSHOT, {
      rates: new Rates(),
      sets: new Map(),
      hits: new Map(),
    });
    const look = { view: 'tunnels', exact: false, sorted: true } as const;
    const lines = formatServices([{ spec, counted: document.services[0]! }], look, 1);
    expect(lines.split('\n').slice(2, 7)).toEqual([
      '  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn',
      'TCP  203.0.113.1:80 wrr',
      '  -> 10.0.0.11:80                 Tunnel  ipip          1      0          0         ',
      '  -> 10.0.0.12:80                 Tunnel  gre:nocsum    1      0          0         ',
      '  -> 10.0.0.13:80                 Tunnel  gue:6080:csum 1      0          0         ',
    ]);
  });

  test('has the columns of --rate, --thresholds and --persistent-conn', () => {
    expect(listed('rate').split('\n')[1]).toBe(
      'Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS',
    );
    expect(listed('thresholds').split('\n').slice(1, 5)).toEqual([
      'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ',
      '  -> RemoteAddress:Port',
      'TCP  203.0.113.1:80              ',
      '  -> 10.0.0.11:8080               3          2          1          2         ',
    ]);
    expect(listed('persistent').split('\n')[4]).toBe(
      '  -> 10.0.0.11:8080               100       4           1          2         ',
    );
  });
});

test.each([
  [0, '        0'],
  [99_999_999, ' 99999999'],
  [100_000_000, '  100000K'],
  [999_999_999, '  999999K'],
  [1_000_000_000, '    1000M'],
  [99_999_999_999, '   99999M'],
  [100_000_000_000, '     100G'],
  [99_999_999_999_999, '   99999G'],
  [100_000_000_000_000, '     100T'],
])('%d is printed as "%s"', (value, text) => {
  expect(largeNumber(value, false)).toBe(text);
});

describe('the list of connections', () => {
  const flow: FlowView = {
    protocol: 'tcp',
    state: 'ESTABLISHED',
    expiresS: 899,
    mode: 'fnat',
    client: '192.0.2.10',
    clientPort: 40_000,
    virtual: '203.0.113.1',
    virtualPort: 80,
    local: '198.51.100.5',
    localPort: 50_000,
    destination: '10.0.0.11',
    destinationPort: 8080,
  };

  test('has the columns of ipvsadm -Lnc, and a seventh for local addresses', () => {
    expect(
      formatFlows([flow, { ...flow, mode: 'nat', local: '', localPort: 0 }], { cpu: false }),
    ).toBe(
      [
        'IPVS connection entries',
        'pro expire state       source             virtual            destination',
        'TCP 14:59  ESTABLISHED 192.0.2.10:40000   203.0.113.1:80     10.0.0.11:8080     198.51.100.5:50000',
        'TCP 14:59  ESTABLISHED 192.0.2.10:40000   203.0.113.1:80     10.0.0.11:8080',
        '',
      ].join('\n'),
    );
  });

  test('has the columns of dpvs with --dpvs', () => {
    expect(formatFlows([flow], { cpu: true })).toBe(
      '[0]TCP 899s   ESTABLISHED 192.0.2.10:40000   203.0.113.1:80     198.51.100.5:50000 10.0.0.11:8080\n',
    );
  });
});

describe('the lists of clients', () => {
  const guarded = service({
    admission: { ...OPEN, deny: ['192.0.2.0/24', 'ipset:office'], allow: ['10.0.0.0/8'] },
  });

  test('are shown service by service', () => {
    const beside = {
      sets: new Map([['office', ['2001:db8::/32', '198.18.0.1']]]),
      hits: new Map([
        [
          'tcp 203.0.113.1:80 deny',
          new Map([
            ['192.0.2.0/24', 1_234_567],
            ['2001:db8::/32', 3],
            ['198.18.0.1/32', 4],
          ]),
        ],
      ]),
    };
    const listed = [guarded, service({ port: 81 })].map((each) => ({
      service: each,
      entries: entriesOf(each, 'deny', beside),
    }));
    expect(formatNetworks(listed, 'deny')).toBe(
      [
        'VIP:VPORT            TOTAL    DENY                 HITS',
        '203.0.113.1:80       2        192.0.2.0/24         1234567',
        '                              ipset:office         7',
        '',
      ].join('\n'),
    );
  });

  test('are saved as rules, unless stock ipvsadm is to read them', () => {
    expect(formatRules([guarded], { compat: false }).split('\n').slice(2)).toEqual([
      '-U -t 203.0.113.1:80 -k 192.0.2.0/24',
      '-U -t 203.0.113.1:80 -k ipset:office',
      '-O -t 203.0.113.1:80 -k 10.0.0.0/8',
      '',
    ]);
    expect(formatRules([guarded], { compat: true })).not.toMatch(/^-[UO]/m);
  });
});

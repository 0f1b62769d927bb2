import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DPIP_OBJECTS, type DpipCall, parseDpip, shownPart } from '../../src/dpip/call.ts';
import { equivalentOf } from '../../src/dpip/equivalents.ts';

function call(line: string): DpipCall {
  const parsed = parseDpip(line.split(' '));
  if (parsed === 'help') throw new Error('help');
  return parsed;
}

describe('a call of dpip', () => {
  test('has its options anywhere', () => {
    const expected = { object: 'link', verb: 'show', words: ['eth0'], statistics: true };
    for (const line of ['-s link show eth0', 'link -s show eth0', 'link show eth0 --stats']) {
      expect(call(line)).toMatchObject(expected);
    }
  });

  test.each([
    ['link show', { intervalS: 1, count: 1 }],
    ['link show -i 3', { intervalS: 3, count: Infinity }],
    ['link show -i 3 -c 2', { intervalS: 3, count: 2 }],
    ['link show --interval=3 --count=2', { intervalS: 3, count: 2 }],
    ['link show -c 4', { intervalS: 1, count: 4 }],
    ['-6 address', { object: 'addr', verb: 'show', family: 6 }],
    ['neighbor list', { object: 'neigh', verb: 'show' }],
    ['eal-mem', { object: 'eal-mem', verb: 'show' }],
  ])('%s', (line, expected) => {
    expect(call(line)).toMatchObject(expected);
  });

  test.each(['', 'help', '-h', 'link help', 'link --help'])('asks for help with %j', (line) => {
    expect(parseDpip(line.split(' ').filter((word) => word !== ''))).toBe('help');
  });

  test.each([
    ['inlet show', /^unknown object inlet; there are link, addr, /],
    ['link show -x', 'unknown option -x; see "dpip -h"'],
    ['link show -i', '-i needs a number from 1 to 86400; got nothing'],
    ['link show -i 0', '-i needs a number from 1 to 86400; got 0'],
    ['link show --count=many', '--count needs a number from 1 to 1000000; got many'],
  ])('is refused: %s', (line, message) => {
    expect(() => call(line)).toThrow(message);
  });

  test.each([
    ['link show eth0', { dev: 'eth0', table: undefined }],
    ['route show dev eth0 table 7', { dev: 'eth0', table: '7' }],
  ])('shows a part: %s', (line, part) => {
    expect(shownPart(call(line))).toEqual(part);
  });

  test.each([
    ['link show eth0 eth1', 'link show: what is eth1?'],
    ['addr show dev', 'dev needs a value'],
  ])('shows no part that cannot be: %s', (line, message) => {
    expect(() => shownPart(call(line))).toThrow(message);
  });
});

describe('what Linux does itself', () => {
  test.each([
    ['link set eth0 promisc on', 'ip link set dev eth0 promisc on'],
    ['link set eth0 up mtu 1400', 'ip link set dev eth0 up mtu 1400'],
    ['addr add 10.0.0.1/24 dev eth0 sapool', 'ip address add 10.0.0.1/24 dev eth0'],
    ['-6 addr flush dev eth0', 'ip -6 address flush dev eth0'],
    [
      'route add 10.0.0.0/8 via 10.1.0.1 src 10.1.0.2 dev eth0',
      'ip route add 10.0.0.0/8 via 10.1.0.1 dev eth0 src 10.1.0.2',
    ],
    ['route del default', 'ip route del default'],
    ['route flush', 'ip route flush table main'],
    [
      'neigh add 10.1.0.2 lladdr 02:00:00:00:00:01 dev eth0',
      'ip neighbour add 10.1.0.2 lladdr 02:00:00:00:00:01 dev eth0',
    ],
    ['neigh del 10.1.0.2 dev eth0', 'ip neighbour del 10.1.0.2 dev eth0'],
    [
      'vlan add eth0.100 link eth0 proto 802.1q id 100',
      'ip link add link eth0 name eth0.100 type vlan proto 802.1q id 100',
    ],
    ['vlan add link eth0 id 7', 'ip link add link eth0 name eth0.7 type vlan id 7'],
    ['vlan del eth0.100', 'ip link delete dev eth0.100'],
    [
      'tunnel add mode ipip t0 local 10.0.0.1 remote 10.0.0.2 ttl 64',
      'ip tunnel add t0 mode ipip remote 10.0.0.2 local 10.0.0.1 ttl 64',
    ],
    [
      'qsch add dev eth0 root handle 1: tbf rate 10mbit burst 32k limit 1m',
      'tc qdisc add dev eth0 root handle 1: tbf rate 10mbit burst 32k limit 1m',
    ],
    [
      'cls add dev eth0 qsch 1: prio 3 pkttype ip u32 match ip dst 10.0.0.1/32',
      'tc filter add dev eth0 parent 1: prio 3 protocol ip u32 match ip dst 10.0.0.1/32',
    ],
    ['maddr add 33:33:00:00:00:01 dev eth0', 'ip maddress add 33:33:00:00:00:01 dev eth0'],
  ])('%s is %s', (line, command) => {
    expect(equivalentOf(call(line))).toBe(command);
  });

  test.each([
    ['link set eth0', /link set needs an interface and what to set/],
    ['addr add 10.0.0.1/24', 'addr needs "dev <value>"'],
    ['addr add dev eth0', 'addr needs an address'],
    ['addr set 10.0.0.1/24 dev eth0', 'addr set: there is add, del, flush, replace, show'],
    ['neigh add 10.1.0.2 dev eth0', 'neigh add needs "lladdr <mac>"'],
    ['route frob 10.0.0.0/8', 'route frob: there is no such verb'],
    ['eal-mem add 1', 'eal-mem add: there is no such verb'],
    ['vlan add id 1', 'vlan needs "link <value>"'],
    ['route add 10.0.0.0/8 via', 'via needs a value'],
    ['link set eth0;reboot up', 'eth0;reboot is no word of dpip'],
  ])('%s is refused', (line, message) => {
    expect(() => equivalentOf(call(line))).toThrow(message);
  });

  test('no words make a command with anything in it that a shell would act on', () => {
    const word = fc.oneof(
      fc.constantFrom('dev', 'eth0', 'via', 'root', '10.0.0.1', 'lladdr', 'mode', 'link', 'id'),
      fc.string({ minLength: 1, maxLength: 6 }),
    );
    const words = fc.array(word, { maxLength: 8 });
    const verbs = fc.constantFrom('add', 'del', 'set', 'flush', 'replace', 'change');
    fc.assert(
      fc.property(fc.constantFrom(...DPIP_OBJECTS), verbs, words, (object, verb, rest) => {
        let command = '';
        try {
          command = equivalentOf({ ...call('link set x'), object, verb, words: rest });
        } catch (error) {
          expect(error).toHaveProperty('name', 'DpipUsageError');
        }
        expect(command).toMatch(/^[\w.:/@%+,= -]*$/);
      }),
    );
  });
});

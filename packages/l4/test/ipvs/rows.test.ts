/** Every command and option that ipvsadm has here, row by row: what is read, and what is refused in one line. */
import { describe, expect, test } from 'vitest';
import { IpvsUsageError } from '../../src/ipvs/options.ts';
import { type IpvsCall, parseIpvs } from '../../src/ipvs/parse.ts';

const parse = async (line: string): Promise<IpvsCall> =>
  parseIpvs(line.split(' '), (host) => Promise.resolve(host));

const WEB = '-t 203.0.113.1:80';
const SERVER = `${WEB} -r 10.0.0.11:8080`;

describe('a row of ipvsadm', () => {
  test.each([
    // Services
    `-A ${WEB}`,
    '-A -u 203.0.113.1:53 -s rr -o',
    '-A -t [2001:db8::1]:80 -s mh -b mh-port,mh-fallback',
    `-A ${WEB} -s sh -b sh-port,sh-fallback`,
    `-A ${WEB} -s mh -b flag-1,flag-2`,
    `-A ${WEB} -p -M 255.255.255.0`,
    `-E ${WEB} --conn-timeout 60 --expire-quiescent`,
    `-A ${WEB} -s conhash --hash-target sip`,
    `-A ${WEB} -j enable`,
    `-A ${WEB} --synproxy disable`,
    `-A ${WEB} --proxy-protocol v2`,
    `-A ${WEB} --proxy-protocol disable`,
    `-A ${WEB} --dest-check default`,
    '-A -1 203.0.113.1',
    '-A -H proto=tcp,src-range=10.0.0.0-10.0.0.255 -s wrr',
    `-D ${WEB}`,
    // Servers
    `-a ${SERVER} -g -w 0`,
    `-a ${SERVER} -m -x 100 -y 50`,
    `-e ${SERVER} -b -w 65535`,
    `-a ${WEB} -r 10.0.0.11 -i --tun-type ipip`,
    `-a ${WEB} -r 10.0.0.11 -i --tun-type gue --tun-port 6080 --tun-csum`,
    `-a ${WEB} -r 10.0.0.11 -i --tun-type gue --tun-port 6080 --tun-nocsum`,
    `-a ${WEB} -r 10.0.0.11 -i --tun-type gre`,
    '-a -H proto=udp,oif=eth1 -r 198.51.100.1:0 -J',
    `-d ${SERVER}`,
    // The table
    '-C',
    '-R',
    '-S',
    '-S -n',
    '-Z',
    `-Z ${WEB}`,
    '--set 900 0 300',
    // Lists
    '-L -n',
    `-l ${WEB} -n --exact --nosort`,
    '-Ln --sort',
    '-Lnc',
    '-Lnc --dpvs',
    '-Ln --stats',
    '-Ln --stats --cpu 0',
    '-Ln --rate',
    '-Ln --thresholds',
    '-Ln --persistent-conn',
    '-L --timeout',
    '-L --daemon',
    '-Ln --tun-info',
    '-Lnc --sockpair tcp:192.0.2.10:40000:203.0.113.1:80',
    // Local addresses
    `-P ${WEB} -z 198.51.100.5 -F eth1`,
    `-P ${WEB} -z 198.51.100.5-198.51.100.8`,
    `-Q ${WEB} -z 198.51.100.5 -F eth1`,
    '-G',
    `-G ${WEB} -n`,
    // Lists of clients
    `-U ${WEB} -k 192.0.2.0/24`,
    `-U ${WEB} -2 192.0.2.1`,
    `-U ${WEB} -k ipset:office`,
    `-V ${WEB} -k 2001:db8::/32`,
    '-B -n',
    `-O ${WEB} -k ipset:office`,
    `-Y ${WEB} -k ipset:office`,
    `-W ${WEB}`,
  ])('is read: %s', async (line) => {
    expect(await parse(line)).toHaveProperty('op');
  });

  test.each([
    [`-A ${WEB} -f 1`, 'firewall marks'],
    ['-A --sctp-service 203.0.113.1:80', 'SCTP'],
    [`-A ${WEB} --pe sip`, 'persistence engines'],
    [`-A ${WEB} --quic`, 'QUIC connection ids'],
    ['--start-daemon master', 'connection sync'],
    ['--stop-daemon master', 'connection sync'],
    [`-A ${WEB} --hash-target qid`, 'qid'],
    [`-A ${WEB} -j perhaps`, 'perhaps'],
    [`-A ${WEB} --proxy-protocol v9`, 'v9'],
    [`-a ${WEB} -r 10.0.0.11 -i --tun-type sit`, 'sit'],
    [`-a ${WEB} -r 10.0.0.11 -i --tun-type gue --tun-port 70000`, '70000'],
    [`-A ${WEB} -w 1`, "Illegal 'weight' option with the 'add-service' command"],
    [`-a ${SERVER} -s rr`, "Illegal 'scheduler' option with the 'add-server' command"],
    ['-A -s rr', "You need to supply the 'service-address' option"],
    [`-a ${WEB}`, "You need to supply the 'real-server' option"],
    [`-U ${WEB}`, "You need to supply the 'network' option"],
    [`-P ${WEB}`, "You need to supply the 'laddr' option"],
    [`-a ${SERVER} -g -i`, 'conflicts with'],
    [`-A ${WEB} -H proto=tcp`, 'conflicts with'],
    ['-A -H proto=tcp,colour=red', 'colour'],
  ])('is refused: %s: %s', async (line, message) => {
    const error: unknown = await parse(line).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(IpvsUsageError);
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain('\n');
  });
});

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { addAddress } from '../src/netlink/addresses.ts';
import { changeLink, findLink, listLinks } from '../src/netlink/links.ts';
import { setNeighbour } from '../src/netlink/neighbours.ts';
import { describeAsRoot, vethPair } from './support/root.ts';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const NODE = ['--conditions=balancer-source', '--import', 'tsx'];
const run = promisify(execFile);

/** Sends datagrams of 100 bytes until it is killed, and says so; what it sends to is a neighbour that is not there. */
const SENDER = `
  const socket = require('node:dgram').createSocket('udp4');
  setInterval(() => socket.send(Buffer.alloc(100), 9, '192.0.2.2', () => process.stdout.write('.')), 5);
`;

describeAsRoot('examples/packet-count', () => {
  test('counts the packets an interface receives, and leaves nothing behind', async () => {
    const pair = vethPair();
    const { route, left: ifindex } = pair;
    addAddress(route, { ifindex, address: '192.0.2.1', prefixLength: 24 });
    const mac = findLink(route, 'right')!.mac!;
    setNeighbour(route, { ifindex, address: '192.0.2.2', mac });
    changeLink(route, pair.right, { up: true });

    const sender = pair.namespace.run(() => spawn(process.execPath, ['-e', SENDER]));
    await once(sender.stdout, 'data');
    const args = [...NODE, 'examples/packet-count/main.ts', 'right', '2'];
    const example = pair.namespace.run(() =>
      spawn(process.execPath, args, { cwd: FOLDER, stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    try {
      const lines: string[] = [];
      createInterface(example.stdout).on('line', (line) => {
        lines.push(line);
        // The last look then falls between no two counters of one packet.
        if (line.includes('UDP')) sender.kill();
      });
      const [code] = await once(example, 'close');
      expect(code).toBe(0);
      expect(lines[0]).toBe('counting on right');
      // 100 bytes of payload and 42 of headers.
      const [, packets, bytes] = /UDP (\d+) packets, (\d+) bytes/.exec(lines[2]!)!;
      expect(Number(packets)).toBeGreaterThan(0);
      expect(Number(bytes)).toBe(Number(packets) * 142);
      expect(listLinks(route).every((link) => link.xdpProgramId === 0)).toBe(true);
    } finally {
      sender.kill();
      example.kill();
      pair.close();
    }
  });

  test('says what is wrong with its arguments', async () => {
    const example = run(process.execPath, [...NODE, 'examples/packet-count/main.ts', 'nosuch0'], {
      cwd: FOLDER,
    });
    await expect(example).rejects.toMatchObject({
      code: 1,
      stderr: 'packet-count: there is no interface nosuch0\n',
    });
  });
});

describe('ebpf-types', () => {
  test('writes the types of an object', async () => {
    const { stdout } = await types('bpf/objects/packet-count.o');
    expect(stdout).toContain('export interface PacketCount {');
  });

  test.each([
    [['package.json'], 1, /ebpf-types: not an ELF object/],
    [['missing.o'], 2, /ebpf-types: ENOENT: no such file/],
    [[], 2, /usage: ebpf-types <object.o>/],
    [['--wrong', 'x.o'], 2, /Unknown option '--wrong'/],
  ])('exits with a reason for %j', async (args, code, stderr) => {
    await expect(types(...args)).rejects.toMatchObject({
      code,
      stderr: expect.stringMatching(stderr),
    });
  });
});

function types(...args: readonly string[]): Promise<{ stdout: string }> {
  return run(process.execPath, [...NODE, 'src/ebpf-types.ts', ...args], { cwd: FOLDER });
}

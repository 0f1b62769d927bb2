/**
 * Uploads through tunnels of the tc build, with the offloads of network cards on and off: what a card or the kernel
 * cuts into segments has to have right outer headers on each of them.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { attachTc, findLink, type NetworkNamespace, RouteSocket, setOffload } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { backendSetup } from '../src/backend-setup.ts';
import { DROP_REASONS } from '../src/index.ts';
import { INNER_MAC, IPIP, type TunnelKind, type TunnelSpec } from '../src/tunnel.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { NAMES, type Setup } from '../tools/packets/packet-case.ts';
import { backend, service } from './support/services.ts';
import { TrafficHost } from './support/traffic.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';

const UPLOAD_BYTES = 4 << 20;
const UPLOADS = 3;
/** Link headers and the packet. */
const FRAME_BYTES_MAX = 1514;

/** Answers an upload with the digest of what came. */
const SERVER = `
  const { createHash } = require('node:crypto');
  require('node:http').createServer((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (chunk) => hash.update(chunk));
    request.on('end', () => response.end(hash.digest('hex')));
  }).listen(80, '::', () => console.log('ready'));
`;

/** Uploads bytes that follow from their place, again and again; prints the answers. */
const CLIENT = `
  const [host, bytes, count] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
  const body = Buffer.from(Uint32Array.from({ length: bytes / 4 }, (_, i) => i * 2654435761).buffer);
  const upload = () => new Promise((resolve, reject) => {
    const request = require('node:http').request({ host, port: 80, agent: false, method: 'POST' }, (response) => {
      let answer = '';
      response.on('data', (chunk) => (answer += chunk));
      response.on('end', () => resolve(answer));
    });
    request.on('error', reject).end(body);
  });
  (async () => { for (let i = 0; i < count; i++) console.log(await upload()); })();
`;

const DIGEST = createHash('sha256')
  .update(
    Buffer.from(Uint32Array.from({ length: UPLOAD_BYTES / 4 }, (_, i) => i * 2_654_435_761).buffer),
  )
  .digest('hex');

interface Combination {
  readonly kind: TunnelKind;
  readonly inner: 4 | 6;
  readonly outer: 4 | 6;
  readonly checksum?: boolean;
  /** Whether the balancer's card cuts segments. */
  readonly offload: 'on' | 'off';
}

/** What an upload became. */
interface Outcome {
  readonly answers: string[];
  readonly notWrapped: bigint;
  /** Bytes of an average frame at the server. */
  readonly frameBytes: number;
}

/** Uploads through a tunnel. @param prepare - Makes the server's machine take off outer headers. */
async function upload(
  { kind, inner, outer, checksum = false, offload }: Combination,
  tunnel: Partial<TunnelSpec>,
  prepare: (machine: NetworkNamespace, plane: DataPlane) => () => void,
): Promise<Outcome> {
  const host = new TrafficHost();
  const vip = inner === 4 ? NAMES['V']! : NAMES['V6']!;
  const setup: Setup = {
    mode: 'tunnel',
    vip,
    backends: [{ address: outer === 4 ? NAMES['B1']! : NAMES['B6']! }],
    tunnel: { ...tunnel, kind, checksum },
    decapAddresses: [NAMES['B1']!, NAMES['B6']!],
    network: 'existing',
  };
  const plane = new DataPlane(setup, 'tc', host);
  const attachments = host.namespace.run(() => {
    if (offload === 'off') setOffload('b0', 'tx-segmentation', false);
    return host.interfaces.map((ifindex) =>
      attachTc({ program: plane.program, ifindex, direction: 'ingress' }),
    );
  });
  host.backend.run(() => execFileSync('ip', ['link', 'set', 'dev', 'lo', 'up']));
  const undo = prepare(host.backend, plane);
  const server = start(host.backend, SERVER);
  try {
    await once(createInterface(server.stdout), 'line');
    const client = start(host.client, CLIENT, vip, `${UPLOAD_BYTES}`, `${UPLOADS}`);
    const [output, errors] = await Promise.all([text(client.stdout), text(client.stderr)]);
    expect(errors).toBe('');
    return {
      answers: output.trim().split('\n'),
      notWrapped: plane.drops()[DROP_REASONS.encap_fail]!,
      frameBytes: host.backend.run(averageFrame),
    };
  } finally {
    server.kill();
    undo();
    for (const attachment of attachments) attachment.close();
    plane.close();
    host.close();
  }
}

/** Of `eth0`, from its counters. The first columns are bytes and packets received. */
function averageFrame(): number {
  const line = readFileSync('/proc/thread-self/net/dev', 'utf8')
    .split('\n')
    .find((each) => each.trim().startsWith('eth0:'))!;
  const [, bytes = 0, packets = 1] = line.trim().split(/\s+/).map(Number);
  return bytes / packets;
}

function start(
  machine: NetworkNamespace,
  script: string,
  ...args: readonly string[]
): ChildProcessWithoutNullStreams {
  return machine.run(() => spawn(process.execPath, ['-e', script, ...args]));
}

/** Our own program at the server, which has the service's addresses on `lo`. */
function decapsulate(machine: NetworkNamespace, plane: DataPlane): () => void {
  machine.run(() => {
    for (const name of ['V', 'V6']) {
      execFileSync('ip', ['addr', 'add', NAMES[name]!, 'dev', 'lo']);
    }
  });
  const attachment = machine.run(() => {
    const socket = RouteSocket.open();
    const { ifindex } = findLink(socket, 'eth0')!;
    socket.close();
    return attachTc({ program: plane.loaded.program('decap'), ifindex, direction: 'ingress' });
  });
  return () => {
    attachment.close();
  };
}

/** The kernel's own devices, by the commands that `balancer l4 backend-setup` prints for them. */
function useKernel(
  given: Combination,
  tunnel: TunnelSpec,
): (machine: NetworkNamespace) => () => void {
  const commands = backendSetup([
    service({
      address: given.inner === 4 ? NAMES['V']! : NAMES['V6']!,
      backends: [
        backend({
          address: given.outer === 4 ? NAMES['B1']! : NAMES['B6']!,
          port: 0,
          mode: 'tunnel',
          tunnel,
        }),
      ],
    }),
  ]);
  return (machine) => {
    machine.run(() => execFileSync('sh', ['-ec', commands], { stdio: 'pipe' }));
    return () => {};
  };
}

/** Why the kernel cannot be the other end of a tunnel; empty when it can. */
function whyNotInKernel(kind: TunnelKind): string {
  if (NO_ROOT !== '') return NO_ROOT;
  const attempts: Readonly<Record<TunnelKind, string>> = {
    ipip: 'ip link add name tunnel type ipip remote 127.0.0.1 local 127.0.0.2',
    gue: 'ip fou add port 6080 gue',
    gue1: 'ip fou add port 6080 gue',
    gre: 'ip link add name tunnel type gre remote 127.0.0.1 local 127.0.0.2',
    vxlan: 'ip link add name tunnel type vxlan id 1 dstport 4789 local 127.0.0.2',
  };
  try {
    execFileSync('unshare', ['-n', 'sh', '-ec', attempts[kind]], { stdio: 'pipe' });
    return '';
  } catch {
    return ` (skipped: this kernel has no ${kind} of its own)`;
  }
}

const KINDS: readonly TunnelKind[] = ['gue', 'gue1', 'gre', 'vxlan'];

describe(`uploads through tunnels of the tc build${NO_ROOT}`, () => {
  const combinations = KINDS.flatMap((kind): Combination[] => [
    { kind, inner: 4, outer: 6, offload: 'on', checksum: kind !== 'gre' },
    { kind, inner: 6, outer: 4, offload: 'off' },
  ]);

  test.skipIf(NO_ROOT !== '').each(combinations)(
    'IPv$inner in IPv$outer by $kind, segmentation offload $offload, to our own decap: all arrive',
    async (combination) => {
      const outcome = await upload(combination, { vni: 42 }, decapsulate);
      expect(outcome).toMatchObject({ answers: Array(UPLOADS).fill(DIGEST), notWrapped: 0n });
      // What no card will cut, the kernel has cut before: each segment fits.
      if (combination.offload === 'off')
        expect(outcome.frameBytes).toBeLessThanOrEqual(FRAME_BYTES_MAX);
    },
  );

  for (const kind of KINDS) {
    const reason = whyNotInKernel(kind);
    const own: readonly Combination[] = [
      { kind, inner: 4, outer: 4, offload: 'off', checksum: kind !== 'gre' },
      { kind, inner: 6, outer: 6, offload: 'on' },
    ];
    test.skipIf(reason !== '').each(own)(
      `IPv$inner in IPv$outer by ${kind} to what backend-setup makes of the kernel's own: all arrive${reason}`,
      async (combination) => {
        const tunnel = {
          ...IPIP,
          kind,
          vni: kind === 'vxlan' ? 42 : 0,
          checksum: combination.checksum ?? false,
          innerMac: INNER_MAC,
        };
        const outcome = await upload(combination, tunnel, useKernel(combination, tunnel));
        expect(outcome).toMatchObject({ answers: Array(UPLOADS).fill(DIGEST), notWrapped: 0n });
      },
    );
  }
});

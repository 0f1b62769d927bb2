/**
 * What does the control plane cost? To apply a large configuration, to change one thing in it, to rebuild a
 * large table, to list flows, to start.
 *
 * The engine runs in a network namespace of its own, on maps of their usual size. Beside each figure stands
 * the least that does the same: nft loading as many rules, writing a table whose content is known, reading
 * the entries without looking at them, an empty program. Rounds alternate. Needs root, nft, and a built
 * repository for the last line (`npm run build`).
 *
 *     npm run bench:control -w packages/l4
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unmountBpfFilesystem } from '@balancer/ebpf';
import type { DesiredPlane, ServiceSpec } from '../src/desired.ts';
import { Engine } from '../src/engine.ts';
import { createTable } from '../src/selection-map.ts';
import { maglevTable } from '../src/tables.ts';
import { backends, service, SETTINGS } from '../test/support/services.ts';
import { createHost, engineOptions, fillFlows, openFlows } from './host.ts';
import { median } from './scenarios.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const SERVICES = 1000;
const SERVERS = 10;
const MAGLEV = { slots: 65_537, servers: 1000 } as const;
const FLOWS = 100_000;
/** Passes after which the numbers of what is gone are free. */
const COLLECTIONS = 2;
const COMMAND = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'balancer-l4-control-'));
const namespace = createHost();
const engine = namespace.run(() => new Engine(engineOptions(folder)));

const many: readonly ServiceSpec[] = Array.from({ length: SERVICES }, (_, i) =>
  service({
    address: `203.0.${113 + (i >> 8)}.${i & 255}`,
    scheduler: 'mh',
    backends: backends(SERVERS),
  }),
);
const rules = join(folder, 'rules.nft');
writeFileSync(
  rules,
  [
    'flush ruleset',
    'table ip balancer_bench {',
    'chain in { type nat hook prerouting priority -100;',
    ...many.map(({ address, backends: servers }) => {
      const map = servers.map((server, i) => `${i} : ${server.address}`).join(', ');
      return `ip daddr ${address} tcp dport 80 dnat to numgen inc mod ${SERVERS} map { ${map} }`;
    }),
    '}',
    '}',
    '',
  ].join('\n'),
);

/** One server of the first service is changed. */
function withServer(change: Partial<ServiceSpec['backends'][number]>): ServiceSpec[] {
  const [first, ...rest] = many;
  const [server, ...others] = first!.backends;
  return [{ ...first!, backends: [{ ...server!, ...change }, ...others] }, ...rest];
}

function apply(services: readonly ServiceSpec[]): number {
  const desired: DesiredPlane = { settings: SETTINGS, services };
  return namespace.run(() => engine.apply(desired)).writes;
}

function msOf(action: () => unknown): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}

/** Median ms of an action and of its peer, run in turn. */
function compare(
  what: string,
  subject: { readonly name: string; run(): unknown; undo?(): unknown },
  peer: { readonly name: string; run(): unknown },
): void {
  const own: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    own.push(msOf(() => subject.run()));
    subject.undo?.();
    bare.push(msOf(() => peer.run()));
  }
  const list = own.map((ms) => ms.toFixed(1)).join(' ');
  console.log(
    `${what.padEnd(46)} ${median(own).toFixed(1).padStart(7)} ms; ${peer.name} ${median(bare).toFixed(1)} ms, x ${(median(own) / median(bare)).toFixed(2)}  (${list})`,
  );
}

const empty = { name: 'the same again', run: (): unknown => apply(many) };

function measureApply(): void {
  compare(
    `apply ${SERVICES} services of ${SERVERS} servers`,
    { name: 'apply', run: () => apply(many), undo: () => removeAll() },
    {
      name: 'nft -f',
      run: () => namespace.run(() => execFileSync('nft', ['-f', rules])),
    },
  );
  apply(many);
  let writes = 0;
  const change = (to: Partial<ServiceSpec['backends'][number]>): unknown =>
    (writes = apply(withServer(to)));
  compare(
    'a server of them goes down',
    { name: '', run: () => change({ health: 'down' }), undo: () => apply(many) },
    empty,
  );
  console.log(`  ${writes} entry written`);
  compare(
    'a weight of them changes',
    { name: '', run: () => change({ weight: 2 }), undo: () => apply(many) },
    empty,
  );
  console.log(`  ${writes} entries written, tables included`);
}

/** Nothing is left, in the maps and in the numbers. */
function removeAll(): void {
  apply([]);
  for (let i = 0; i < COLLECTIONS; i++) namespace.run(() => engine.collectNow());
}

function measureMaglev(): void {
  const { slots, servers } = MAGLEV;
  const list = backends(servers);
  const members = list.map(({ address, port }, i) => ({
    slot: i + 1,
    id: `${address}:${port}`,
    weight: 1,
  }));
  const known = maglevTable(members, slots);
  const write = { name: 'writing a table', run: () => createTable('bench', known).close() };
  compare(
    `compute Maglev, ${slots} slots, ${servers} servers`,
    { name: '', run: () => maglevTable(members, slots) },
    write,
  );
  const one = service({ scheduler: 'mh', mhTable: slots, backends: list });
  const [first, ...others] = list;
  removeAll();
  apply([one]);
  compare(
    'apply a weight of one of them',
    {
      name: '',
      run: () => apply([{ ...one, backends: [{ ...first!, weight: 2 }, ...others] }]),
      undo: () => apply([one]),
    },
    write,
  );
}

function measureListing(): void {
  apply([service()]);
  const table = openFlows(folder);
  fillFlows(table, FLOWS);
  let listed = 0;
  compare(
    `list ${FLOWS} flows`,
    { name: '', run: () => (listed = engine.flows({ limit: FLOWS }).length) },
    { name: 'reading the entries', run: () => [...table.batches()].length },
  );
  if (listed !== FLOWS) throw new Error(`${listed} flows were listed`);
  table.close();
}

function measureStart(): void {
  if (!existsSync(COMMAND)) {
    console.log('start of the command: not built (npm run build)');
    return;
  }
  const node = (args: readonly string[]): unknown => execFileSync(process.execPath, args);
  compare(
    'balancer l4 --help',
    { name: '', run: () => node([COMMAND, 'l4', '--help']) },
    { name: 'node -e ""', run: () => node(['-e', '']) },
  );
}

console.log(
  `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]!.toFixed(1)}, ${ROUNDS} rounds`,
);
try {
  measureApply();
  measureMaglev();
  measureListing();
  measureStart();
} finally {
  engine.detach();
  unmountBpfFilesystem(join(folder, 'bpf'));
  namespace.close();
  rmSync(folder, { recursive: true, force: true });
}

/** Two balancers in one network, with the daemons of `docs/high-availability.md` beside them. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcessesOf, Lab } from '../../../../examples/l4-netns/lab.ts';
import { Network } from '../../../../examples/l4-netns/network.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const GUIDE = readFileSync(join(ROOT, 'docs/high-availability.md'), 'utf8');

/** The block of the guide with this name. */
export function template(name: string): string {
  const block = new RegExp(`^\`\`\`\\w+ template=${name}\\n(.*?)^\`\`\`$`, 'ms').exec(GUIDE)?.[1];
  if (block === undefined) throw new Error(`the guide has no template ${name}`);
  return block;
}

/** The router's part, which no guide of ours can write: it takes routes from both and uses them at once. */
const ROUTER = `
log stderr all;
router id 10.0.0.1;
protocol device { scan time 1; }
protocol direct { ipv4; }
protocol bfd { interface "br0" { interval 300 ms; multiplier 5; }; }
protocol kernel { merge paths on; ipv4 { export where source = RTS_BGP; }; }
template bgp balancer { local 10.0.0.1 as 65000; connect delay time 1; error wait time 1, 2; ipv4 { import all; export none; }; }
protocol bgp one from balancer { neighbor 10.0.0.2 as 65002; BFD }
protocol bgp two from balancer { neighbor 10.0.0.3 as 65003; BFD }
`;

export class Cluster {
  readonly network: Network = new Network(2);
  readonly labs: readonly Lab[] = [1, 2].map(
    (number) => new Lab({ network: this.network, number }),
  );

  readonly #openFolders = new Map<number, string>();

  /** Writes the template of a configuration for a balancer and starts it. @param number - From 1. */
  async startBalancer(number: number, toml: string): Promise<ChildProcess> {
    const lab = this.labs[number - 1]!;
    const own = ofMachine(number, toml).replace(
      '[l4]\n',
      `[l4]\npin_path = "${lab.pinPath}"\nadmin_socket = "${lab.socket}"\nhook = "tc"\n`,
    );
    lab.configure(own.replace('[backends.web]\n', `[backends.web]\n${FAST_CHECKS}`));
    return lab.startBalancer();
  }

  /** A daemon's configuration from the guide, for a balancer; commands are run from the sources. */
  daemonFile(number: number, name: string): string {
    const lab = this.labs[number - 1]!;
    const file = join(this.openFolder(number), `${name}.conf`);
    const command = this.#balancerCommand(lab);
    const text = ofMachine(number, template(name)).replaceAll(
      /\/usr\/bin\/balancer l4 (\w+)/g,
      (_, subcommand: string) => `${command} l4 ${subcommand} --config ${lab.folder}/balancer.toml`,
    );
    writeFileSync(file, text.replaceAll('/run/balancer/l4.sock', lab.socket));
    return file;
  }

  /** A balancer's folder for daemons, which some use as a user of their own. */
  openFolder(number: number): string {
    const known = this.#openFolders.get(number);
    if (known !== undefined) return known;
    const folder = mkdtempSync(join(tmpdir(), 'balancer-daemons-'));
    chmodSync(folder, 0o777);
    this.#openFolders.set(number, folder);
    return folder;
  }

  /** Starts a daemon beside a balancer. */
  startDaemon(number: number, command: string, args: readonly string[]): ChildProcess {
    const lab = this.labs[number - 1]!;
    const child = lab.startProgram(lab.machine, command, args);
    collect(child, lab);
    return child;
  }

  /** Starts BIRD on the router. @param bfd - Whether the balancers' daemons speak BFD. */
  startRouter({ bfd }: { readonly bfd: boolean }): void {
    const [lab] = this.labs;
    const file = join(lab!.folder, 'router.conf');
    writeFileSync(file, ROUTER.replaceAll('BFD', bfd ? 'bfd on;' : ''));
    this.network.router.run(() =>
      writeFileSync('/proc/sys/net/ipv4/fib_multipath_hash_policy', '1'),
    );
    const args = [
      '-f',
      '-c',
      file,
      '-s',
      join(lab!.folder, 'router.ctl'),
      '-P',
      join(lab!.folder, 'router.pid'),
    ];
    collect(lab!.startProgram(this.network.router, 'bird', args), lab!);
  }

  /** Gateways of the router's route to an address, in order. */
  gateways(address: string): string[] {
    const { stdout } = this.#in(this.network.router, 'ip', 'route', 'show', address);
    return [...stdout.matchAll(/via (\S+)/g)].map(([, gateway]) => gateway!).toSorted();
  }

  /** Sessions of the router that are up. */
  sessions(): number {
    const socket = join(this.labs[0]!.folder, 'router.ctl');
    const { stdout } = this.#in(this.network.router, 'birdc', '-s', socket, 'show', 'protocols');
    return stdout.match(/Established/g)?.length ?? 0;
  }

  /** Addresses on a balancer's `lo`. */
  addresses(number: number): string {
    return this.#in(this.labs[number - 1]!.machine, 'ip', '-o', 'addr', 'show', 'dev', 'lo').stdout;
  }

  async close(): Promise<void> {
    for (const lab of this.labs.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop -- the first one has the network
      await lab.close();
    }
    for (const folder of this.#openFolders.values()) {
      // Daemons have processes of their own, which outlive them when they are killed.
      // oxlint-disable-next-line no-await-in-loop -- one or two
      await endProcessesOf(folder);
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #in(
    namespace: Network['router'],
    command: string,
    ...args: readonly string[]
  ): { stdout: string } {
    return namespace.run(() => spawnSync(command, args, { encoding: 'utf8' }));
  }

  /** A command for scripts that take a path without arguments. */
  #balancerCommand(lab: Lab): string {
    const folder = join(lab.folder, 'bin');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'balancer');
    writeFileSync(
      file,
      `#!/bin/sh\ncd ${ROOT}\nexec ${process.execPath} --conditions=balancer-source --import tsx packages/cli/src/main.ts "$@"\n`,
    );
    chmodSync(file, 0o755);
    return file;
  }
}

const FAST_CHECKS =
  'health_check_interval = "200ms"\nhealth = { fast_interval = "100ms", timeout = "1s", fall = 2, rise = 1 }\n';

/** The text for a balancer: of the machine 10.0.0.2 in the guide, the next one's address is 10.0.0.3. */
function ofMachine(number: number, text: string): string {
  if (number === 1) return text;
  return text
    .replaceAll('10.0.0.102', '10.0.0.103')
    .replaceAll('10.0.0.2', '10.0.0.3')
    .replaceAll('65002', '65003')
    .replaceAll('priority 150', 'priority 100');
}

/** What a daemon says stands in the lab's log, for when a test fails. */
function collect(child: ChildProcess, lab: Lab): void {
  child.stdout!.on('data', (chunk: Buffer) => lab.note(String(chunk)));
  child.stderr!.on('data', (chunk: Buffer) => lab.note(String(chunk)));
}

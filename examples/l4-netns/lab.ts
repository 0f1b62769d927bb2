/**
 * The network of `network.ts` with programs in it: three servers, a client, and the load balancer as a
 * process of its own. Used by the example and by tests.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  isBpfFilesystem,
  mountBpfFilesystem,
  type NetworkNamespace,
  unmountBpfFilesystem,
} from '@balancer/ebpf';
import { type PlaneDocument, unload } from '@balancer/l4';
import { ADDRESSES, balancerAddress, type Family, Network, serverAddress } from './network.ts';
import { CLIENT, SERVER } from './programs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BALANCER = [
  '--conditions=balancer-source',
  '--import',
  'tsx',
  join(ROOT, 'packages/cli/src/main.ts'),
];
/** Longest wait for a process to say something. */
const SAYS_MS = 60_000;

/** What a client found. */
export interface Counted {
  readonly failed: number;
  /** Answers by server. */
  readonly servers: Readonly<Record<string, number>>;
  /** Which clients the servers saw. */
  readonly clients: Readonly<Record<string, number>>;
  /** Why the first request failed; empty when none did. */
  readonly reason: string;
}

/** What a command printed. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What comes in over a connection that stays open. */
export interface Stream {
  /** Resolves when something that matches has come. */
  readonly says: (pattern: RegExp) => Promise<void>;
  /** Resolves when the other end ends it. */
  readonly ended: Promise<void>;
}

export class Lab {
  readonly network: Network;
  /** Counted from 1. */
  readonly number: number;
  /** Files of this lab: configuration, socket, pinned maps. */
  readonly folder: string = mkdtempSync(join(tmpdir(), 'balancer-l4-'));
  readonly socket: string = join(this.folder, 'l4.sock');
  readonly #bpf: string = join(this.folder, 'bpf');
  readonly #processes = new Set<ChildProcess>();
  readonly #news = new EventEmitter();
  #log = '';
  /** How much of the log `saysInLog` has used up. */
  #readLog = 0;

  /**
   * @param given - A network with several balancers, and which of them this one is; close the lab of the
   *   first one last.
   */
  constructor(given: { readonly network?: Network; readonly number?: number } = {}) {
    const { network = new Network(), number = 1 } = given;
    this.network = network;
    this.number = number;
    mountBpfFilesystem(this.#bpf);
  }

  /** The machine of this lab's balancer. */
  get machine(): NetworkNamespace {
    return this.network.balancers[this.number - 1]!;
  }

  get pinPath(): string {
    return join(this.#bpf, 'balancer');
  }

  /** Starts the three servers; resolves when they answer. */
  async startServers(ports: readonly number[] = [8080]): Promise<void> {
    const starting = this.network.servers.map(async (namespace, index) => {
      const server = this.start(namespace, [
        '-e',
        SERVER,
        `server-${index + 1}`,
        ...ports.map(String),
      ]);
      await once(server.stdout!, 'data', { signal: AbortSignal.timeout(SAYS_MS) });
      return server;
    });
    this.serverProcesses = await Promise.all(starting);
  }

  /** The servers' processes, in their order. */
  serverProcesses: readonly ChildProcess[] = [];

  /** `[l4]` for this lab, to begin a configuration file with. */
  settings(hook: 'auto' | 'xdp' | 'xdp-generic' | 'tc' = 'auto'): string {
    return `[l4]
hook = "${hook}"
interfaces = ["eth0"]
pin_path = "${this.pinPath}"
admin_socket = "${this.socket}"
tunnel_source = ["${balancerAddress(this.number, 4)}", "${balancerAddress(this.number, 6)}"]
conntrack = { max_entries = 65536 }
limits = { max_services = 64, max_backends = 256, max_local_addresses = 64 }
`;
  }

  /** `[backends.<name>]` with the servers of these numbers. */
  backend(
    name: string,
    family: Family,
    port: number,
    numbers: readonly number[] = [1, 2, 3],
  ): string {
    const servers = numbers.map((number) => {
      const address = serverAddress(number, family);
      const endpoint = family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
      return `servers.s${number} = { addr = "${endpoint}" }\n`;
    });
    return `[backends.${name}]\nhealth_check_interval = "200ms"\nhealth = { fast_interval = "100ms", timeout = "1s", fall = 2, rise = 1 }\n${servers.join('')}`;
  }

  /** Writes the configuration file. @returns Its path. */
  configure(toml: string): string {
    const file = join(this.folder, 'balancer.toml');
    writeFileSync(file, toml);
    return file;
  }

  /** Starts `balancer run` on the configuration file; resolves when it forwards. */
  async startBalancer(): Promise<ChildProcess> {
    const file = join(this.folder, 'balancer.toml');
    const child = this.start(this.machine, [...BALANCER, 'run', file]);
    // Its own: those before it may still have words on their way.
    let said = '';
    child.stderr!.on('data', (chunk) => {
      said += String(chunk);
      this.note(String(chunk));
    });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`balancer ended with ${code}:\n${said}`);
    });
    await Promise.race([this.#find(/"msg":"ready"/, () => said), ended]);
    ended.catch(() => {});
    return child;
  }

  /** Adds something to the log. */
  note(text: string): void {
    this.#log += text;
    this.#news.emit('news');
  }

  /**
   * Lets the running balancer hand over to a new process of the same program.
   *
   * @returns The number of the new process, which is no child of this one. It ends with the lab.
   */
  async handOver(): Promise<number> {
    const before = await this.managingProcess();
    const from = this.#log.length;
    process.kill(before, 'SIGUSR2');
    await this.#find(/"msg":"stopped"/, () => this.#log.slice(from));
    const pid = await this.managingProcess();
    if (pid === before) throw new Error(`there is no new process:\n${this.#log}`);
    return pid;
  }

  /** Ends the running balancer, whoever started it; resolves when it is gone. */
  async endBalancer(signal: NodeJS.Signals): Promise<void> {
    await endProcess(await this.managingProcess(), signal);
  }

  /** Number of the process that manages the plane. */
  async managingProcess(): Promise<number> {
    const { process: manager } = await this.document();
    return manager.pid;
  }

  /** What the running balancer says of its packet plane. */
  async document(): Promise<PlaneDocument> {
    const { body } = await this.call('GET', '/l4/stats');
    // The admin listener's document.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return body as PlaneDocument;
  }

  /** Calls the admin API of the packet plane. */
  async call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body?: unknown }> {
    const headers = { 'content-type': 'application/json' };
    // A connection that is kept may be closed by the other end in the moment in which it is used again.
    const calling = request({ socketPath: this.socket, method, path, headers, agent: false });
    calling.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(calling, 'response')) as [IncomingMessage];
    const content = await text(response);
    const status = response.statusCode ?? 0;
    return content === '' ? { status } : { status, body: JSON.parse(content) as unknown };
  }

  /** Follows a stream of the admin API. */
  async listen(path: string): Promise<Stream> {
    const calling = request({ socketPath: this.socket, path, agent: false });
    calling.end();
    const [response] = (await once(calling, 'response')) as [IncomingMessage];
    let said = '';
    response.on('data', (chunk) => (said += String(chunk))).on('error', () => {});
    return {
      ended: new Promise((resolve) => response.on('close', resolve)),
      says: async (pattern) => {
        const deadline = AbortSignal.timeout(SAYS_MS);
        while (!pattern.test(said)) {
          // oxlint-disable-next-line no-await-in-loop -- what is said comes in pieces
          await once(response, 'data', { signal: deadline }).catch(() => {
            throw new Error(`nothing matches ${pattern.source} in\n${said}`);
          });
        }
      },
    };
  }

  /** What all balancers logged so far. */
  get log(): string {
    return this.#log;
  }

  /** Runs `balancer` with these arguments beside the running one. */
  async command(...args: readonly string[]): Promise<Printed> {
    return this.runIn(this.machine, [...BALANCER, ...args]);
  }

  /** Runs `balancer` with these arguments on another machine of the network. */
  async commandIn(namespace: NetworkNamespace, ...args: readonly string[]): Promise<Printed> {
    return this.runIn(namespace, [...BALANCER, ...args]);
  }

  /** Waits until a balancer logs something new that matches. */
  async saysInLog(pattern: RegExp): Promise<void> {
    this.#readLog += await this.#find(pattern, () => this.#log.slice(this.#readLog));
  }

  /** Waits for a match in a part of the log. @returns Where it ends in that. */
  async #find(pattern: RegExp, part: () => string): Promise<number> {
    const deadline = AbortSignal.timeout(SAYS_MS);
    for (;;) {
      const match = pattern.exec(part());
      if (match) return match.index + match[0].length;
      // oxlint-disable-next-line no-await-in-loop -- the log comes in pieces
      await once(this.#news, 'news', { signal: deadline }).catch(() => {
        throw new Error(`nothing matches ${pattern.source} in\n${part()}`);
      });
    }
  }

  /** Interfaces, addresses, neighbours that stay, programs and pins of the balancer's machine. */
  hostState(): string {
    const commands = [
      ['ip', '-o', 'addr', 'show'],
      ['ip', '-d', '-o', 'link', 'show', 'dev', 'eth0'],
      ['ip', 'neigh', 'show', 'nud', 'permanent'],
      ['tc', 'qdisc', 'show'],
      ['find', this.#bpf, '-mindepth', '1'],
    ];
    return this.machine.run(() =>
      commands
        .map(([command, ...args]) => String(spawnSync(command!, args).stdout))
        .join('')
        .replaceAll(/ tentative|valid_lft \S+|preferred_lft \S+/g, ''),
    );
  }

  /** Runs `balancer ipvsadm`. @param input - For `--restore`. */
  async ipvsadm(args: readonly string[], input: string = ''): Promise<Printed> {
    return this.runIn(
      this.machine,
      [...BALANCER, 'ipvsadm', '--socket', this.socket, ...args],
      input,
    );
  }

  /** Runs Node with these arguments in a namespace until it ends. */
  async runIn(
    namespace: NetworkNamespace,
    args: readonly string[],
    input: string = '',
  ): Promise<Printed> {
    const child = this.start(namespace, args);
    child.stdin!.on('error', () => {});
    child.stdin!.end(input);
    return printedBy(child);
  }

  /**
   * Runs a program in a namespace until it ends.
   *
   * @returns What it printed.
   * @throws {Error} when it fails, with what it complained of.
   */
  async program(
    namespace: NetworkNamespace,
    command: string,
    ...args: readonly string[]
  ): Promise<string> {
    const { code, stdout, stderr } = await printedBy(this.startProgram(namespace, command, args));
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** Requests from the client, one after the other. */
  async request(options: {
    readonly count: number;
    readonly family?: Family;
    readonly protocol?: 'tcp' | 'udp';
    readonly port?: number;
    /** Also moves so many bytes up and down. */
    readonly bytes?: number;
  }): Promise<Counted> {
    const { count, family = 4, protocol = 'tcp', port = 80, bytes = 0 } = options;
    const host = ADDRESSES.service[family];
    const args = ['-e', CLIENT, protocol, host, `${port}`, `${count}`, `${bytes}`];
    const { stdout, stderr } = await this.runIn(this.network.client, args);
    if (stdout === '') throw new Error(`the client failed: ${stderr}`);
    return JSON.parse(stdout) as Counted;
  }

  /** Ends everything that was started and removes what was made. */
  async close(): Promise<void> {
    const ending = [...this.#processes].map(async (child) => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    });
    await Promise.all(ending);
    // What balancers started to take their place, and daemons to run commands.
    await endProcessesOf(this.folder);
    this.machine.run(() => unload(this.pinPath));
    if (this.number === 1) this.network.close();
    if (isBpfFilesystem(this.#bpf)) unmountBpfFilesystem(this.#bpf);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Starts Node with these arguments in a namespace; it ends with the lab. */
  start(namespace: NetworkNamespace, args: readonly string[]): ChildProcess {
    return this.startProgram(namespace, process.execPath, args);
  }

  /** Starts a program in a namespace; it ends with the lab. */
  startProgram(
    namespace: NetworkNamespace,
    command: string,
    args: readonly string[],
  ): ChildProcess {
    const child = namespace.run(() =>
      spawn(command, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] }),
    );
    this.#processes.add(child);
    child.on('exit', () => this.#processes.delete(child));
    return child;
  }
}

/** What a process prints until it ends. */
async function printedBy(child: ChildProcess): Promise<Printed> {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

/** Ends a process, which need be no child of this one. */
async function endProcess(pid: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
  // oxlint-disable-next-line no-await-in-loop -- processes of others tell nobody that they end
  while (isRunning(pid)) await setTimeout(10);
}

/** Not one either that has ended with all its threads, and that nobody has asked for its code yet. */
function isRunning(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return !/^State:\s+Z/m.test(status) || !/^Threads:\s+[01]$/m.test(status);
  } catch {
    return false;
  }
}

/** Ends all processes that were given a file of a folder, whoever started them. */
export async function endProcessesOf(folder: string): Promise<void> {
  const given = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && wasGiven(pid, folder));
  await Promise.all(given.map((pid) => endProcess(pid)));
}

function wasGiven(pid: number, folder: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`);
  } catch {
    // It has ended since it was listed.
    return false;
  }
}

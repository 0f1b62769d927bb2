/**
 * The programs on the interfaces. Links are pinned: they hold when the process is gone, and the next
 * one finds them and puts its own program in place without a gap.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  attachTc,
  attachXdp,
  deleteBpfFilter,
  findXdp,
  Link,
  type LinkDescription,
  listBpfFilters,
  listLinks,
  type Program,
  RouteSocket,
  SyscallError,
  TcNetlinkAttachment,
} from '@balancer/ebpf';
import { PlaneError } from './errors.ts';
import type { Hook } from './hook-choice.ts';
import type { PlaneObjects } from './objects.ts';

/** One interface and the hook it is on. */
export interface AttachedInterface {
  readonly name: string;
  readonly ifindex: number;
  readonly hook: Hook;
}

/** Programs by the part of a pin's name that says what it is. */
type Part = 'xdp' | 'tc' | 'neigh';
/** Directory of the pinned links, beside the maps. */
export const LINKS = 'links';

/**
 * Never takes the place of a program that is not ours.
 *
 * @throws {PlaneError} naming the interface and the program.
 */
export function refuseForeignXdp(links: readonly LinkDescription[], pinPath: string): void {
  for (const { name, ifindex, xdpProgramId } of links) {
    if (xdpProgramId === 0) continue;
    const path = join(pinPath, LINKS, pinName('xdp', ifindex));
    if (existsSync(path)) {
      using link = Link.openPinned(path);
      if (link.info().programId === xdpProgramId) continue;
    }
    const occupant = findXdp(ifindex);
    throw new PlaneError(
      `interface ${name} runs the XDP program "${occupant?.name}" (id ${xdpProgramId}); detach it first: ip link set dev ${name} xdp off`,
    );
  }
}

export class Attachments {
  readonly #directory: string;
  readonly #by: 'auto' | 'netlink';
  readonly #links = new Map<string, Link>();
  /** Filters of kernels without links for tc; they hold by themselves. */
  readonly #filters = new Map<string, TcNetlinkAttachment>();
  #interfaces: readonly AttachedInterface[] = [];

  /** @param options.by - `netlink` attaches tc programs as filters of `clsact` even where links exist. */
  constructor(pinPath: string, { by = 'auto' }: { readonly by?: 'auto' | 'netlink' } = {}) {
    this.#directory = join(pinPath, LINKS);
    this.#by = by;
    mkdirSync(this.#directory, { recursive: true });
  }

  get interfaces(): readonly AttachedInterface[] {
    return this.#interfaces;
  }

  /**
   * Puts the programs on exactly these interfaces. Those that were there stay without a gap.
   *
   * @throws {PlaneError} where a foreign XDP program is; nothing new is left attached.
   */
  attach(objects: PlaneObjects, links: readonly LinkDescription[], hook: Hook): void {
    const wanted = links.flatMap((link) => partsOf(hook).map((part) => ({ part, link })));
    const fresh: string[] = [];
    try {
      for (const { part, link } of wanted) {
        const name = pinName(part, link.ifindex);
        if (this.#attachOne({ part, link, name }, objects, hook)) fresh.push(name);
      }
    } catch (error) {
      for (const name of fresh) this.#detach(name);
      throw error;
    }
    const keep = new Set(wanted.map(({ part, link }) => pinName(part, link.ifindex)));
    for (const name of this.#known()) if (!keep.has(name)) this.#detach(name);
    this.#interfaces = links.map(({ name, ifindex }) => ({ name, ifindex, hook }));
  }

  /**
   * Looks whether everything is still attached, and mends it.
   *
   * @returns What was wrong, for people.
   */
  mend(objects: PlaneObjects): string[] {
    const [first] = this.#interfaces;
    if (first === undefined) return [];
    const findings: string[] = [];
    const socket = RouteSocket.open();
    try {
      const links = listLinks(socket);
      const present: LinkDescription[] = [];
      for (const { name, ifindex } of this.#interfaces) {
        const link = links.find((each) => each.name === name);
        if (link && link.ifindex !== ifindex) findings.push(`interface ${name} was made anew`);
        if (link) present.push(link);
      }
      for (const [name, link] of this.#links) {
        const { programId } = link.info();
        const program = programOf(partOf(name), objects);
        if (programId === program.info().id) continue;
        findings.push(`program ${programId} had replaced ${program.name} (${name})`);
      }
      const isComplete = this.#interfaces.every(({ ifindex }) =>
        partsOf(first.hook).every((part) => this.#isAttached(pinName(part, ifindex), ifindex)),
      );
      if (findings.length > 0 || (!isComplete && present.length === this.#interfaces.length)) {
        if (findings.length === 0) findings.push('a program had been detached');
        const names = this.#interfaces;
        this.attach(objects, present, first.hook);
        // An interface that is gone for now is waited for.
        this.#interfaces = names.map(
          (each) => this.#interfaces.find(({ name }) => name === each.name) ?? each,
        );
      }
    } finally {
      socket.close();
    }
    return findings;
  }

  /** Lets go of everything; the programs stay attached. */
  close(): void {
    for (const link of this.#links.values()) link.close();
    for (const filter of this.#filters.values()) filter.release();
    this.#links.clear();
    this.#filters.clear();
  }

  /** Detaches everything, whatever process attached it. */
  detachAll(): void {
    for (const name of this.#known()) this.#detach(name);
    this.#interfaces = [];
  }

  /** @returns Whether it is attached anew. */
  #attachOne(
    {
      part,
      link,
      name,
    }: { readonly part: Part; readonly link: LinkDescription; readonly name: string },
    objects: PlaneObjects,
    hook: Hook,
  ): boolean {
    const program = programOf(part, objects);
    const filter = this.#filters.get(name);
    if (filter) {
      filter.update(program);
      return false;
    }
    const present = this.#open(name, link.ifindex);
    if (present) {
      replace(present, program);
      return false;
    }
    const { ifindex } = link;
    if (part === 'xdp') {
      const mode = hook === 'xdp' ? 'native' : 'generic';
      this.#pin(name, attachXdpLink({ program, ifindex, mode, name: link.name }));
      return true;
    }
    const priority = part === 'tc' ? 1 : 2;
    const made = attachTc({
      program,
      ifindex,
      direction: 'ingress',
      place: 'first',
      by: this.#by,
      priority,
    });
    if (made instanceof Link) this.#pin(name, made);
    else this.#filters.set(name, made);
    return true;
  }

  #isAttached(name: string, ifindex: number): boolean {
    return this.#filters.has(name) || this.#links.get(name)?.info().ifindex === ifindex;
  }

  /** The link of this name, if it still holds an interface. */
  #open(name: string, ifindex: number): Link | undefined {
    const path = join(this.#directory, name);
    let link = this.#links.get(name);
    if (!link && existsSync(path)) {
      link = Link.openPinned(path);
      this.#links.set(name, link);
    }
    if (link?.info().ifindex === ifindex) return link;
    if (link) this.#detach(name);
    return undefined;
  }

  #pin(name: string, link: Link): void {
    this.#links.set(name, link);
    link.pin(join(this.#directory, name));
  }

  #detach(name: string): void {
    const path = join(this.#directory, name);
    const link = this.#links.get(name) ?? (existsSync(path) ? Link.openPinned(path) : undefined);
    rmSync(path, { force: true });
    link?.close();
    this.#links.delete(name);
    this.#filters.get(name)?.close();
    this.#filters.delete(name);
  }

  #known(): Set<string> {
    const pinned = existsSync(this.#directory) ? readdirSync(this.#directory) : [];
    return new Set([...this.#links.keys(), ...this.#filters.keys(), ...pinned]);
  }
}

/** Removes tc filters of ours that have no link, by their programs' names. */
export function removeFilters(socket: RouteSocket, ifindex: number): void {
  for (const { handle, priority, name } of listBpfFilters(socket, ifindex, 'ingress')) {
    if (name !== 'lb_ingress' && name !== 'lb_neigh') continue;
    deleteBpfFilter(socket, { ifindex, direction: 'ingress', handle, priority });
  }
}

/** Another process may have replaced the program; then this one insists once. */
function replace(link: Link, program: Program): void {
  try {
    link.update(program);
  } catch (error) {
    if (!(error instanceof SyscallError) || error.errnoName !== 'EPERM') throw error;
    link.update(program);
  }
}

function attachXdpLink(options: {
  readonly program: Program;
  readonly ifindex: number;
  readonly mode: 'native' | 'generic';
  readonly name: string;
}): Link {
  try {
    const link = attachXdp({ ...options, by: 'link' });
    if (link instanceof Link) return link;
    throw new Error('an attachment by link is none');
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new PlaneError(`interface ${options.name}: ${error.message}`, { cause: error });
  }
}

function partsOf(hook: Hook): readonly Part[] {
  return hook === 'tc' ? ['tc'] : ['neigh', 'xdp'];
}

function programOf(part: Part, { tc, xdp }: PlaneObjects): Program {
  if (part === 'tc') return tc.program('lb_ingress');
  if (part === 'neigh') return tc.program('lb_neigh');
  if (xdp === undefined) throw new Error('the XDP programs are not loaded');
  return xdp.program('lb_ingress');
}

function pinName(part: Part, ifindex: number): string {
  return `${part}-${ifindex}`;
}

function partOf(name: string): Part {
  const part = name.split('-')[0];
  return part === 'xdp' || part === 'tc' ? part : 'neigh';
}

/**
 * The load board of a gateway that is one process.
 *
 * @module
 */
import { type Clock, systemClock } from '@balancer/kit';
import {
  type Amounts,
  type Board,
  type BoardView,
  differenceOf,
  NO_AMOUNTS,
  type Reservation,
  sumOf,
} from './board.ts';

interface Entry {
  /** Null: the server has no load. */
  base: Amounts | null;
  /** Added in windows that the last poll did not settle, other than the newest. */
  before: Amounts;
  /** Added in the newest window. */
  after: Amounts;
  window: number;
  settledWindow: number;
}

export class MemoryBoard implements Board {
  readonly isDegraded: boolean = false;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #lists = new Map<string, { readonly xml: string; readonly atMs: number }>();
  /** Users of tenants: by the last round of polls with the joins before this one, and joins since. */
  #tenantUsers = new Map<string, number>();
  #tenantJoins = new Map<string, number>();
  #version = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async view(serverIds: readonly string[]): Promise<BoardView> {
    const entries = new Map<string, Amounts>();
    for (const id of serverIds) {
      const entry = this.#entries.get(id);
      if (!entry?.base) continue;
      entries.set(id, sumOf(sumOf(entry.base, entry.before), entry.after));
    }
    return { version: this.#version, entries };
  }

  async seed(serverId: string, amounts: Amounts, version: number): Promise<void> {
    const entry = this.#entry(serverId);
    // Not a new version: several are seeded on one view, and nobody could have chosen without them.
    if (version === this.#version) entry.base ??= amounts;
  }

  async reserve(serverId: string, amounts: Amounts, version: number): Promise<Reservation | null> {
    const entry = this.#entry(serverId);
    if (version !== this.#version || entry.base === null) return null;
    entry.after = sumOf(entry.after, amounts);
    this.#version++;
    return { serverId, amounts, window: entry.window };
  }

  async undo({ serverId, amounts, window }: Reservation): Promise<void> {
    const entry = this.#entry(serverId);
    if (entry.base === null) return;
    if (window === entry.window) entry.after = differenceOf(entry.after, amounts);
    else if (window >= entry.settledWindow && window < entry.window)
      entry.before = differenceOf(entry.before, amounts);
    this.#version++;
  }

  async add(serverId: string, amounts: Amounts): Promise<void> {
    const entry = this.#entries.get(serverId);
    if (entry?.base) entry.after = sumOf(entry.after, amounts);
  }

  async openWindow(serverId: string): Promise<number> {
    const entry = this.#entry(serverId);
    entry.before = sumOf(entry.before, entry.after);
    entry.after = NO_AMOUNTS;
    return ++entry.window;
  }

  async settle(serverId: string, amounts: Amounts, window: number): Promise<void> {
    const entry = this.#entry(serverId);
    if (window < entry.settledWindow) return;
    entry.base = amounts;
    // A window opened since holds what this result cannot know; then nothing older is dropped.
    if (window === entry.window) entry.before = NO_AMOUNTS;
    entry.settledWindow = window;
    this.#version++;
  }

  async clear(serverId: string): Promise<void> {
    const entry = this.#entry(serverId);
    entry.base = null;
    entry.before = NO_AMOUNTS;
    entry.after = NO_AMOUNTS;
    entry.settledWindow = ++entry.window;
    this.#lists.delete(serverId);
    this.#version++;
  }

  async keepMeetings(serverId: string, xml: string): Promise<void> {
    this.#lists.set(serverId, { xml, atMs: this.#clock.nowMs() });
  }

  async keptMeetings(serverId: string, maxAgeMs: number): Promise<string | null> {
    const list = this.#lists.get(serverId);
    return list !== undefined && this.#clock.nowMs() - list.atMs < maxAgeMs ? list.xml : null;
  }

  async openTenantWindow(): Promise<void> {
    for (const [tenantId, count] of this.#tenantJoins) addTo(this.#tenantUsers, tenantId, count);
    this.#tenantJoins.clear();
  }

  async settleTenantUsers(users: ReadonlyMap<string, number>): Promise<void> {
    this.#tenantUsers = new Map(users);
  }

  async addTenantUsers(tenantId: string, count: number): Promise<void> {
    addTo(this.#tenantJoins, tenantId, count);
  }

  async tenantUsers(tenantId: string): Promise<number> {
    return (this.#tenantUsers.get(tenantId) ?? 0) + (this.#tenantJoins.get(tenantId) ?? 0);
  }

  async close(): Promise<void> {}

  #entry(serverId: string): Entry {
    const present = this.#entries.get(serverId);
    if (present !== undefined) return present;
    const entry = {
      base: null,
      before: NO_AMOUNTS,
      after: NO_AMOUNTS,
      window: 1,
      settledWindow: 0,
    };
    this.#entries.set(serverId, entry);
    return entry;
  }
}

function addTo(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

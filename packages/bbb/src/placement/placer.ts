/**
 * Chooses a server for a new meeting and counts the meeting there, as one step for all processes: a
 * choice is made on a view of the board and counts only if the board is still the same.
 *
 * @module
 */
import { Turns } from '@balancer/kit';
import { Balancer, type NodeLike, policies } from '@balancer/select';
import type { Directory } from '../directory.ts';
import type { Amounts, Board, BoardView, Reservation } from '../store/board.ts';
import type { ServerRow } from '../store/servers.ts';
import type { Store } from '../store/store.ts';
import { createIncrement, type LoadSettings } from './load.ts';
import type { TagWish } from './tag.ts';

export interface PlacerParts {
  readonly directory: Directory;
  readonly board: Board;
  readonly store: Store;
  readonly settings: () => LoadSettings;
}

export interface PlaceRequest {
  readonly wish: TagWish | null;
  /** Servers that were tried already. */
  readonly excluded: ReadonlySet<string>;
  /** What the meeting adds, before the server's multiplier. */
  readonly increment: number;
}

export type Placement =
  | { readonly kind: 'placed'; readonly server: ServerRow; readonly reservation: Reservation }
  | {
      readonly kind: 'refused';
      readonly reason: 'maxConcurrent' | 'serverTagUnavailable' | 'internalError';
    };

/** Other processes may win that often in a row before this one gives up. */
const TRIES_MAX = 100;

const LEAST_LOAD = policies.leastConnection({ tieBreak: 'first' });

export class Placer {
  readonly #directory: Directory;
  readonly #board: Board;
  readonly #store: Store;
  readonly #settings: () => LoadSettings;
  readonly #turns = new Turns();

  constructor(parts: PlacerParts) {
    this.#directory = parts.directory;
    this.#board = parts.board;
    this.#store = parts.store;
    this.#settings = parts.settings;
  }

  /** One after the other within this process: only other processes can make a choice void. */
  async place(request: PlaceRequest): Promise<Placement> {
    return this.#turns.take('place', async () => this.#place(request));
  }

  /** The board's view of servers, with entries that it has lost made anew from the store. */
  async view(servers: readonly ServerRow[]): Promise<BoardView> {
    const ids = servers.map(({ id }) => id);
    let view = await this.#board.view(ids);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const { entries, version } = view;
      const lost = servers.filter(({ id, load }) => load !== null && !entries.has(id));
      if (lost.length === 0) break;
      await Promise.all(lost.map(({ id }) => this.#seed(id, version)));
      view = await this.#board.view(ids);
      // On a board that changed meanwhile nothing was seeded.
      if (view.version === version) break;
    }
    return view;
  }

  async #place(request: PlaceRequest): Promise<Placement> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const servers = [...(await this.#directory.servers()).values()].filter(
        ({ id, state, is_online: isOnline }) =>
          state === 'enabled' && isOnline === 1 && !request.excluded.has(id),
      );
      const view = await this.view(servers);
      const choice = choose(servers, view.entries, request.wish);
      if (typeof choice === 'string') return { kind: 'refused', reason: choice };
      const amounts = {
        load: request.increment * choice.multiplier,
        meetings: 1,
        users: 0,
      };
      const reservation = await this.#board.reserve(choice.id, amounts, view.version);
      if (reservation !== null) return { kind: 'placed', server: choice, reservation };
    }
    return { kind: 'refused', reason: 'internalError' };
  }

  /**
   * What SQL knows now: the last poll, and the meetings made since. Whoever takes a load away does so
   * first in SQL and then on the board, so that either this finds none, or the board has a new version.
   */
  async #seed(serverId: string, version: number): Promise<void> {
    const server = await this.#store.servers.find(serverId);
    if (server === undefined || server.load === null) return;
    const made = await this.#store.meetings.countSince(server.id, server.polled_at_ms);
    const increment = createIncrement(this.#settings(), { sizeHint: 0, maxUsers: 0 });
    const amounts = {
      load: server.load + made * increment * server.multiplier,
      meetings: server.meetings + made,
      users: server.users,
    };
    await this.#board.seed(server.id, amounts, version);
  }
}

type Entries = ReadonlyMap<string, Amounts>;
type RefusalReason = Extract<Placement, { kind: 'refused' }>['reason'];

/** The least loaded server that a wish allows, or why there is none. */
export function choose(
  servers: readonly ServerRow[],
  entries: Entries,
  wish: TagWish | null,
): ServerRow | RefusalReason {
  const untagged = servers.filter(({ tag }) => tag === '');
  const wished = wish === null ? untagged : servers.filter(({ tag }) => wish.tags.has(tag));
  const groups = wish === null || wish.isRequired ? [wished] : [wished, untagged];
  for (const group of groups) {
    const server = leastLoaded(
      group.filter((candidate) => hasRoom(candidate, entries)),
      entries,
    );
    if (server !== null) return server;
  }
  if (groups.flat().some((server) => entries.has(server.id) && !hasRoom(server, entries))) {
    return 'maxConcurrent';
  }
  return wish?.isRequired ? 'serverTagUnavailable' : 'internalError';
}

function hasRoom(server: ServerRow, entries: Entries): boolean {
  const entry = entries.get(server.id);
  if (entry === undefined) return false;
  const { max_meetings: maxMeetings, max_users: maxUsers } = server;
  return (
    (maxMeetings === 0 || entry.meetings < maxMeetings) &&
    (maxUsers === 0 || entry.users < maxUsers)
  );
}

/** Of equal loads the first id in byte order, which is the order of the servers. */
function leastLoaded(servers: readonly ServerRow[], entries: Entries): ServerRow | null {
  if (servers.length === 0) return null;
  const nodes = servers.map((server) => new LoadedNode(server.id, entries.get(server.id)!.load));
  const id = new Balancer({ policy: LEAST_LOAD, nodes }).next()?.id;
  return servers.find((server) => server.id === id) ?? null;
}

/** A server as `select` sees it, for the length of one choice. */
class LoadedNode implements NodeLike {
  readonly id: string;
  readonly #load: number;

  constructor(id: string, load: number) {
    this.id = id;
    this.#load = load;
  }

  isHealthy(): boolean {
    return true;
  }

  load(): number {
    return this.#load;
  }

  totalRequests(): number {
    return 0;
  }

  averageResponseTime(): number {
    return 0;
  }
}

/**
 * The load board: the part of the gateway's memory that changes with every create and join and may
 * be lost at any time. An entry is what the last poll computed plus what was added since.
 *
 * Additions fall into windows. A poll opens a new window before it asks the server (`openWindow`);
 * its result replaces what older windows hold and keeps what came after (`settle`). So an answer that
 * cannot know a meeting yet does not make the server look empty, and a placement undone late takes
 * back only what still counts.
 *
 * @module
 */

/** What is counted per server. Loads are decimal numbers, the others integers. */
export interface Amounts {
  readonly load: number;
  readonly meetings: number;
  readonly users: number;
}

export const NO_AMOUNTS: Amounts = { load: 0, meetings: 0, users: 0 };

/** A placement that can be taken back. */
export interface Reservation {
  readonly serverId: string;
  readonly amounts: Amounts;
  readonly window: number;
}

/** The board as one process saw it at one moment. */
export interface BoardView {
  /** Changes whenever a placement, a poll or an outage changed an entry; joins do not count. */
  readonly version: number;
  /** Only servers that have a load. */
  readonly entries: ReadonlyMap<string, Amounts>;
}

export interface Board {
  /** True while the board is not shared with the other processes although it should be. */
  readonly isDegraded: boolean;

  view(serverIds: readonly string[]): Promise<BoardView>;

  /**
   * Makes an entry that is missing; one that is there stays. Has no effect if the board is not the one
   * any more on which it was seen to be missing: whoever took the entry away may have done so since.
   */
  seed(serverId: string, amounts: Amounts, version: number): Promise<void>;

  /** Adds to an entry if the board is still the one that was seen; null if it is not. */
  reserve(serverId: string, amounts: Amounts, version: number): Promise<Reservation | null>;

  /** Takes a reservation back. */
  undo(reservation: Reservation): Promise<void>;

  /** Adds to an entry; without effect on a server that has none. */
  add(serverId: string, amounts: Amounts): Promise<void>;

  /** Opens a window and returns its number. */
  openWindow(serverId: string): Promise<number>;

  /**
   * Replaces everything older than a window. Also makes an entry, but has no effect if a newer window
   * was settled, or the entry cleared, since the window was opened.
   */
  settle(serverId: string, amounts: Amounts, window: number): Promise<void>;

  /** Removes the entry of a server that is offline, disabled or gone. */
  clear(serverId: string): Promise<void>;

  /** Keeps the text of a server's meeting list for `forMs`. */
  keepMeetings(serverId: string, xml: string, forMs: number): Promise<void>;

  /** The kept text if it is younger than `maxAgeMs`. */
  keptMeetings(serverId: string, maxAgeMs: number): Promise<string | null>;

  /** Opens the window of a round of polls: joins from here on are not in its counts. */
  openTenantWindow(): Promise<void>;

  /** Sets the users of every tenant, as a round of polls counted them; joins since it began stay. */
  settleTenantUsers(users: ReadonlyMap<string, number>): Promise<void>;

  /** Adds joins of a tenant. */
  addTenantUsers(tenantId: string, count: number): Promise<void>;

  tenantUsers(tenantId: string): Promise<number>;

  close(): Promise<void>;
}

/** Sum of two amounts. */
export function sumOf(a: Amounts, b: Amounts): Amounts {
  return { load: a.load + b.load, meetings: a.meetings + b.meetings, users: a.users + b.users };
}

/** Difference of two amounts. */
export function differenceOf(a: Amounts, b: Amounts): Amounts {
  return { load: a.load - b.load, meetings: a.meetings - b.meetings, users: a.users - b.users };
}

/**
 * A shared board that keeps working when Redis does not: while it is away this process counts alone,
 * from what SQL knows, and the polls of the next minute put the shared board right again.
 *
 * @module
 */
import type { Amounts, Board, BoardView, Reservation } from './board.ts';
import { MemoryBoard } from './memory-board.ts';
import { BoardUnavailableError } from './errors.ts';

/** How long after a failure the shared board is left alone. */
const RETRY_AFTER_MS = 1000;

export class ResilientBoard implements Board {
  readonly #shared: Board;
  readonly #onChange: (isDegraded: boolean) => void;
  #own: Board = new MemoryBoard();
  #isDegraded = false;
  #retryAtMs = 0;

  /** @param onChange - Told when the shared board went away or came back. */
  constructor(shared: Board, onChange: (isDegraded: boolean) => void = () => {}) {
    this.#shared = shared;
    this.#onChange = onChange;
  }

  get isDegraded(): boolean {
    return this.#isDegraded;
  }

  async view(serverIds: readonly string[]): Promise<BoardView> {
    return this.#either((board) => board.view(serverIds));
  }

  async seed(serverId: string, amounts: Amounts, version: number): Promise<void> {
    await this.#either((board) => board.seed(serverId, amounts, version));
  }

  async reserve(serverId: string, amounts: Amounts, version: number): Promise<Reservation | null> {
    return this.#either((board) => board.reserve(serverId, amounts, version));
  }

  async undo(reservation: Reservation): Promise<void> {
    await this.#either((board) => board.undo(reservation));
  }

  async add(serverId: string, amounts: Amounts): Promise<void> {
    await this.#either((board) => board.add(serverId, amounts));
  }

  async openWindow(serverId: string): Promise<number> {
    return this.#either((board) => board.openWindow(serverId));
  }

  async settle(serverId: string, amounts: Amounts, window: number): Promise<void> {
    await this.#either((board) => board.settle(serverId, amounts, window));
  }

  async clear(serverId: string): Promise<void> {
    await this.#either((board) => board.clear(serverId));
  }

  async keepMeetings(serverId: string, xml: string, forMs: number): Promise<void> {
    await this.#either((board) => board.keepMeetings(serverId, xml, forMs));
  }

  async keptMeetings(serverId: string, maxAgeMs: number): Promise<string | null> {
    return this.#either((board) => board.keptMeetings(serverId, maxAgeMs));
  }

  async openTenantWindow(): Promise<void> {
    await this.#either((board) => board.openTenantWindow());
  }

  async settleTenantUsers(users: ReadonlyMap<string, number>): Promise<void> {
    await this.#either((board) => board.settleTenantUsers(users));
  }

  async addTenantUsers(tenantId: string, count: number): Promise<void> {
    await this.#either((board) => board.addTenantUsers(tenantId, count));
  }

  async tenantUsers(tenantId: string): Promise<number> {
    return this.#either((board) => board.tenantUsers(tenantId));
  }

  async close(): Promise<void> {
    await this.#shared.close();
  }

  async #either<T>(call: (board: Board) => Promise<T>): Promise<T> {
    if (this.#isDegraded && performance.now() < this.#retryAtMs) return call(this.#own);
    try {
      const result = await call(this.#shared);
      this.#become(false);
      return result;
    } catch (error) {
      if (!(error instanceof BoardUnavailableError)) throw error;
      this.#retryAtMs = performance.now() + RETRY_AFTER_MS;
      this.#become(true);
      return call(this.#own);
    }
  }

  #become(isDegraded: boolean): void {
    if (isDegraded === this.#isDegraded) return;
    this.#isDegraded = isDegraded;
    // Each outage starts from what SQL knows then, not from what an earlier one left.
    if (isDegraded) this.#own = new MemoryBoard();
    this.#onChange(isDegraded);
  }
}

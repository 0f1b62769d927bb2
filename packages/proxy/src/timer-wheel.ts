/**
 * Coarse timeouts for many connections on one timer.
 *
 * Deadlines hang in the slots of a wheel that turns one slot per tick. Pushing a deadline back, as
 * every byte that arrives does, writes one small integer; the wheel looks at a deadline again only
 * when its slot comes round, and hangs it further on when it was pushed back meanwhile. A wheel
 * with no deadlines does not tick.
 *
 * Source: G. Varghese and T. Lauck, "Hashed and Hierarchical Timing Wheels", IEEE/ACM Transactions
 * on Networking 5(6), 1997.
 *
 * @module
 */

/** Time between two ticks: how late a timeout may be. */
const TICK_MS = 50;

/** Slots of the wheel; a deadline further away than a turn is looked at once per turn. */
const SLOT_COUNT = 1024;

/** Slot of a deadline that hangs nowhere. */
const UNARMED = -1;

/** Something that expires unless it is pushed back. Owned by one {@link TimerWheel}. */
export class Deadline {
  readonly onExpired: () => void;
  /** Tick at which to expire; the wheel's own business, as are the fields below. */
  dueTick = 0;
  hangsAtTick: number = UNARMED;
  previous: Deadline | undefined;
  next: Deadline | undefined;

  /** @param onExpired - Called once per expiry, with the deadline disarmed; may arm it again. */
  constructor(onExpired: () => void) {
    this.onExpired = onExpired;
  }

  get armed(): boolean {
    return this.hangsAtTick !== UNARMED;
  }
}

/** Calls back every so often until the function that it returned is called. */
type Ticker = (callbacks: {
  /** Learns the time; comes shortly before each turn. */
  readonly lookAtClock: () => void;
  readonly turn: () => void;
  readonly everyMs: number;
}) => () => void;

export class TimerWheel {
  private readonly slots: (Deadline | undefined)[] = Array.from({ length: SLOT_COUNT });
  private readonly clock: () => number;
  private readonly ticker: Ticker;
  private stopTicking: (() => void) | undefined;
  /** What the wheel has turned to. */
  private currentTick = 0;
  /** The present, as of the last look at the clock. */
  private presentTick = 0;
  private armedCount = 0;

  /**
   * @param clock - Milliseconds that only grow.
   * @param ticker - Calls back regularly until the function it returned is called.
   */
  constructor(clock: () => number = () => performance.now(), ticker: Ticker = everyInterval) {
    this.clock = clock;
    this.ticker = ticker;
    this.catchUpWithClock();
    this.currentTick = this.presentTick;
  }

  /** Deadlines that are armed. */
  get size(): number {
    return this.armedCount;
  }

  /** Sets or moves a deadline; `timeoutMs` of 0 or less disarms it. Allocates nothing. */
  arm(deadline: Deadline, timeoutMs: number): void {
    if (timeoutMs <= 0) {
      this.disarm(deadline);
      return;
    }
    if (this.armedCount === 0) this.start();
    deadline.dueTick = this.presentTick + ticksFor(timeoutMs);
    // A deadline that hangs earlier than it is due is found and moved on when its slot comes up.
    if (deadline.armed && deadline.hangsAtTick <= deadline.dueTick) return;
    this.unhang(deadline);
    this.hang(deadline);
  }

  disarm(deadline: Deadline): void {
    this.unhang(deadline);
    if (this.armedCount === 0) this.stop();
  }

  private start(): void {
    this.catchUpWithClock();
    this.currentTick = this.presentTick;
    this.stopTicking ??= this.ticker({
      lookAtClock: () => this.catchUpWithClock(),
      turn: () => this.advance(),
      everyMs: TICK_MS,
    });
  }

  private stop(): void {
    this.stopTicking?.();
    this.stopTicking = undefined;
  }

  /** Turns the wheel to the present, however many ticks a busy event loop swallowed. */
  private advance(): void {
    while (this.currentTick < this.presentTick && this.armedCount > 0) {
      this.currentTick++;
      this.visit(this.currentTick % SLOT_COUNT);
    }
    this.currentTick = this.presentTick;
    if (this.armedCount === 0) this.stop();
  }

  private visit(slot: number): void {
    // Whatever expires or is hung on leaves this slot and cannot come back to it in this turn.
    for (let deadline = this.slots[slot]; deadline; deadline = this.slots[slot]) {
      this.unhang(deadline);
      if (deadline.dueTick > this.currentTick) this.hang(deadline);
      else deadline.onExpired();
    }
  }

  private hang(deadline: Deadline): void {
    deadline.hangsAtTick = Math.min(deadline.dueTick, this.currentTick + SLOT_COUNT - 1);
    const slot = deadline.hangsAtTick % SLOT_COUNT;
    const head = this.slots[slot];
    deadline.next = head;
    if (head) head.previous = deadline;
    this.slots[slot] = deadline;
    this.armedCount++;
  }

  private unhang(deadline: Deadline): void {
    if (!deadline.armed) return;
    const { previous, next } = deadline;
    if (previous) previous.next = next;
    else this.slots[deadline.hangsAtTick % SLOT_COUNT] = next;
    if (next) next.previous = previous;
    deadline.previous = undefined;
    deadline.next = undefined;
    deadline.hangsAtTick = UNARMED;
    this.armedCount--;
  }

  private catchUpWithClock(): void {
    this.presentTick = Math.floor(this.clock() / TICK_MS);
  }
}

/** Ticks after which at least `timeoutMs` have passed, wherever in a tick the wait began. */
function ticksFor(timeoutMs: number): number {
  return Math.ceil(timeoutMs / TICK_MS) + 1;
}

/**
 * After a pause of the whole process (no CPU, a suspended machine) timers are due before what came in
 * meanwhile was read. Whoever spoke in time must not expire, so one round of I/O goes before the turn;
 * and what that round arms counts from the present.
 */
function everyInterval({ lookAtClock, turn, everyMs }: Parameters<Ticker>[0]): () => void {
  const timer = setInterval(() => {
    lookAtClock();
    setImmediate(turn);
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

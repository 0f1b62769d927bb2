/**
 * How many retries are allowed: a floor per second plus a share of recent calls, so that retries
 * help with single failures and cannot multiply the load when everything fails.
 *
 * Source: Finagle, "Retry budgets"; B. Beyer et al. (eds.), "Site Reliability Engineering",
 * O'Reilly 2016, chapter 21.
 *
 * @module
 */
const WINDOW_SECONDS = 10;
const RETRIES_PER_SECOND = 10;
const RETRIES_PER_CALL = 0.2;

/** Counts calls and retries over the last ten seconds, one bucket per second. */
export class RetryBudget {
  readonly #calls = new Float64Array(WINDOW_SECONDS);
  readonly #retries = new Float64Array(WINDOW_SECONDS);
  #second = 0;

  noteCall(nowMs: number): void {
    this.#calls[this.#bucket(nowMs)]!++;
  }

  /** Takes one retry out of the budget; false when there is none left. */
  tryRetry(nowMs: number): boolean {
    const bucket = this.#bucket(nowMs);
    const allowed = RETRIES_PER_SECOND * WINDOW_SECONDS + RETRIES_PER_CALL * sum(this.#calls);
    if (sum(this.#retries) + 1 > allowed) return false;
    this.#retries[bucket]!++;
    return true;
  }

  #bucket(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    const passed = Math.min(WINDOW_SECONDS, second - this.#second);
    for (let k = 1; k <= passed; k++) {
      const stale = bucketOf(this.#second + k);
      this.#calls[stale] = 0;
      this.#retries[stale] = 0;
    }
    if (passed > 0) this.#second = second;
    return bucketOf(this.#second);
  }
}

/** Also of times before the clock's origin. */
function bucketOf(second: number): number {
  return ((second % WINDOW_SECONDS) + WINDOW_SECONDS) % WINDOW_SECONDS;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * A token bucket: so many events per second on average, and so many at once.
 *
 * @module
 */
export class TokenBucket {
  private readonly perSecond: number;
  private readonly burst: number;
  private tokens: number;
  private filledAtMs: number | undefined;

  /** A bucket that starts full. Both arguments are above 0. */
  constructor(perSecond: number, burst: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.tokens = burst;
  }

  /** Is there a token now? */
  has(nowMs: number): boolean {
    const elapsedMs = nowMs - (this.filledAtMs ?? nowMs);
    this.tokens = Math.min(this.burst, this.tokens + (elapsedMs * this.perSecond) / 1000);
    this.filledAtMs = nowMs;
    return this.tokens >= 1;
  }

  /** @returns False, with nothing taken, when the bucket is empty. */
  take(nowMs: number): boolean {
    if (!this.has(nowMs)) return false;
    this.tokens -= 1;
    return true;
  }
}

/**
 * How far the integer divisions of a stable swap may move the balance it solves for: a bound derived
 * from the contract's steps, which float mode is measured against where they matter more than its own.
 *
 * With A = amplification * n, S the sum of the other balances and y the balance looked for, the
 * contract finds y^2 + (b - D) y = c, where b = S + D / A, c = D^2 y / (A K), and K is the product
 * n^n P / D^(n-1) of all balances. A change of b and c moves y by (dc + y db) / (2 y + b - D), and
 * - every division of K by D cuts less than a unit from a running product: dc / c < sum of 1 / product;
 * - D^2 / (A K) and D / A are cut to multiples of the amplification's factor: dc < factor * y, db < factor;
 * - D itself is short by the divisions of its own product (n + 1 times less, as a fraction), and
 *   by four units of its last rounds; c grows with D^(n+1).
 */
const FACTOR = 1000;
const LAST_ROUNDS = 4;

/**
 * @param amp Amplification without its factor.
 * @param balances Units; balances after the swap, except for `index`, which is as before it.
 * @param d The invariant, units.
 * @returns Units by which exact mode's balance `index` may differ from the true one.
 */
export function stableRounding(
  amp: number,
  balances: readonly bigint[],
  d: bigint,
  index: number,
): number {
  const count = balances.length;
  const a = amp * count;
  const invariant = Number(d);
  const values = balances.map(Number);

  let product = values[0]! * count;
  let cut = 0;
  for (const value of values.slice(1)) {
    product *= (value * count) / invariant;
    cut += 1 / product;
  }
  let running = invariant;
  let cutOfInvariant = 0;
  for (const value of values) {
    running *= invariant / (value * count);
    cutOfInvariant += 1 / running;
  }
  const shortness = cutOfInvariant / (count + 1) + LAST_ROUNDS / invariant;

  const before = values[index]!;
  const others = values.reduce((sum, value) => sum + value, 0) - before;
  const linear = others + invariant / a - invariant;
  const c = ((invariant * invariant) / (a * product)) * before;
  const slope = Math.sqrt(linear * linear + 4 * c);
  const after = linear > 0 ? (2 * c) / (linear + slope) : (slope - linear) / 2;

  const ofProduct = c * cut;
  const ofFactor = FACTOR * (before + after);
  const ofInvariant = ((count + 1) * c + after * invariant) * shortness;
  return (ofProduct + ofFactor + ofInvariant) / slope;
}

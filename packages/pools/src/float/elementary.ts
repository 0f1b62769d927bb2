/**
 * log1p and expm1 for the small arguments of swaps. The engine's own functions are calls that the
 * compiler cannot inline and cost several times as much; these are short polynomials with the same
 * accuracy, 2 units in the last place, in a range, and the engine's functions beyond it.
 *
 * @module
 */

/** log(1 + x) for x > -1. */
export function log1p(x: number): number {
  if (x > 0.45 || x < -0.31) return Math.log1p(x);
  // log(1 + x) = 2 atanh(z) with z = x / (2 + x); |z| < 0.185, so z^20 / 21 is below 2^-53.
  const z = x / (2 + x);
  const s = z * z;
  const tail =
    s *
    (1 / 3 +
      s *
        (1 / 5 +
          s *
            (1 / 7 +
              s * (1 / 9 + s * (1 / 11 + s * (1 / 13 + s * (1 / 15 + s * (1 / 17 + s / 19))))))));
  return 2 * z + 2 * z * tail;
}

/** e^y - 1. */
export function expm1(y: number): number {
  if (y > 0.4 || y < -0.4) return Math.expm1(y);
  // Taylor; |y| <= 0.4, so y^14 / 14! is below 2^-53 of the sum.
  const tail =
    1 / 2 +
    y *
      (1 / 6 +
        y *
          (1 / 24 +
            y *
              (1 / 120 +
                y *
                  (1 / 720 +
                    y *
                      (1 / 5040 +
                        y *
                          (1 / 40320 +
                            y *
                              (1 / 362880 +
                                y *
                                  (1 / 3628800 +
                                    y *
                                      (1 / 39916800 + y * (1 / 479001600 + y / 6227020800))))))))));
  return y + y * y * tail;
}

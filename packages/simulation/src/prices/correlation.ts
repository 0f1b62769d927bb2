/**
 * Correlated normals: the Cholesky factor of a correlation matrix, and the eigenvalue that explains
 * a refusal.
 *
 * @module
 */
import { SimulationError } from '../errors.ts';

/** Pivots below this make a matrix count as not positive definite. */
const PIVOT_MIN = 1e-12;
const JACOBI_SWEEPS_MAX = 64;

/**
 * Lower triangular L with L L^T = matrix, row by row.
 *
 * @param matrix - Symmetric, ones on the diagonal, entries from -1 to 1.
 * @throws {SimulationError} Naming the entry that is wrong, or the least eigenvalue when the matrix
 * is not positive definite.
 */
export function cholesky(matrix: readonly (readonly number[])[]): Float64Array[] {
  checkShape(matrix);
  const n = matrix.length;
  const lower = Array.from({ length: n }, () => new Float64Array(n));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i]![j]!;
      for (let k = 0; k < j; k++) sum -= lower[i]![k]! * lower[j]![k]!;
      if (i !== j) lower[i]![j] = sum / lower[j]![j]!;
      else if (sum > PIVOT_MIN) lower[i]![i] = Math.sqrt(sum);
      else refuse(matrix);
    }
  }
  return lower;
}

/** Multiplies a lower triangular factor with independent normals, in place. */
export function correlate(lower: readonly Float64Array[], normals: Float64Array): void {
  for (let i = lower.length - 1; i >= 0; i--) {
    const row = lower[i]!;
    let sum = 0;
    for (let k = 0; k <= i; k++) sum += row[k]! * normals[k]!;
    normals[i] = sum;
  }
}

function checkShape(matrix: readonly (readonly number[])[]): void {
  matrix.forEach((row, i) => {
    if (row.length !== matrix.length) {
      throw new SimulationError(
        `correlation[${i}]: must have ${matrix.length} entries; has ${row.length}`,
      );
    }
    row.forEach((value, j) => {
      if (i === j && value !== 1) {
        throw new SimulationError(`correlation[${i}][${i}]: must be 1; got ${value}`);
      }
      if (!(Math.abs(value) <= 1)) {
        throw new SimulationError(`correlation[${i}][${j}]: must be from -1 to 1; got ${value}`);
      }
      if (value !== matrix[j]?.[i]) {
        throw new SimulationError(
          `correlation[${i}][${j}]: must equal [${j}][${i}], ${matrix[j]?.[i]}; got ${value}`,
        );
      }
    });
  });
}

function refuse(matrix: readonly (readonly number[])[]): never {
  const least = Math.min(...eigenvalues(matrix));
  throw new SimulationError(
    `correlation: is not positive definite, its least eigenvalue is ${Number(least.toPrecision(6))}; ` +
      'lower the entries until every eigenvalue is above 0',
  );
}

/** Eigenvalues of a symmetric matrix by Jacobi rotations. */
export function eigenvalues(matrix: readonly (readonly number[])[]): number[] {
  const a = matrix.map((row) => [...row]);
  const n = a.length;
  for (let sweep = 0; sweep < JACOBI_SWEEPS_MAX; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p]![q]! ** 2;
    if (off < 1e-30) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, p, q);
  }
  return a.map((row, i) => row[i]!);
}

function rotate(a: number[][], p: number, q: number): void {
  const apq = a[p]![q]!;
  if (apq === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) {
    const [kp, kq] = [a[k]![p]!, a[k]![q]!];
    a[k]![p] = c * kp - s * kq;
    a[k]![q] = s * kp + c * kq;
  }
  for (let k = 0; k < a.length; k++) {
    const [pk, qk] = [a[p]![k]!, a[q]![k]!];
    a[p]![k] = c * pk - s * qk;
    a[q]![k] = s * pk + c * qk;
  }
}

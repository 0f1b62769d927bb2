/**
 * The simplex of Nelder and Mead on the unit cube, begun anew around the best point when it has
 * shrunk.
 *
 * Source: J. A. Nelder, R. Mead, "A simplex method for function minimization", The Computer Journal 7,
 * 1965; coefficients by dimension: F. Gao, L. Han, "Implementing the Nelder-Mead simplex algorithm
 * with adaptive parameters", Computational Optimization and Applications 51, 2012.
 *
 * @module
 */
import { byValue, clamped, type Search, type UnitPoint } from './search.ts';

interface Vertex {
  readonly point: UnitPoint;
  readonly value: number;
}

/** Edge of the first simplex; each later one starts with half the edge of the one before. */
const EDGE = 0.25;
const EDGE_MIN = 1e-3;
/** A simplex this small is at its end. */
const SIZE_MIN = 1e-4;

/** Searches from the middle of the cube, for as long as it is asked. */
export function* nelderMead(dimensions: number): Search {
  let best: Vertex = { point: Array.from({ length: dimensions }, () => 0.5), value: NaN };
  for (let edge = EDGE; ; edge = edge > EDGE_MIN ? edge / 2 : EDGE) {
    best = yield* simplex(best.point, edge);
  }
}

/** One simplex from its start until it has shrunk. */
function* simplex(
  start: UnitPoint,
  edge: number,
): Generator<readonly UnitPoint[], Vertex, readonly number[]> {
  const n = start.length;
  const corners = [start, ...start.map((_each, i) => stepInside(start, i, edge))];
  const values = yield corners;
  let vertices = corners.map((point, i): Vertex => ({ point, value: values[i]! })).toSorted(order);
  const [expand, contract, shrink] = [
    1 + 2 / Math.max(2, n),
    0.75 - 0.5 / Math.max(2, n),
    1 - 1 / Math.max(2, n),
  ];
  while (sizeOf(vertices) > SIZE_MIN) {
    const [best, worst, second] = [vertices[0]!, vertices[n]!, vertices[n - 1]!];
    const middle = start.map(
      (_each, d) => vertices.slice(0, n).reduce((sum, { point }) => sum + point[d]!, 0) / n,
    );
    const beyond = (share: number): UnitPoint =>
      clamped(middle.map((value, d) => value + share * (value - worst.point[d]!)));
    const reflected = vertex(beyond(1), yield [beyond(1)]);
    let next: Vertex | null = null;
    if (isBetter(reflected, best)) {
      const far = vertex(beyond(expand), yield [beyond(expand)]);
      next = isBetter(far, reflected) ? far : reflected;
    } else if (isBetter(reflected, second)) {
      next = reflected;
    } else {
      const share = isBetter(reflected, worst) ? contract : -contract;
      const near = vertex(beyond(share), yield [beyond(share)]);
      if (isBetter(near, isBetter(reflected, worst) ? reflected : worst)) next = near;
    }
    if (next !== null) vertices = [...vertices.slice(0, n), next].toSorted(order);
    else {
      const moved = vertices
        .slice(1)
        .map(({ point }) =>
          point.map((value, d) => best.point[d]! + shrink * (value - best.point[d]!)),
        );
      const told = yield moved;
      vertices = [best, ...moved.map((point, i) => ({ point, value: told[i]! }))].toSorted(order);
    }
  }
  return vertices[0]!;
}

function vertex(point: UnitPoint, [value]: readonly number[]): Vertex {
  return { point, value: value ?? NaN };
}

function isBetter(a: Vertex, b: Vertex): boolean {
  return byValue(a.value, b.value) < 0;
}

function order(a: Vertex, b: Vertex): number {
  return byValue(a.value, b.value);
}

/** A corner an edge away along one axis, on the side that has room. */
function stepInside(point: UnitPoint, axis: number, edge: number): UnitPoint {
  return point.map((value, d) =>
    d !== axis ? value : value + edge <= 1 ? value + edge : value - edge,
  );
}

/** Greatest distance of a vertex from the best, along any axis. */
function sizeOf(vertices: readonly Vertex[]): number {
  const [best, ...others] = vertices;
  return Math.max(
    ...others.flatMap(({ point }) => point.map((value, d) => Math.abs(value - best!.point[d]!))),
  );
}

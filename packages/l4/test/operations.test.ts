import { silentLogger } from '@balancer/kit';
import { expect, test } from 'vitest';
import { l4Routes } from '../src/admin.ts';
import { l4Operations } from '../src/operations.ts';
import { L4Plane } from '../src/plane.ts';

test('every route of the plane is described, and nothing else', () => {
  const routes = l4Routes(new L4Plane({ logger: silentLogger }));
  expect(Object.keys(l4Operations).toSorted()).toEqual(
    routes.map(({ method, path }) => `${method} ${path}`).toSorted(),
  );
});

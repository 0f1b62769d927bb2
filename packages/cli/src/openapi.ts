/**
 * The OpenAPI document of the admin listener: the routes of the load balancer and the packet plane.
 *
 * @module
 */
import { type AdminRoute, openApiDocument, type Operation } from '@balancer/kit';
import { adminOperations } from '@balancer/lb';
import { VERSION } from './version.ts';

const OWN: Operation = { summary: 'This document', answer: 'application/json' };

/** Serves the document. It is made when it is asked for, since most processes never are. */
export const openApiRoute: AdminRoute = {
  method: 'GET',
  path: '/openapi.json',
  handler: async () => {
    const { l4Operations } = await import('@balancer/l4');
    const document = openApiDocument({
      title: 'Balancer',
      version: VERSION,
      operations: { ...adminOperations, ...l4Operations, 'GET /openapi.json': OWN },
    });
    return Response.json(document);
  },
};

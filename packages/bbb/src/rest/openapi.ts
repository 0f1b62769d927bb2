/**
 * The OpenAPI document of the REST API, written from its table of routes.
 *
 * Source: OpenAPI Specification 3.1.0.
 *
 * @module
 */
import { z } from '@balancer/kit';
import type { RestRoute } from './route.ts';
import * as schemas from './schemas.ts';

/** Below it are all routes. */
export const REST_PREFIX = '/api/v1';

/** @param routes - In the order in which the document lists them. */
export function openApiDocument(routes: readonly RestRoute[]): Record<string, unknown> {
  const components: Record<string, unknown> = {};
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): unknown =>
    toReference(schema, io, components);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = `${REST_PREFIX}${route.path.replaceAll(/:(\w+)/g, '{$1}')}`;
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, schemaOf);
  }
  schemaOf(schemas.problem, 'output');
  return {
    openapi: '3.1.0',
    info: {
      title: 'Balancer, BigBlueButton gateway: administration',
      version: '1',
      description:
        'Every request carries `Authorization: Bearer <token>`; `balancer bbb token create --role admin` makes the first one. Each role may do what those before it may: read, operate, admin.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: components,
    },
  };
}

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => unknown;

function operationOf(route: RestRoute, schemaOf: SchemaOf): Record<string, unknown> {
  const { method, path, summary, role, query, body, answer, status } = route;
  const parameters = [...pathParameters(path), ...queryParameters(query)];
  const success =
    answer === null
      ? { description: 'Done' }
      : { description: 'Done', content: jsonOf(schemaOf(answer, 'output')) };
  return {
    operationId: operationId(method, path),
    summary,
    tags: [path.split('/')[1]],
    'x-role': role,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== null && {
      requestBody: { required: true, content: jsonOf(schemaOf(body, 'input')) },
    }),
    responses: {
      [status]: success,
      ...(body !== null || query !== null ? { 400: refusalOf('The request is wrong') } : {}),
      401: refusalOf('No token, or an unknown one'),
      403: refusalOf(`The token has not the role ${role}`),
      ...(/:/.test(path) ? { 404: refusalOf('There is no such thing') } : {}),
      ...(method === 'POST' ? { 409: refusalOf('It is taken, or somebody else is at it') } : {}),
    },
  };
}

/** `getServersById`: the words of the path, what stands for a value last. */
function operationId(method: string, path: string): string {
  const words = path.split(/[/-]/).filter((word) => word !== '');
  const named = words.map((word) =>
    word.startsWith(':') ? `By${capital(word.slice(1))}` : capital(word),
  );
  return `${method.toLowerCase()}${named.join('')}`;
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(query: z.ZodType | null): object[] {
  if (query === null) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: 'input' });
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function jsonOf(schema: unknown): object {
  return { 'application/json': { schema } };
}

function refusalOf(description: string): object {
  return { description, content: jsonOf({ $ref: '#/components/schemas/Problem' }) };
}

/** A schema with its named parts moved to the components of the document. */
function toReference(
  schema: z.ZodType,
  io: 'input' | 'output',
  components: Record<string, unknown>,
): unknown {
  const {
    $defs = {},
    $schema: _,
    ...root
  } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  const moved = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/')) as unknown;
  for (const [name, definition] of Object.entries($defs)) components[name] ??= moved(definition);
  const { id } = root;
  if (typeof id !== 'string') return moved(root);
  components[id] ??= moved(root);
  return { $ref: `#/components/schemas/${id}` };
}

/**
 * Describes routes of an admin listener as an OpenAPI document.
 *
 * Source: OpenAPI Specification 3.1.0.
 *
 * @module
 */
import { z } from 'zod';
import type { AdminAccess } from './guard.ts';

/** A media type whose content has no schema. */
export type MediaType = `${string}/${string}`;

/** What one route does. */
export interface Operation {
  readonly summary: string;
  /** As of the route; default: `read` for GET, `write` for the others. */
  readonly access?: AdminAccess;
  /** Keys of the query; all of them may be left out unless the schema says otherwise. */
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** JSON, or another media type; absent: nothing (204). */
  readonly answer?: z.ZodType | MediaType;
  /** Why it may be refused, by status; 401 and 403 are understood. */
  readonly refusals?: Readonly<Record<number, string>>;
}

/** Operations by method and path, `PUT /backends/:backend`. */
export type Operations = Readonly<Record<string, Operation>>;

export interface OpenApiOptions {
  readonly title: string;
  readonly version: string;
  readonly operations: Operations;
}

/** A document as it is sent. */
export type OpenApiDocument = Readonly<Record<string, unknown>>;

const OPENAPI_VERSION = '3.1.0';
const REFUSAL = z.strictObject({ error: z.string() });

export function openApiDocument({ title, version, operations }: OpenApiOptions): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [key, operation] of Object.entries(operations)) {
    const [method = '', path = ''] = key.split(' ');
    const template = path.replaceAll(/:(\w+)/g, '{$1}');
    const described = describe({ method, path }, operation);
    paths[template] = { ...paths[template], [method.toLowerCase()]: described };
  }
  return {
    openapi: OPENAPI_VERSION,
    info: { title, version },
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Refusal: jsonSchema(REFUSAL, 'output') },
    },
  };
}

function describe(
  { method, path }: { readonly method: string; readonly path: string },
  operation: Operation,
): Readonly<Record<string, unknown>> {
  const { summary, query, body, answer, refusals = {} } = operation;
  const { access = method === 'GET' ? 'read' : 'write' } = operation;
  const security = { open: [], read: [{}, { token: [] }], write: [{ token: [] }] }[access];
  const denials = access === 'open' ? {} : DENIALS;
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/\W+(\w?)/g, (_, c: string) => c.toUpperCase())}`,
    summary,
    security,
    parameters: [...pathParameters(path), ...queryParameters(query)],
    ...(body && { requestBody: { required: true, content: json(jsonSchema(body, 'input')) } }),
    responses: {
      ...(answer === undefined
        ? { 204: { description: 'done' } }
        : { 200: { description: 'done', content: contentOf(answer) } }),
      ...Object.fromEntries(
        Object.entries({ ...denials, ...refusals }).map(([status, description]) => [
          status,
          { description, content: json({ $ref: '#/components/schemas/Refusal' }) },
        ]),
      ),
    },
  };
}

const DENIALS = {
  401: 'the token is missing',
  403: 'the token is wrong, or there is none to be right',
} as const;

function contentOf(answer: z.ZodType | MediaType): Readonly<Record<string, unknown>> {
  if (typeof answer === 'string') return { [answer]: {} };
  return json(jsonSchema(answer, 'output'));
}

function json(schema: unknown): Readonly<Record<string, unknown>> {
  return { 'application/json': { schema } };
}

function pathParameters(path: string): readonly unknown[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(query: z.ZodType | undefined): readonly unknown[] {
  if (!query) return [];
  const { properties = {}, required = [] } = jsonSchema(query, 'input') as {
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

/** Without the dialect, which is that of OpenAPI itself. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Readonly<Record<string, unknown>> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

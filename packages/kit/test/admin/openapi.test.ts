import { describe, expect, test } from 'vitest';
import { openApiDocument, z } from '../../src/index.ts';

const DOCUMENT = openApiDocument({
  title: 'Things',
  version: '1.2.3',
  operations: {
    'GET /things/:thing': {
      summary: 'One thing',
      query: z.strictObject({ limit: z.coerce.number().optional(), kind: z.string() }),
      answer: z.strictObject({ name: z.string() }),
      refusals: { 404: 'no such thing' },
    },
    'PUT /things/:thing': { summary: 'Makes it so', body: z.strictObject({ name: z.string() }) },
    'GET /alive': { summary: 'Answers', access: 'open', answer: 'text/plain' },
  },
});

describe('an OpenAPI document', () => {
  test('says which version it follows, and what it describes', () => {
    expect(DOCUMENT).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Things', version: '1.2.3' },
    });
  });

  test('has the parameters of path and query, and the answer', () => {
    expect(DOCUMENT['paths']).toHaveProperty(['/things/{thing}', 'get'], {
      operationId: 'getThingsThing',
      summary: 'One thing',
      security: [{}, { token: [] }],
      parameters: [
        { name: 'thing', in: 'path', required: true, schema: { type: 'string' } },
        { name: 'limit', in: 'query', required: false, schema: { type: 'number' } },
        { name: 'kind', in: 'query', required: true, schema: { type: 'string' } },
      ],
      responses: {
        200: {
          description: 'done',
          content: {
            'application/json': {
              schema: {
                type: 'object',
                properties: { name: { type: 'string' } },
                required: ['name'],
                additionalProperties: false,
              },
            },
          },
        },
        401: expect.objectContaining({ description: 'the token is missing' }),
        403: expect.anything(),
        404: {
          description: 'no such thing',
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } },
        },
      },
    });
  });

  test('asks for the token where something is changed, and for a body', () => {
    expect(DOCUMENT['paths']).toHaveProperty(
      ['/things/{thing}', 'put'],
      expect.objectContaining({
        security: [{ token: [] }],
        requestBody: expect.objectContaining({ required: true }),
        responses: expect.objectContaining({ 204: { description: 'done' } }),
      }),
    );
  });

  test('asks for nothing where everybody may', () => {
    expect(DOCUMENT['paths']).toHaveProperty(
      ['/alive', 'get'],
      expect.objectContaining({
        security: [],
        responses: { 200: { description: 'done', content: { 'text/plain': {} } } },
      }),
    );
  });
});

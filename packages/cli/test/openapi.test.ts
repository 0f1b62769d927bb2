import { AdminServer } from '@balancer/kit';
import { describe, expect, test } from 'vitest';
import { openApiRoute } from '../src/openapi.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

interface Described {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
}

async function documentOf(): Promise<Document> {
  const server = new AdminServer({ routes: [openApiRoute] });
  const response = await server.fetch(new Request('http://127.0.0.1/openapi.json'));
  return (await response.json()) as Document;
}

describe('/openapi.json', () => {
  test('describes the load balancer, the packet plane and itself', async () => {
    const { openapi, paths } = await documentOf();
    expect(openapi).toBe('3.1.0');
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/stats.json', '/l4/services/{service}', '/openapi.json']),
    );
  });

  test('names every operation once, and has every parameter of its path', async () => {
    const { paths } = await documentOf();
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.values(methods).map((operation) => ({ path, ...operation })),
    );
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]\w*$/);
    for (const { path, parameters } of operations) {
      const declared = parameters.filter((each) => each.in === 'path').map(({ name }) => name);
      expect(declared).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });

  test('refers only to what it holds', async () => {
    const document = await documentOf();
    const references = [
      ...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g),
    ];
    const named = new Set(references.map(([, name]) => name));
    expect(named).toEqual(new Set(Object.keys(document.components.schemas)));
    // Any other reference would be one that nobody can follow.
    expect(JSON.stringify(document).match(/"\$ref"/g)).toHaveLength(references.length);
  });
});

/** What `balancer run` has in memory before anybody asks it for more. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('a load balancer that starts', () => {
  // Each of these takes from 2 to 8 MiB, and most processes never need it.
  const UNUSED = new Set([
    '@balancer/l4',
    '@balancer/ebpf',
    '@balancer/pools',
    '@balancer/simulation',
    '@balancer/bbb',
    'prom-client',
    '@hono/node-server',
  ]);

  test.each(['packages/cli/src/commands/run.ts', 'packages/cli/src/worker-process.ts'])(
    'does not load what it may never use: %s',
    (entry) => {
      const loaded = loadedWith(entry);
      expect(loaded).toContain('@balancer/proxy');
      expect(loaded.filter((name) => UNUSED.has(name))).toEqual([]);
    },
  );

  test('nor what other commands use', () => {
    const loaded = loadedWith('packages/cli/src/program.ts');
    expect(loaded.filter((name) => UNUSED.has(name))).toEqual([]);
    expect(loaded).not.toContain('@balancer/proxy');
  });
});

/** Packages that a module imports, by itself or through others, as soon as it is loaded. */
function loadedWith(entry: string): readonly string[] {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const files = [join(root, entry)];
  for (let file = files.pop(); file !== undefined; file = files.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const specifier of importsOf(readFileSync(file, 'utf8'))) {
      if (specifier.startsWith('.')) {
        files.push(join(dirname(file), specifier));
        continue;
      }
      packages.add(specifier);
      const [, own, path = 'index'] = /^@balancer\/([^/]+)(?:\/(.+))?$/.exec(specifier) ?? [];
      const source = own && join(root, 'packages', own, 'src', `${path}.ts`);
      if (source && existsSync(source)) files.push(source);
    }
  }
  return [...packages];
}

/** Imports and re-exports that are more than types. */
function importsOf(code: string): readonly string[] {
  const statements = code.matchAll(
    /^(?:import|export)(?!\s+type\s+(?:\{|\*))\b([^;'"]*?)\bfrom\s*'([^']+)'|^import\s*'([^']+)'/gm,
  );
  return [...statements]
    .filter(([, names = '']) => !isOnlyTypes(names))
    .map(([, , from, bare]) => from ?? bare!);
}

/** `{ type A, type B }`. */
function isOnlyTypes(names: string): boolean {
  const [, list] = /^\s*\{([^}]*)\}\s*$/.exec(names) ?? [];
  return list?.split(',').every((name) => /^\s*(?:type\s.*)?$/.test(name)) ?? false;
}

/** Keeps docs/architecture.md true: the arrows between packages are those of its table, no more. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Row {
  readonly name: string;
  readonly floor: number;
  readonly allowed: readonly string[] | 'below';
  readonly imports: readonly string[];
}

const rows = readTable(readFileSync(join(root, 'docs/architecture.md'), 'utf8'));
const floorOf = new Map(rows.map((row) => [row.name, row.floor]));

describe('the architecture document', () => {
  test('names exactly the packages that exist', () => {
    const packages = readdirSync(join(root, 'packages')).toSorted();
    expect(rows.map((row) => row.name).toSorted()).toEqual(packages);
  });

  test('allows no arrow upwards or sideways', () => {
    for (const { name, floor, allowed } of rows) {
      if (allowed === 'below') continue;
      for (const target of allowed) {
        expect(floorOf.get(target), `${name} -> ${target}`).toBeLessThan(floor);
      }
    }
  });
});

describe.each(rows)('$name', ({ name, floor, allowed, imports }) => {
  const found = importsOf(name);
  const targets = found.flatMap(({ specifier }) => packageOf(specifier) ?? []);
  const arrows = [...new Set(targets)].filter((target) => target !== name);

  test('imports only what its floor and the table allow', () => {
    const isAllowed = (target: string): boolean =>
      allowed === 'below' ? floorOf.get(target)! < floor : allowed.includes(target);
    const forbidden = found.filter(({ specifier }) => {
      const target = packageOf(specifier);
      return target !== undefined && target !== name && !isAllowed(target);
    });
    expect(forbidden).toEqual([]);
  });

  test('imports what the table says it does', () => {
    expect(arrows.toSorted()).toEqual([...imports].toSorted());
  });

  test('reaches into no other package by path', () => {
    const escaping = found.filter(
      ({ file, specifier }) =>
        specifier.startsWith('.') && !join(file, '..', specifier).startsWith(`packages/${name}/`),
    );
    expect(escaping).toEqual([]);
  });
});

describe('the core of select', () => {
  test('imports nothing, not even from Node', () => {
    const outside = importsOf('select').filter(
      ({ file, specifier }) => !file.includes('/src/adapters/') && !specifier.startsWith('.'),
    );
    expect(outside).toEqual([]);
  });
});

/** Every import, export-from and dynamic import in the sources of a package. */
function importsOf(name: string): { file: string; specifier: string }[] {
  const folder = `packages/${name}/src`;
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) => {
      const path = join(folder, file);
      const code = readFileSync(join(root, path), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
      const statements = code.matchAll(
        /^\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm,
      );
      return [...statements].map((match) => ({
        file: path,
        specifier: match[1] ?? match[2] ?? match[3]!,
      }));
    });
}

function packageOf(specifier: string): string | undefined {
  return /^@balancer\/([^/]+)/.exec(specifier)?.[1];
}

function readTable(text: string): Row[] {
  const lines = text.split('\n').filter((line) => /^\| \d /.test(line));
  return lines.map((line) => {
    const [floor, name, , allowed, imports] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    return {
      floor: Number(floor),
      name: namesIn(name!)[0]!,
      allowed: allowed === 'everything below' ? 'below' : namesIn(allowed!),
      imports: namesIn(imports!),
    };
  });
}

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

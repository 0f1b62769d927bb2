/**
 * The API reference: every public item with its signature and docstring, read from the sources by
 * following the re-exports of `src/index.ts`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** One exported declaration. */
interface Item {
  readonly name: string;
  readonly signature: string;
  readonly text: string;
}

/** Builds the reference as Markdown. @param root - The package's `src` folder. */
export function apiIndex(root: string): string {
  const sections = modulesOf(join(root, 'index.ts'), '').map(({ path, file, items }) => {
    const entries = items
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .map(
        ({ name, signature, text }) => `### ${name}\n\n\`\`\`ts\n${signature}\n\`\`\`\n\n${text}\n`,
      );
    return `## ${path === '' ? 'Top level' : path}\n\nFrom \`${relative(root, file)}\`.\n\n${entries.join('\n')}`;
  });
  return `# API of @balancer/pools\n\nGenerated from the docstrings by \`npm run api -w packages/pools\`; do not edit.\n\n${sections.join('\n')}`;
}

interface Module {
  readonly path: string;
  readonly file: string;
  readonly items: readonly Item[];
}

const REEXPORT = /^export (type )?(\*(?: as (\w+))?|\{[^}]*\}) from '([^']+)';/gms;

/** The module's own items and those that it re-exports, then its namespaces. */
function modulesOf(file: string, path: string): Module[] {
  const source = readFileSync(file, 'utf8');
  const items = declarationsOf(source);
  const namespaces: Module[] = [];
  for (const [, , what = '', namespace, target = ''] of source.matchAll(REEXPORT)) {
    const from = join(dirname(file), target);
    if (namespace !== undefined) {
      namespaces.push(...modulesOf(from, path === '' ? namespace : `${path}.${namespace}`));
    } else if (what === '*') {
      items.push(...(modulesOf(from, path)[0]?.items ?? []));
    } else {
      const wanted = namesIn(what);
      items.push(...(modulesOf(from, path)[0]?.items ?? []).filter(({ name }) => wanted.has(name)));
    }
  }
  return [{ path, file, items }, ...namespaces];
}

function namesIn(list: string): ReadonlySet<string> {
  const names = list.replace(/[{}]/g, '').split(',');
  return new Set(names.map((name) => name.trim().replace(/^type /, '')));
}

const DECLARATION =
  /^(?:\/\*\*((?:(?!\*\/).)*)\*\/\n)?export (?:async )?(function|const|interface|type|class) (\w+)/gms;

function declarationsOf(source: string): Item[] {
  return Array.from(source.matchAll(DECLARATION), (match) => {
    const [whole, doc = '', kind = '', name = ''] = match;
    const start = match.index + whole.lastIndexOf('export ');
    return { name, signature: signatureAt(source, start, kind), text: plain(doc) };
  });
}

/** The declaration up to its body or value. */
function signatureAt(source: string, start: number, kind: string): string {
  const rest = source.slice(start);
  if (kind === 'class') return rest.slice(0, rest.indexOf(' {'));
  if (kind === 'interface') return rest.slice(0, rest.indexOf('}\n', endOfHead(rest)) + 1);
  if (kind === 'type') return rest.slice(0, endOfStatement(rest));
  if (kind === 'const') return rest.slice(0, rest.search(/ =\s|;\n/));
  return rest.slice(0, rest.search(/ \{\n/));
}

/** Where a closing brace in the first column may follow: behind the head, or at once when empty. */
function endOfHead(text: string): number {
  const line = text.indexOf('\n');
  return text.slice(0, line).endsWith('{}') ? 0 : text.indexOf('\n}');
}

function endOfStatement(text: string): number {
  const end = text.search(/;\n(?=\n|\/\*\*|export|const|type|$)/);
  return end < 0 ? text.indexOf(';') : end;
}

/** A docstring as paragraphs; tags become list entries. */
function plain(doc: string): string {
  const lines = doc.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
  const text = lines.join('\n').trim();
  return text.replace(/\s*@(\w+) /g, (_, tag: string) => `\n- *${tag}* `).trim();
}

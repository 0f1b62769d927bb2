/**
 * The built pages, as files that an admin listener serves.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AdminAsset, errnoName } from '@balancer/kit';

/** What a server-rendered page names so that the console takes over in the browser. */
export interface ConsoleApp {
  /** Path of the module script. */
  readonly script: string;
  /** Paths of the style sheets. */
  readonly styles: readonly string[];
}

export interface Console {
  readonly app: ConsoleApp;
  /** By path, all under `/console`. The pages themselves need no server-rendered ones. */
  readonly assets: ReadonlyMap<string, AdminAsset>;
}

/** Where the build puts the pages, seen from `src` and from `dist` alike. */
const BUILT_FOLDER = fileURLToPath(new URL('../dist/app/', import.meta.url));

/** Pages by path, and the script of each. */
const PAGES: Readonly<Record<string, string>> = {
  '/console': 'app/main.tsx',
  '/console/simulations': 'app/simulations/main.tsx',
};

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

interface ManifestEntry {
  readonly file: string;
  readonly css?: readonly string[];
  readonly imports?: readonly string[];
}

/**
 * Reads the built pages.
 *
 * @param folder - Where they were built; default: this package's own.
 * @returns `null` when they are not built; a daemon then shows its plain table alone.
 */
export function loadConsole(folder: string = BUILT_FOLDER): Console | null {
  const manifest = readManifest(folder);
  if (!manifest) return null;
  const app = appOf(manifest, PAGES['/console']!);
  if (app === null) return null;
  const shells = Object.entries(PAGES).flatMap(([path, entry]): [string, AdminAsset][] => {
    const page = appOf(manifest, entry);
    if (page === null) return [];
    const body = new TextEncoder().encode(shellPage(page));
    return [[path, { contentType: 'text/html; charset=utf-8', body }]];
  });
  return { app, assets: new Map([...shells, ...filesOf(folder)]) };
}

/** The script of an entry, with the style sheets of it and of all that it imports. */
function appOf(manifest: Record<string, ManifestEntry>, entry: string): ConsoleApp | null {
  const found = manifest[entry];
  if (!found) return null;
  const styles = new Set<string>();
  const collect = ({ css = [], imports = [] }: ManifestEntry): void => {
    for (const name of imports) if (manifest[name]) collect(manifest[name]);
    for (const file of css) styles.add(`/console/${file}`);
  };
  collect(found);
  return { script: `/console/${found.file}`, styles: [...styles] };
}

function readManifest(folder: string): Record<string, ManifestEntry> | null {
  try {
    const text = readFileSync(join(folder, 'manifest.json'), 'utf8');
    return JSON.parse(text) as Record<string, ManifestEntry>;
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Names of built files hold a hash of their content, so browsers may keep them for good. */
function filesOf(folder: string): [path: string, asset: AdminAsset][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && extname(file.name) in CONTENT_TYPES)
    .map((file) => {
      const path = join(file.parentPath, file.name);
      const contentType = CONTENT_TYPES[extname(file.name)]!;
      const body = new Uint8Array(readFileSync(path));
      return [`/console/${relative(folder, path)}`, { contentType, body, immutable: true }];
    });
}

/**
 * A page without figures of its own. It may be read by everybody who reaches the listener, and asks
 * for the token when the figures may not.
 */
function shellPage({ script, styles }: ConsoleApp): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Balancer</title>
<link rel="icon" href="data:,">
${styles.map((href) => `<link rel="stylesheet" href="${href}">`).join('\n')}
<script type="module" src="${script}"></script>
</head>
<body>
<div id="app"><noscript>This page needs scripts; <a href="/stats">the plain table</a> does not.</noscript></div>
</body>
</html>
`;
}

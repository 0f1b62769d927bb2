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
  /** By path, all under `/console`. `/console` itself is a page that needs no server-rendered one. */
  readonly assets: ReadonlyMap<string, AdminAsset>;
  /** As `assets`, for the gateway: its page is at `/`. */
  readonly gatewayAssets: ReadonlyMap<string, AdminAsset>;
  /** As `assets`, for simulations: their page is at `/`. */
  readonly simulationAssets: ReadonlyMap<string, AdminAsset>;
}

/** Where the build puts the pages, seen from `src` and from `dist` alike. */
const BUILT_FOLDER = fileURLToPath(new URL('../dist/app/', import.meta.url));

const ENTRY = 'app/main.tsx';
const GATEWAY_ENTRY = 'app/gateway/main.tsx';
const SIMULATIONS_ENTRY = 'app/simulations/main.tsx';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

interface ManifestEntry {
  readonly file: string;
  readonly css?: readonly string[];
  /** Keys of the entries that it shares code and styles with. */
  readonly imports?: readonly string[];
}

type Manifest = Readonly<Record<string, ManifestEntry>>;

/**
 * Reads the built pages.
 *
 * @param folder - Where they were built; default: this package's own.
 * @returns `null` when they are not built; a daemon then shows its plain table alone.
 */
export function loadConsole(folder: string = BUILT_FOLDER): Console | null {
  const manifest = readManifest(folder);
  const app = manifest && appOf(manifest, ENTRY);
  const gateway = manifest && appOf(manifest, GATEWAY_ENTRY);
  const simulations = manifest && appOf(manifest, SIMULATIONS_ENTRY);
  if (!app || !gateway || !simulations) return null;
  const files = filesOf(folder);
  const table = ' <a href="/stats">The plain table</a> does not.';
  return {
    app,
    assets: new Map([['/console', pageAsset(app, 'Balancer', table)], ...files]),
    gatewayAssets: new Map([['/', pageAsset(gateway, 'BigBlueButton · Balancer', '')], ...files]),
    simulationAssets: new Map([
      ['/', pageAsset(simulations, 'Simulations · Balancer', '')],
      ...files,
    ]),
  };
}

function appOf(manifest: Manifest, key: string): ConsoleApp | null {
  const entry = manifest[key];
  if (!entry) return null;
  return {
    script: `/console/${entry.file}`,
    styles: stylesOf(manifest, key).map((file) => `/console/${file}`),
  };
}

/** Those of the shared parts first, so that an entry's own win. */
function stylesOf(manifest: Manifest, key: string): string[] {
  const { imports = [], css = [] } = manifest[key]!;
  return [...imports.flatMap((shared) => stylesOf(manifest, shared)), ...css];
}

function pageAsset(app: ConsoleApp, title: string, otherwise: string): AdminAsset {
  return {
    contentType: 'text/html; charset=utf-8',
    body: new TextEncoder().encode(shellPage(app, title, otherwise)),
  };
}

function readManifest(folder: string): Manifest | null {
  try {
    const text = readFileSync(join(folder, 'manifest.json'), 'utf8');
    return JSON.parse(text) as Manifest;
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
function shellPage({ script, styles }: ConsoleApp, title: string, otherwise: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
${styles.map((href) => `<link rel="stylesheet" href="${href}">`).join('\n')}
<script type="module" src="${script}"></script>
</head>
<body>
<div id="app"><noscript>This page needs scripts.${otherwise}</noscript></div>
</body>
</html>
`;
}

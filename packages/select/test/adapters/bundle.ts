/** Turning TypeScript sources into one file of JavaScript, which threads and processes start fast. */
import { build } from 'esbuild';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, onTestFinished } from 'vitest';

/** Where bundles go: somewhere that packages from npm are found from. */
const CACHE = fileURLToPath(new URL('../../../../node_modules/.cache/', import.meta.url));

/** Bundles a source file for Node, for all tests of the calling file; not to be called within one. */
export async function bundle(source: URL): Promise<URL> {
  const path = fileURLToPath(source);
  const outfile = await bundleAs(`${basename(path, '.ts')}.mjs`, { entryPoints: [path] });
  afterAll(() => rm(dirname(outfile), { recursive: true, force: true }));
  return pathToFileURL(outfile);
}

/** Bundles TypeScript that belongs to `folder` but stands in no file of its own, for one test. */
export async function bundleText(contents: string, folder: URL): Promise<URL> {
  const resolveDir = fileURLToPath(folder);
  const outfile = await bundleAs('text.mjs', { stdin: { contents, resolveDir, loader: 'ts' } });
  onTestFinished(() => rm(dirname(outfile), { recursive: true, force: true }));
  return pathToFileURL(outfile);
}

async function bundleAs(name: string, source: Parameters<typeof build>[0]): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  const outfile = join(await mkdtemp(join(CACHE, 'balancer-test-')), name);
  await build({
    ...source,
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['balancer-source'],
    logLevel: 'error',
  });
  return outfile;
}

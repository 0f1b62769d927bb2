/**
 * Builds the web console when it is missing or older than its sources, in about a second. Plain
 * JavaScript, because it runs before anything is compiled.
 *
 * "Older" is decided by content: the hash of everything that goes into the pages is kept beside
 * them. A build that fails stops nothing here, since the load balancer has a plain table without it.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'packages/console');
const stampFile = join(folder, 'dist/app/.sources');
const wanted = hashOfSources();

if (builtHash() !== wanted) build();

function hashOfSources() {
  const hash = createHash('sha256');
  const sources = ['app', 'src'].flatMap((name) =>
    readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  // The lock file, for the versions of what is bundled.
  const files = [
    ...sources.toSorted(),
    join(folder, 'vite.config.ts'),
    join(root, 'package-lock.json'),
  ];
  for (const file of files) hash.update(`${file.slice(root.length)}\n`).update(readFileSync(file));
  return hash.digest('hex');
}

function builtHash() {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch {
    return '';
  }
}

function build() {
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  const { status, stderr } = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status === 0) {
    writeFileSync(stampFile, wanted);
    return;
  }
  console.error(`balancer: the web console was not built; its plain table remains.\n${stderr}`);
}

/**
 * Installs the dependencies of this repository from its lock file, once, without running install
 * scripts. Plain JavaScript with no imports beyond Node, because it runs when nothing is installed.
 *
 * "Once" is decided by content: the hash of the lock file is kept beside the installed packages, so
 * a later start needs no network and costs one file read, and a changed lock file installs again.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lockFile = `${root}package-lock.json`;
const stampFile = `${root}node_modules/.balancer-installed`;
const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');

if (installedHash() !== wanted) install();

function installedHash() {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch {
    return '';
  }
}

function install() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`balancer: needs Node 20.19 or newer; this is ${process.versions.node}`);
    process.exit(1);
  }
  console.error('balancer: installing dependencies from package-lock.json (npm ci, once) ...');
  const startedAt = performance.now();
  const { status, error } = spawnSync(
    'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (status !== 0) {
    console.error(
      `balancer: npm ci failed (${error?.message ?? `exit code ${status}`}); ` +
        'nothing was started. Check that the npm registry can be reached and run the command again.',
    );
    process.exit(1);
  }
  writeFileSync(stampFile, wanted);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.error(`balancer: dependencies installed in ${seconds} s`);
}

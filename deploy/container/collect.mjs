/**
 * Copies what runs, out of a built repository with production dependencies: the built packages that
 * the command needs and the dependencies that are installed. Plain JavaScript, because it runs where
 * nothing else is left.
 *
 *     node deploy/container/collect.mjs /app
 */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [target] = process.argv.slice(2);
if (target === undefined || existsSync(target)) {
  console.error('usage: collect.mjs <folder that does not exist yet>');
  process.exit(2);
}

const packages = needed('cli');
for (const name of packages) {
  const folder = join('packages', name);
  const { files = ['dist'] } = manifestOf(name);
  for (const file of ['package.json', 'node_modules', ...files.filter((each) => each !== 'src')]) {
    copy(join(folder, file));
  }
}
copy('LICENSE');
copyDependencies();

/** A package of this repository with all those below it. */
function needed(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const dependency of Object.keys(manifestOf(name).dependencies ?? {})) {
    const [, own] = /^@balancer\/(.+)$/.exec(dependency) ?? [];
    if (own !== undefined) needed(own, found);
  }
  return found;
}

function manifestOf(name) {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
}

function copy(path) {
  const from = join(root, path);
  if (existsSync(from)) cpSync(from, join(target, path), { recursive: true });
}

/** The links to the packages of this repository are made anew, for those that were copied. */
function copyDependencies() {
  for (const name of readdirSync(join(root, 'node_modules'))) {
    const path = join('node_modules', name);
    if (name !== '@balancer' && !lstatSync(join(root, path)).isSymbolicLink()) copy(path);
  }
  mkdirSync(join(target, 'node_modules/@balancer'), { recursive: true });
  for (const name of packages) {
    symlinkSync(`../../packages/${name}`, join(target, 'node_modules/@balancer', name));
  }
}

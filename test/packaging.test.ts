/** What somebody who installs a package gets: a face that resolves, nothing superfluous, small. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { createContext, runInContext } from 'node:vm';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { build } from 'vite';
import { beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = readdirSync(join(root, 'packages'));
const execute = promisify(execFile);
const TIMEOUT_MS = 120_000;
const KIB = 1024;

interface Manifest {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
}

const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest;

beforeAll(async () => {
  await execute(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: root });
}, TIMEOUT_MS);

describe.each(packages)('the package %s', (name) => {
  test(
    'has an entry for everything it exports, and packs no mistakes',
    async () => {
      const { messages } = await publint({
        pkgDir: join(root, 'packages', name),
        strict: true,
        pack: false,
      });
      const manifest = manifestOf(name);
      expect(messages.map((message) => formatMessage(message, manifest as never))).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

describe('the lock file', () => {
  test('names no registry', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    expect(lock).not.toMatch(/"resolved": *"http/);
  });
});

describe('select', () => {
  test('has no dependencies', () => {
    expect(manifestOf('select').dependencies ?? {}).toEqual({});
  });

  test(
    'loads as a module, and from CommonJS with import()',
    async () => {
      const code = `import('@balancer/select').then((m) => console.log(typeof m.Balancer))`;
      for (const type of ['module', 'commonjs']) {
        const { stdout } = await execute(process.execPath, [`--input-type=${type}`, '-e', code], {
          cwd: root,
        });
        expect(stdout.trim()).toBe('function');
      }
    },
    TIMEOUT_MS,
  );

  test(
    'with one policy is below 30 KiB minified and 11 KiB compressed, and needs nothing of Node',
    async () => {
      const code = await browserBundle(`
        import { Balancer, Node, policies } from '@balancer/select';
        const nodes = ['a', 'b', 'c'].map((id) => new Node(id));
        const balancer = new Balancer({ policy: policies.weightedRoundRobin(), nodes });
        globalThis.picks = [1, 2, 3, 4].map(() => balancer.next().id).join('');
      `);
      expect(Buffer.byteLength(code)).toBeLessThan(30 * KIB);
      expect(gzipSync(code).byteLength).toBeLessThan(11 * KIB);
      const browser = createContext({ crypto, performance, setInterval, clearInterval, console });
      runInContext(code, browser);
      expect(browser).toMatchObject({ picks: 'abca' });
    },
    TIMEOUT_MS,
  );
});

/** A minified script of one entry with everything it imports, as a page would load it. */
async function browserBundle(entryCode: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'balancer-bundle-'));
  try {
    const entry = join(folder, 'entry.js');
    writeFileSync(entry, entryCode);
    const result = await build({
      root,
      logLevel: 'error',
      configFile: false,
      resolve: { alias: { '@balancer/select': join(root, 'packages/select/dist/index.js') } },
      build: {
        write: false,
        minify: true,
        lib: { entry, formats: ['iife'], name: 'bundle' },
      },
    });
    const [bundle] = Array.isArray(result) ? result : [result];
    if (bundle === undefined || !('output' in bundle)) throw new Error('nothing was built');
    return bundle.output.map((chunk) => ('code' in chunk ? chunk.code : '')).join('');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

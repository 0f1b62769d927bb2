import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ENTRY = fileURLToPath(new URL('./page.ts', import.meta.url));
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/chromium-browser'].find(
  (path) => existsSync(path),
);

/** What the page computes, as text: one V2 swap, one V1 swap, one float swap, one JSON round trip. */
const EXPECTED = 'v2 3990171834719112853003 v1 20021734699893455844 float 0.497512 json true';

describe('a browser bundle of the package', () => {
  let folder: string;
  let code: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pools-bundle-'));
    const built = await build({
      configFile: false,
      logLevel: 'silent',
      resolve: { conditions: ['balancer-source', 'browser', 'module', 'import', 'default'] },
      build: {
        write: false,
        minify: false,
        target: 'es2022',
        lib: { entry: ENTRY, formats: ['iife'], name: 'page' },
        // Node's modules stay visible as imports instead of being stubbed.
        rollupOptions: { external: [...builtinModules, /^node:/] },
      },
    });
    const [output] = Array.isArray(built) ? built : [built];
    if (output === undefined || !('output' in output)) throw new Error('vite gave no output');
    code = output.output[0].code;
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  test('imports nothing of Node', () => {
    expect(code).not.toMatch(/\brequire\(|from ["']|\bimport\(|\bprocess\.|\bBuffer\b/);
  });

  test('swaps where nothing but the language exists', () => {
    const context = createContext({ result: '' });
    runInContext(`${code}; result = page.compute();`, context, { timeout: 100_000 });
    expect(context['result']).toBe(EXPECTED);
  });

  test.skipIf(CHROMIUM === undefined)(
    'swaps in headless Chromium (skipped where none is installed)',
    async () => {
      const page = join(folder, 'page.html');
      writeFileSync(
        page,
        `<!doctype html><body><script>${code}; document.body.textContent = page.compute();</script>`,
      );
      const text = await dumpDom(page, join(folder, 'profile'));
      expect(text).toContain(EXPECTED);
    },
  );
});

function dumpDom(page: string, profile: string): Promise<string> {
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  const command = [...flags, `--user-data-dir=${profile}`, '--dump-dom', `file://${page}`];
  return new Promise((resolve, reject) => {
    execFile(CHROMIUM ?? '', command, { timeout: 100_000 }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}

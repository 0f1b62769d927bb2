import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { bundleText } from './bundle.ts';
import { SLOW } from './support.ts';

const PACKAGE = new URL('../../', import.meta.url);
const DOCUMENT = readFileSync(new URL('docs/adapters.md', PACKAGE), 'utf8');

// The other snippets run as they stand. This one starts itself as a worker, and a thread of Node 20
// reads no TypeScript, so it is made JavaScript first.
test('the snippet of the guide about worker threads prints what it says', SLOW, async () => {
  const [, code, output] = /## Worker threads\n\n```ts\n([^]*?)```\n\n```text\n([^]*?)```/.exec(
    DOCUMENT,
  )!;
  const program = await bundleText(code!, PACKAGE);
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(program)]);
  expect(stdout).toBe(output);
});

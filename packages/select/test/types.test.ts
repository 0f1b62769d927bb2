import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const TIMEOUT_MS = 120_000;

test(
  'the usage file compiles under the strictest settings, and its mistakes do not',
  async () => {
    const args = [
      'node_modules/typescript/bin/tsc',
      '--noEmit',
      '-p',
      'packages/select/test/types',
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root }).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(stdout).toBe('');
  },
  TIMEOUT_MS,
);

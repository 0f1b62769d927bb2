import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

const fixture = fileURLToPath(new URL('fixtures/writes-lines.ts', import.meta.url));

function logging(): ChildProcessWithoutNullStreams {
  const options = ['--conditions=balancer-source', '--import', 'tsx'];
  const child = spawn(process.execPath, [...options, fixture]);
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

describe('a process that logs to a pipe', () => {
  test('writes every line in order', async () => {
    const child = logging();
    // A reader that is late finds what a pipe holds, and a process that ends waits a second for it.
    let output = '';
    child.stdout.on('data', (bytes) => {
      output += String(bytes);
      if (output.includes('"i":1999')) child.stdin.end();
    });
    const [errors] = await Promise.all([text(child.stderr), once(child, 'close')]);
    const lines = output.trim().split('\n');
    const numbers = lines.slice(0, -1).map((line) => Number(Object(JSON.parse(line))['i']));
    expect(numbers).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    expect(lines.at(-1)).toContain('"msg":"last"');
    expect(errors).toBe('dropped 0\n');
  });

  test('goes on when the reader goes away, and counts what it lost', async () => {
    const child = logging();
    child.stdout.once('data', () => {
      child.stdout.destroy();
      child.stdin.end();
    });
    expect(await text(child.stderr)).toMatch(/^dropped [1-9]\d*\n$/);
    expect(child.signalCode).toBeNull();
  });
});

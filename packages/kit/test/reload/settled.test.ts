import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileSettled } from '../../src/reload/settled.ts';
import { temporaryDirectory } from '../temporary.ts';

test('fileSettled waits for a writer that empties the file first', async () => {
  const file = join(await temporaryDirectory(), 'config.toml');
  await writeFile(file, 'old');
  const handle = await open(file, 'w');
  let isSettled = false;
  const settle = async (): Promise<void> => {
    await fileSettled(file, { quietMs: 200, atMostMs: 60_000 });
    isSettled = true;
  };
  const settled = settle();
  let written = 0;
  const startedAt = performance.now();
  // As long as there is a write in every quiet time, it is not settled.
  while (performance.now() - startedAt < 500) {
    // oxlint-disable-next-line no-await-in-loop -- one line after the other
    await handle.write('line\n');
    written++;
    // oxlint-disable-next-line no-await-in-loop -- the clock of the file system is coarse
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const hasWrittenOften = performance.now() - startedAt < 700 && written > 20;
  if (hasWrittenOften) expect(isSettled).toBe(false);
  await handle.close();
  await settled;
  expect(isSettled).toBe(true);
});

test('fileSettled does not wait for a file that is not there', async () => {
  const file = join(await temporaryDirectory(), 'nothing');
  await expect(fileSettled(file, { quietMs: 2 ** 30 })).resolves.toBeUndefined();
});

test('fileSettled gives up on a writer that never ends', async () => {
  const file = join(await temporaryDirectory(), 'log');
  let round = 0;
  const timer = setInterval(() => void writeFile(file, 'x'.repeat(++round)), 1);
  await writeFile(file, '');
  await expect(fileSettled(file, { quietMs: 20, atMostMs: 100 })).resolves.toBeUndefined();
  clearInterval(timer);
});

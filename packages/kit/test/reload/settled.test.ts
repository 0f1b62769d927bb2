import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileSettled } from '../../src/reload/settled.ts';
import { temporaryDirectory } from '../temporary.ts';

test('fileSettled waits for a writer that empties the file first', async () => {
  const file = join(await temporaryDirectory(), 'config.toml');
  await writeFile(file, 'old');
  const handle = await open(file, 'w');
  let writes = 0;
  const pause = async (): Promise<void> => {
    if (writes === 10) return;
    writes++;
    await handle.write('line\n');
  };
  await fileSettled(file, { quietMs: 200, atMostMs: 60_000, pause });
  await handle.close();
  expect(writes).toBe(10);
});

test('fileSettled does not wait for a file that is not there', async () => {
  const file = join(await temporaryDirectory(), 'nothing');
  await expect(fileSettled(file, { quietMs: 2 ** 30 })).resolves.toBeUndefined();
});

test('fileSettled gives up on a writer that never ends', async () => {
  const file = join(await temporaryDirectory(), 'log');
  await writeFile(file, '');
  let writes = 0;
  const pause = (): Promise<void> => writeFile(file, 'x'.repeat(++writes));
  await fileSettled(file, { quietMs: 20, atMostMs: 100, pause });
  expect(writes).toBe(5);
});

import { onTestFinished } from 'vitest';
import { temporaryFolder as createFolder } from './temporary-folder.ts';

/** A directory that goes away with the test. */
export function temporaryFolder(): string {
  const { folder, remove } = createFolder();
  onTestFinished(remove);
  return folder;
}

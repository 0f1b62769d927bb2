/** Places for the data of cases. */
import type { CaseStorage } from './cases/harness.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A data directory of its own. */
export async function embeddedStorage(): Promise<CaseStorage> {
  const { folder, remove } = temporaryFolder();
  return { config: { data_dir: folder }, close: async () => remove() };
}

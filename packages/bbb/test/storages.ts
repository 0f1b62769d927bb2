/** Places for the data of cases. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseStorage } from './cases/harness.ts';

/** A data directory of its own. */
export async function embeddedStorage(): Promise<CaseStorage> {
  const folder = mkdtempSync(join(tmpdir(), 'balancer-bbb-'));
  return {
    config: { data_dir: folder },
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

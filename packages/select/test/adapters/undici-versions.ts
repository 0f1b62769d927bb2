/** The versions of undici that the adapters are tested with. */
import { createRequire } from 'node:module';
import * as undici7 from 'undici';
import * as undici6 from 'undici6';

/** What the tests use of undici, with the types of version 7. */
export type Undici = Pick<typeof undici7, 'Client' | 'Dispatcher' | 'Pool' | 'fetch'>;

const [nodeMajor = 0, nodeMinor = 0] = process.versions.node.split('.').map(Number);
const hasUndici8 = nodeMajor > 22 || (nodeMajor === 22 && nodeMinor >= 19);

/** Why a version is not in the list; empty when all are. */
export const SKIPPED_UNDICI: string = hasUndici8
  ? ''
  : `undici 8 needs Node 22.19 or newer; this is ${process.versions.node}`;

export const UNDICI_VERSIONS: [name: string, undici: Undici][] = [
  [nameOf('undici6'), undici6 as unknown as Undici],
  [nameOf('undici'), undici7],
];
if (hasUndici8) {
  // Not imported above, because an older Node cannot load it.
  UNDICI_VERSIONS.push([nameOf('undici8'), (await import('undici8')) as unknown as Undici]);
}

function nameOf(packageName: string): string {
  const require = createRequire(import.meta.url);
  return `undici ${(require(`${packageName}/package.json`) as { version: string }).version}`;
}

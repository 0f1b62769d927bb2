/**
 * Runs folders of packet cases on both builds and prints what differs:
 *
 *     npm run packets -w packages/l4 -- cases
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCase } from './harness.ts';
import { HOOKS, PacketHost } from './packet-host.ts';
import { parseCases, type PacketCase } from './packet-case.ts';

const folders = process.argv.slice(2);
if (folders.length === 0 || folders.includes('--help')) {
  console.log('usage: packets <folder of case files>...');
  process.exit(folders.length === 0 ? 2 : 0);
}

const host = new PacketHost();
let failed = 0;
for (const { file, packetCase } of readCases(folders)) {
  for (const hook of packetCase.hooks ?? HOOKS) {
    const problems = runCase(packetCase, hook, host);
    if (problems.length > 0) failed++;
    const mark = problems.length === 0 ? 'ok    ' : 'FAILED';
    console.log(`${mark} ${hook.padEnd(3)} ${file}: ${packetCase.title}`);
    for (const problem of problems) console.log(`           ${problem}`);
  }
}
host.close();
if (failed > 0) process.exitCode = 1;

function* readCases(paths: readonly string[]): Generator<{ file: string; packetCase: PacketCase }> {
  for (const folder of paths) {
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
      for (const packetCase of parseCases(readFileSync(join(folder, file), 'utf8'))) {
        yield { file, packetCase };
      }
    }
  }
}

/**
 * Runs folders of packet cases on both builds and prints what differs:
 *
 *     npm run packets -w packages/l4 -- cases
 *
 * Exit code 0: all hold; 1: some differ; 2: a file is wrong, or there is none.
 *
 * @module
 */
import { messageOf } from '@balancer/kit';
import { CaseFileError, readCases } from './case-file.ts';
import { runCase } from './harness.ts';
import { HOOKS, PacketHost } from './packet-host.ts';

const folders = process.argv.slice(2);
if (folders.length === 0 || folders.includes('--help')) {
  console.log('usage: packets <folder of case files>...');
  process.exit(folders.length === 0 ? 2 : 0);
}
if (process.getuid?.() !== 0) {
  console.error('packets: needs root, to load programs and to make network namespaces');
  process.exit(1);
}

const files = readAll();
const host = new PacketHost();
let failed = 0;
let count = 0;
for (const { file, cases } of files) {
  for (const packetCase of cases) {
    for (const hook of packetCase.hooks ?? HOOKS) {
      const problems = runCase(packetCase, hook, host);
      count++;
      if (problems.length > 0) failed++;
      const mark = problems.length === 0 ? 'ok    ' : 'FAILED';
      console.log(`${mark} ${hook.padEnd(3)} ${file}: ${packetCase.title}`);
      for (const problem of problems) console.log(`           ${problem}`);
    }
  }
}
host.close();
console.log(failed === 0 ? `${count} runs, all as expected` : `${failed} of ${count} runs FAILED`);
if (failed > 0) process.exitCode = 1;

/** The cases of all folders, or the end of the process with what is wrong with them. */
function readAll(): ReturnType<typeof readCases> {
  try {
    return folders.flatMap((folder) => readCases(folder));
  } catch (error) {
    if (!(error instanceof CaseFileError)) throw error;
    console.error(messageOf(error));
    return process.exit(2);
  }
}

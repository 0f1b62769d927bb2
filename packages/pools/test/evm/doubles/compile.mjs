/**
 * Compiles `Doubles.sol` into `doubles.json`. Run by hand after a change of the source:
 *
 *   npm install --no-save --ignore-scripts solc@0.8.30 && node packages/pools/test/evm/doubles/compile.mjs
 *
 * The JSON records the hash of the source, and a test compares the two, so a forgotten run shows.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import solc from 'solc';

const source = readFileSync(new URL('Doubles.sol', import.meta.url), 'utf8');
const settings = {
  evmVersion: 'london',
  optimizer: { enabled: true, runs: 10_000 },
  metadata: { bytecodeHash: 'none', appendCBOR: false },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
};
const input = { language: 'Solidity', sources: { 'Doubles.sol': { content: source } }, settings };
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((e) => e.severity === 'error');
if (errors.length > 0) throw new Error(errors.map((e) => e.formattedMessage).join('\n'));

const contracts = Object.fromEntries(
  Object.entries(output.contracts['Doubles.sol']).map(([name, contract]) => [
    name,
    { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` },
  ]),
);
const sourceSha256 = createHash('sha256').update(source).digest('hex');
const document = {
  compiler: solc.version(),
  evmVersion: settings.evmVersion,
  sourceSha256,
  contracts,
};
writeFileSync(new URL('doubles.json', import.meta.url), `${JSON.stringify(document)}\n`);

/** `npm run api`: writes the API reference to `docs/pools-api.md`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { apiIndex } from './api-index.ts';

const ROOT = fileURLToPath(new URL('../src', import.meta.url));
const TARGET = fileURLToPath(new URL('../../../docs/pools-api.md', import.meta.url));
writeFileSync(TARGET, apiIndex(ROOT));

export { InputError, Revert } from './errors.ts';
export * as float from './float/index.ts';
export * as math from './math/index.ts';
export * as v1 from './v1/index.ts';
export * as v2 from './v2/index.ts';

/**
 * Known answers: files of recorded calls, replayed against this library.
 *
 * @module
 */
export { type Difference, type VectorCase, type VectorFile, parseVectorFile } from './case.ts';
export { isOfPools, replayCase } from './replay.ts';
export { type FileReport, describeReport, isVectorFile, replayFile } from './report.ts';

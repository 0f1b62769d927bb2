/**
 * Pools through time.
 *
 * @module
 */
export * from './core.ts';
export {
  importFile,
  type ImportOptions,
  importPrices,
  type ImportResult,
  readStateFile,
  RECORD_FORMATS,
  type RecordFormat,
} from './records/import-file.ts';

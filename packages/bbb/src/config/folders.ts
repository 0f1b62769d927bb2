/**
 * Where recordings lie: as configured, else below the data directory, else where Scalelite has them.
 *
 * @module
 */
import { dirname, join } from 'node:path';
import type { BbbConfig } from './keys.ts';

/** Absolute or relative paths of the folders of recordings. */
export interface RecordingFolders {
  /** Archives come in here. */
  readonly spool: string;
  /** Archives are unpacked here. */
  readonly work: string;
  /** The only tree that is served. */
  readonly published: string;
  readonly unpublished: string;
  /** Archives that cannot be imported end here, each with a text that says why. */
  readonly failed: string;
}

type FolderConfig = Pick<
  BbbConfig,
  | 'database_url'
  | 'data_dir'
  | 'recordings_spool_dir'
  | 'recordings_work_dir'
  | 'recordings_publish_dir'
  | 'recordings_unpublish_dir'
  | 'recordings_failed_dir'
>;

/** The folders of a configuration. */
export function recordingFolders(config: FolderConfig): RecordingFolders {
  const isEmbedded = config.database_url === '';
  const base = isEmbedded ? join(config.data_dir, 'recordings') : '/var/bigbluebutton';
  const spool = config.recordings_spool_dir || join(base, 'spool');
  const work = isEmbedded ? join(base, 'work') : join(base, 'recording', 'scalelite');
  return {
    spool,
    work: config.recordings_work_dir || work,
    published: config.recordings_publish_dir || join(base, 'published'),
    unpublished: config.recordings_unpublish_dir || join(base, 'unpublished'),
    failed: config.recordings_failed_dir || join(dirname(spool), 'failed'),
  };
}

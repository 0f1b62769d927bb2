/**
 * What operators do with archives on their way in, and with calls on their way out.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recordingFolders } from '../config/folders.ts';
import type { GatewayContext } from '../context.ts';
import { failedArchives, REASON_SUFFIX, spooledArchives, takeBack } from '../recordings/spool.ts';
import type { Delivery } from '../store/deliveries.ts';
import type { DeliveryState } from '../store/schema.ts';
import { OperationError } from './servers.ts';

/** Archives that wait, and those that were put aside. */
export interface ImportList {
  /** The archive at hand in this process; null for none. */
  readonly current: string | null;
  readonly waiting: readonly {
    readonly file: string;
    readonly size_bytes: number;
    readonly modified_at: string;
  }[];
  readonly failed: readonly {
    readonly file: string;
    readonly size_bytes: number;
    readonly failed_at: string;
    readonly reason: string;
  }[];
}

/** A call that is owed to somebody, without its content. */
export interface DeliveryView {
  readonly id: string;
  readonly kind: string;
  /** Host that is called: paths and queries may hold secrets. */
  readonly host: string;
  readonly state: string;
  readonly attempts: number;
  readonly created_at: string;
  /** Next try, or when it ended. */
  readonly next_at: string;
  readonly last_error: string;
}

export async function listImports(
  { config }: GatewayContext,
  current: string | null,
): Promise<ImportList> {
  const { spool, failed } = recordingFolders(config());
  const waiting = await spooledArchives(spool);
  const aside = await failedArchives(failed);
  return {
    current,
    waiting: waiting.map(({ file, sizeBytes, modifiedMs }) => ({
      file,
      size_bytes: sizeBytes,
      modified_at: new Date(modifiedMs).toISOString(),
    })),
    failed: await Promise.all(
      aside.map(async ({ file, sizeBytes, failedMs }) => ({
        file,
        size_bytes: sizeBytes,
        failed_at: new Date(failedMs).toISOString(),
        reason: await reasonOf(join(failed, `${file}${REASON_SUFFIX}`)),
      })),
    ),
  };
}

/** Puts an archive back into the spool. @throws {OperationError} if there is none of that name. */
export async function retryImport({ config }: GatewayContext, file: string): Promise<void> {
  const { spool, failed } = recordingFolders(config());
  if (await takeBack(file, { spool, failed })) return;
  throw new OperationError('unknown', `there is no failed archive ${file} in ${failed}`);
}

/** The newest entries of the queue. */
export async function listDeliveries(
  { store }: GatewayContext,
  { state, limit }: { readonly state: DeliveryState | undefined; readonly limit: number },
): Promise<DeliveryView[]> {
  return (await store.deliveries.list(state, limit)).map(viewOfDelivery);
}

/** Makes an entry due now. @throws {OperationError} if there is none. */
export async function retryDelivery({ store, nowMs }: GatewayContext, id: string): Promise<void> {
  if (await store.deliveries.retry(id, nowMs())) return;
  throw new OperationError('unknown', `there is no delivery ${id}`);
}

function viewOfDelivery(delivery: Delivery): DeliveryView {
  return {
    id: delivery.id,
    kind: delivery.kind,
    host: URL.canParse(delivery.url) ? new URL(delivery.url).host : '',
    state: delivery.state,
    attempts: delivery.attempts,
    created_at: new Date(delivery.created_at_ms).toISOString(),
    next_at: new Date(delivery.next_at_ms).toISOString(),
    last_error: delivery.last_error,
  };
}

async function reasonOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return '';
  }
}

/**
 * `--dest-check` of `ipvsadm`, as DPVS has it: `default`, or `down_retry,up_confirm,down_wait,inhibit_min-inhibit_max` in
 * seconds.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_DEST_CHECK, type DestCheck } from '../passive-health.ts';
import { IpvsUsageError } from './options.ts';

const DETAIL = /^(\d{1,9}),(\d{1,9}),(\d{1,9})s?,(\d{1,9})-(\d{1,9})s?$/;

/** `undefined` for `disable`. @throws {IpvsUsageError} */
export function parseDestCheck(text: string): DestCheck | undefined {
  if (text === 'disable') return undefined;
  if (text === 'default') return DEFAULT_DEST_CHECK;
  const [downRetry = 0, upConfirm = 0, downWaitS = 0, inhibitMinS = 0, inhibitMaxS = 0] =
    DETAIL.exec(text)?.slice(1).map(Number) ?? [];
  const isPossible = Math.min(downRetry, upConfirm, downWaitS, inhibitMinS) > 0;
  if (isPossible && inhibitMinS <= inhibitMaxS) {
    return { downRetry, upConfirm, downWaitS, inhibitMinS, inhibitMaxS };
  }
  throw new IpvsUsageError(
    `illegal --dest-check \`${text}'; there are disable, default, and such as 1,1,3s,5-3600s`,
  );
}

export function formatDestCheck(check: DestCheck): string {
  if (isDeepStrictEqual(check, DEFAULT_DEST_CHECK)) return 'default';
  const { downRetry, upConfirm, downWaitS, inhibitMinS, inhibitMaxS } = check;
  return `${downRetry},${upConfirm},${downWaitS}s,${inhibitMinS}-${inhibitMaxS}s`;
}

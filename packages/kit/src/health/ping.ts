/**
 * Health check by an ICMP echo.
 *
 * A raw socket needs a privilege and an interface that the runtime does not have; the system's
 * `ping` has both.
 *
 * @module
 */
import { isIP } from 'node:net';
import type { PingCheck } from './check.ts';
import { exitOf } from './exec.ts';
import { CheckFailure, CheckSpecError, type Probe } from './probe.ts';

/** Where `ping` is looked for: the search path of a service manager, not that of a user. */
const SEARCH_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
/** Exit code of iputils' `ping` when no answer came. */
const NO_ANSWER = 1;

/** @throws {CheckSpecError} if the target is no IP address or name. */
export function createPingProbe({ target, timeoutMs, sourceAddress }: PingCheck): Probe {
  if (target.kind !== 'inet') throw new CheckSpecError('a ping check needs an address');
  const { host } = target;
  const args = [
    ...(isIP(host) === 0 ? [] : [isIP(host) === 6 ? '-6' : '-4']),
    '-nq',
    '-c1',
    `-W${Math.ceil(timeoutMs / 1000)}`,
    ...(sourceAddress === undefined ? [] : ['-I', sourceAddress]),
    '--',
    host,
  ];
  return async (signal) => {
    const { code } = await exitOf({ program: 'ping', args, env: { PATH: SEARCH_PATH } }, signal);
    if (code === NO_ANSWER) throw new CheckFailure('no answer to ping');
    if (code !== 0) throw new CheckFailure(`ping cannot send (exit code ${code})`);
  };
}

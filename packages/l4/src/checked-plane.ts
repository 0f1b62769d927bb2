/**
 * What of a plane the checks of the host look at.
 *
 * @module
 */
import type { ServiceSpec } from './desired.ts';
import type { EngineOptions } from './engine.ts';
import type { CheckedPlane } from './host-checks.ts';

export function checkedPlane(
  { hook, interfaces, pinPath, manageVips }: EngineOptions,
  services: readonly ServiceSpec[],
  hasCookieSecret: boolean,
): CheckedPlane {
  return {
    hook,
    interfaces,
    pinPath,
    manageVips,
    services: services.flatMap(({ address, match }) => (match ? [] : [address])),
    localAddresses: services.flatMap(({ localAddresses }) => localAddresses),
    backends: services.flatMap(({ backends, match }) => (match ? [] : backends)),
    sharesCookies: hasCookieSecret && services.some(({ synProxy }) => synProxy !== 'off'),
  };
}

/** Services and settings for tests, with everything that a case does not say. */
import { DEFAULT_TIMEOUTS } from '../../src/constants.ts';
import { OPEN, type BackendSpec, type PlaneSettings, type ServiceSpec } from '../../src/desired.ts';

export const SETTINGS: PlaneSettings = {
  timeouts: DEFAULT_TIMEOUTS,
  newFlowCap: 0,
  portLow: 1025,
  portHigh: 65_535,
  tunnelSources: [],
  replyPath: 'fib',
  unknownPort: 'pass',
  drainTimeoutS: 0,
};

export function service(given: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    protocol: 'tcp',
    address: '203.0.113.1',
    port: 80,
    scheduler: 'wrr',
    hash: 'ip-port',
    mhTable: 251,
    fallback: true,
    persistenceS: 0,
    persistenceMask: 32,
    persistencePrefix6: 128,
    connTimeoutS: 0,
    expireQuiescent: false,
    synProxy: 'off',
    clientAddress: 'none',
    resetOnNoBackend: false,
    onePacket: false,
    maxConnections: 0,
    admission: OPEN,
    localAddresses: [],
    backends: [backend()],
    ...given,
  };
}

export function backend(given: Partial<BackendSpec> = {}): BackendSpec {
  return {
    address: '10.0.0.11',
    port: 8080,
    mode: 'nat',
    weight: 1,
    health: 'up',
    upper: 0,
    lower: 0,
    ...given,
  };
}

/** Servers 10.0.0.11 and following. */
export function backends(count: number, given: Partial<BackendSpec> = {}): BackendSpec[] {
  return Array.from({ length: count }, (_, index) =>
    backend({ address: `10.0.${index >> 7}.${11 + (index & 127)}`, ...given }),
  );
}

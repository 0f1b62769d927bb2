/**
 * The load balancer as `balancer run` wires it, in the process of the test.
 *
 * @module
 */
import { createLog } from '@balancer/kit';
import { loadLoadBalancerConfig } from '@balancer/lb';
import { Service, type ServiceOptions } from '../src/service.ts';
import { temporaryFile } from './support.ts';

/** The file asks for none. */
const NO_WORKERS: ServiceOptions['workers'] = {
  spawn: () => {
    throw new Error('no workers here');
  },
  inherited: () => [],
  onHopeless: () => {},
};

export interface StartedService {
  readonly service: Service;
  readonly file: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts a service that does not watch its file: what is read again, and when, is the test's to say.
 *
 * @param config - Text of the file; it should keep the log quiet.
 */
export async function startService(config: string): Promise<StartedService> {
  const { file, remove } = await temporaryFile('config.toml', config);
  const service = new Service({
    file,
    config: (await loadLoadBalancerConfig(file, {})).config,
    log: createLog({ level: 'fatal' }),
    environment: {},
    workers: NO_WORKERS,
  });
  const parts = service.parts.filter(({ name }) => name !== 'configuration file');
  // oxlint-disable no-await-in-loop -- in order, and back
  for (const part of parts) await part.start();
  const stop = async (): Promise<void> => {
    for (const part of parts.toReversed()) await part.stop();
    await remove();
  };
  // oxlint-enable no-await-in-loop
  return { service, file, stop };
}

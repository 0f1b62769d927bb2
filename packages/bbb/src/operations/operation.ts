/**
 * What an operation is: a schema for its input, and what it does in a gateway.
 *
 * @module
 */
import { z } from '@balancer/kit';
import type { GatewayContext } from '../context.ts';
import type { Importer } from '../recordings/importer.ts';
import type { Poller } from '../poll/poller.ts';
import { OperationError } from './servers.ts';

/** What operations work on. */
export interface OperationHost {
  readonly context: GatewayContext;
  readonly poller: Poller;
  readonly importer: Importer;
  /** Reads the configuration again; null where nobody can. */
  readonly reload?: (() => Promise<void>) | null;
}

/** An operation with the type of its input forgotten. */
export interface Operation {
  run(host: OperationHost, input: unknown): Promise<unknown>;
}

/** An operation that refuses input that does not fit its schema, saying why. */
export function operation<T>(
  schema: z.ZodType<T>,
  run: (host: OperationHost, input: T) => Promise<unknown>,
): Operation {
  return {
    run: async (host, input) => {
      const parsed = schema.safeParse(input);
      if (!parsed.success) throw new OperationError('invalid', z.prettifyError(parsed.error));
      return run(host, parsed.data);
    },
  };
}

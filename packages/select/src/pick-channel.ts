/**
 * The diagnostics channel `select:pick`, which gets `{ balancer, node, key }` for every pick while
 * somebody is subscribed. Looked up without an import, so that the same file loads in a browser,
 * where there is no such channel.
 *
 * @module
 */

/** The part of `node:diagnostics_channel` that is used here. */
interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

export const pickChannel: Channel | undefined = findChannel();

function findChannel(): Channel | undefined {
  if (typeof process === 'undefined') return undefined;
  // Node 20.16 and later; `undefined` elsewhere.
  const { getBuiltinModule } = process as {
    getBuiltinModule?: (id: string) => { channel(name: string): Channel } | undefined;
  };
  return getBuiltinModule?.('node:diagnostics_channel')?.channel('select:pick');
}

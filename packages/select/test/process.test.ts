/** What can only be seen from another process: determinism, timers, the diagnostics channel. */
import { execFile } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { policies } from '../src/index.ts';
import { balancerOf } from './support.ts';

const TIMEOUT_MS = 120_000;
const entry = new URL('../src/index.ts', import.meta.url).href;
const folder = fileURLToPath(new URL('..', import.meta.url));

/** Prints what a module that imports everything from select prints. */
async function runModule(code: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', `import * as s from '${entry}';\n${code}`],
    { cwd: folder },
  );
  return stdout;
}

describe('two processes', () => {
  test(
    'with the same seed and the same calls pick the same nodes',
    async () => {
      const code = `
        for (const name of ['random', 'p2c', 'peakEwma', 'aperture']) {
          const policy = s.policies[name]({ index: 1, peers: 3 });
          const nodes = Array.from({ length: 20 }, (_, i) => new s.Node('n' + i));
          const balancer = new s.Balancer({ policy, nodes, seed: 77 });
          const ids = [];
          for (let i = 0; i < 200; i++) {
            const node = balancer.next();
            if (i % 3) node.begin();
            ids.push(node.id);
          }
          console.log(name, ids.join());
        }`;
      const [one, two] = await Promise.all([runModule(code), runModule(code)]);
      expect(one).toBe(two);
      expect(one.split('\n')).toHaveLength(5);
    },
    TIMEOUT_MS,
  );

  test(
    'end although balancers with timers were never destroyed',
    async () => {
      const code = `
        const nodes = [new s.Node('a'), new s.Node('b')];
        const balancer = new s.Balancer({
          policy: s.policies.sticky({ inner: s.policies.first() }),
          nodes, outlier: {}, slowStart: { windowMs: 60_000 }, clock: 'coarse',
        });
        nodes[0].begin();
        void balancer.removeGracefully('a');
        console.log(balancer.next('k').id);`;
      expect(await runModule(code)).toBe('b\n');
    },
    TIMEOUT_MS,
  );
});

describe('the diagnostics channel select:pick', () => {
  test('publishes every pick while somebody is subscribed', () => {
    const balancer = balancerOf({ policy: policies.roundRobin(), name: 'channel-test' }, 2);
    const seen: unknown[] = [];
    const listener = (message: unknown): void => {
      if ((message as { balancer: string }).balancer === 'channel-test') seen.push(message);
    };
    balancer.next('before');
    subscribe('select:pick', listener);
    balancer.next('k');
    unsubscribe('select:pick', listener);
    balancer.next('after');
    const { getBuiltinModule } = process as { getBuiltinModule?: unknown };
    const expected = [{ balancer: 'channel-test', node: 'node-1', key: 'k' }];
    expect(seen).toEqual(getBuiltinModule === undefined ? [] : expected);
  });
});

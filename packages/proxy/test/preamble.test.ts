import { expect, test, vi } from 'vitest';
import { parseLoadBalancerConfig } from '@balancer/lb';
import { HELLO_MAX_BYTES } from '../src/client-hello.ts';
import { Preamble } from '../src/preamble.ts';
import { configOf } from './support.ts';

const SNI = '[[frontends.in.sni]]\nhosts = ["a.example"]\nbackend = "out"';

test('a preamble that comes one byte at a time is copied a few times over at most', () => {
  const toml = configOf({ servers: ['127.0.0.1:1'], frontend: SNI });
  const { config } = parseLoadBalancerConfig(toml, 'test.toml');
  const preamble = new Preamble(config.frontends['in']!);
  const bytes = Buffer.alloc(HELLO_MAX_BYTES - 1, 0xff);
  Buffer.from('160301400001003ffc', 'hex').copy(bytes);
  const copies = vi.spyOn(Buffer.prototype, 'copy');
  const states = new Set<string>();
  for (const byte of bytes) states.add(preamble.feed(Buffer.from([byte])).state);
  const copiedBytes = copies.mock.results.reduce((sum, { value }) => sum + Number(value), 0);
  vi.restoreAllMocks();
  expect([...states]).toEqual(['more']);
  expect(copiedBytes).toBeLessThan(4 * bytes.length);
});

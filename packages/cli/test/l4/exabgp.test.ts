import { describe, expect, test } from 'vitest';
import { ExabgpRoutes } from '../../src/l4/exabgp.ts';

describe('the lines for ExaBGP', () => {
  test('announce what came and withdraw what went, each once', () => {
    const routes = new ExabgpRoutes({ nextHop: 'self', community: undefined });
    expect(routes.follow(['203.0.113.1', '2001:db8::1'])).toBe(
      'announce route 203.0.113.1/32 next-hop self\nannounce route 2001:db8::1/128 next-hop self\n',
    );
    expect(routes.follow(['203.0.113.1', '2001:db8::1'])).toBe('');
    expect(routes.follow(['203.0.113.2', '2001:db8::1'])).toBe(
      'withdraw route 203.0.113.1/32 next-hop self\nannounce route 203.0.113.2/32 next-hop self\n',
    );
    expect(routes.follow([])).toBe(
      'withdraw route 203.0.113.2/32 next-hop self\nwithdraw route 2001:db8::1/128 next-hop self\n',
    );
  });

  test('carry a next hop and a community', () => {
    const routes = new ExabgpRoutes({ nextHop: '10.0.0.2', community: '65000:80' });
    expect(routes.follow(['203.0.113.1'])).toBe(
      'announce route 203.0.113.1/32 next-hop 10.0.0.2 community [65000:80]\n',
    );
  });
});

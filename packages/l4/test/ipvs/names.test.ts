import { describe, expect, test } from 'vitest';
import { namesOf, numbersOf, portByName } from '../../src/ipvs/names.ts';

describe('names of hosts and ports', () => {
  test('are those of the resolver and of /etc/services; what has none stays a number', async () => {
    const nameOf = await namesOf(['127.0.0.1', '192.0.2.1', '2001:db8::1']);
    expect(nameOf('127.0.0.1', 1, 'tcp')).toMatch(/^localhost/);
    expect(nameOf('192.0.2.1', 65_001, 'tcp')).toBe('192.0.2.1:65001');
    expect(nameOf('2001:db8::1', 65_001, 'udp')).toBe('[2001:db8::1]:65001');
    const http = portByName('http', 'tcp');
    expect(nameOf('192.0.2.1', 80, 'tcp')).toBe(`192.0.2.1:${http === 80 ? 'http' : 80}`);
    expect(numbersOf('192.0.2.1', 80, 'tcp')).toBe('192.0.2.1:80');
  });

  test('are none for a port that nobody knows', () => {
    expect(portByName('no-such-service', 'tcp')).toBeUndefined();
  });
});

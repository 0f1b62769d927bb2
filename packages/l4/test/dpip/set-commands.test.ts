import { describe, expect, test } from 'vitest';
import { parseDpip } from '../../src/dpip/call.ts';
import { setCommand } from '../../src/dpip/set-commands.ts';

/** A plane that notes what it is asked, and answers questions with `answers`. */
async function asked(
  line: string,
  answers?: unknown,
): Promise<{
  readonly requests: readonly unknown[];
  readonly text: string;
  readonly isNo: boolean;
}> {
  const requests: unknown[] = [];
  const note =
    (method: string) =>
    (path: string, body?: unknown): Promise<unknown> => {
      requests.push(body === undefined ? [method, path] : [method, path, body]);
      return Promise.resolve(answers);
    };
  const plane = { get: note('GET'), put: note('PUT'), post: note('POST'), delete: note('DELETE') };
  const call = parseDpip(line.split(' '));
  if (call === 'help') throw new Error('help');
  const { text, isNo = false } = await setCommand(call, plane);
  return { requests, text, isNo };
}

describe('dpip ipset', () => {
  test.each([
    ['create office hash:net', ['POST', '/l4/sets', { name: 'office', networks: [] }]],
    ['destroy office', ['DELETE', '/l4/sets/office']],
    ['flush office', ['PUT', '/l4/sets/office', { networks: [] }]],
    [
      'add office 192.0.2.0/24 ::1',
      ['POST', '/l4/sets/office/members', { add: ['192.0.2.0/24', '::1'] }],
    ],
    ['del office ::1', ['POST', '/l4/sets/office/members', { remove: ['::1'] }]],
    ['destroy a/../b', ['DELETE', '/l4/sets/a%2F..%2Fb']],
  ])('%s', async (line, request) => {
    expect(await asked(`ipset ${line}`)).toEqual({ requests: [request], text: '', isNo: false });
  });

  test('an address is in a set or not', async () => {
    const request = ['GET', '/l4/sets/office/test?network=192.0.2.9'];
    expect(await asked('ipset test office 192.0.2.9', { member: true })).toEqual({
      requests: [request],
      text: '192.0.2.9 is in set office.\n',
      isNo: false,
    });
    expect(await asked('ipset test office 192.0.2.9', { member: false })).toMatchObject({
      text: '192.0.2.9 is NOT in set office.\n',
      isNo: true,
    });
  });

  test('show lists sets as ipset does, those of one family with -4 or -6', async () => {
    const sets = [
      {
        name: 'office',
        networks: ['192.0.2.0/24', '2001:db8::/32'],
        services: ['tcp 203.0.113.1:80'],
        ordered: true,
      },
      { name: 'bots', networks: [], services: [], ordered: false },
    ];
    expect((await asked('ipset show', sets)).text).toBe(`Name: office
Type: hash:net
Header: changed since the file was loaded
References: 1
Number of entries: 2
Members:
192.0.2.0/24
2001:db8::/32
Name: bots
Type: hash:net
Header: as in the file
References: 0
Number of entries: 0
Members:
`);
    expect((await asked('-6 ipset show office', sets)).text).toContain(
      'Number of entries: 1\nMembers:\n2001:db8::/32\n',
    );
  });

  test.each([
    ['show nobody', 'no set nobody'],
    ['create', 'ipset create needs the name of a set'],
    ['add office', 'ipset add needs an address or a network, as 192.0.2.0/24'],
    [
      'add office 192.0.2.0/33',
      'ipset add: 192.0.2.0/33 is no address or network, as 192.0.2.0/24',
    ],
    ['rename a b', 'ipset rename: there is create, destroy, add, del, test, flush and show'],
  ])('%s is refused', async (line, message) => {
    await expect(asked(`ipset ${line}`, [])).rejects.toThrow(message);
  });
});

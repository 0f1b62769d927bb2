import { chmod, symlink, truncate, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigFileError, loadConfigFile } from '../../src/index.ts';
import { temporaryDirectory } from '../temporary.ts';
import { check, parseSample, problemsOf, schema } from './sample.ts';

const GOOD = `
[doors.front]
listen_addr = ":80"
room = "hall"
[rooms.hall.guests.a]
addr = "127.0.0.1:8080"
`;

describe('parseConfig', () => {
  test('fills defaults and reads durations, sizes and addresses', () => {
    const { value, warnings } = parseSample(`${GOOD}[global]\ntimeout = "250ms"\nbuffer = "1MiB"`);
    expect(value.global).toEqual({ workers: 1, timeout: 250, buffer: 1_048_576 });
    expect(value.doors['front']?.listen_addr).toEqual({ kind: 'inet', host: '', port: 80 });
    expect(value.rooms['hall']?.guests['a']?.weight).toBe(1);
    expect(warnings).toEqual([]);
  });

  test.each([
    [
      'lisen_addr = ":80"\nroom = "hall"',
      '2:1: doors.x.lisen_addr: unknown key; did you mean "listen_addr"?',
    ],
    [
      'listen_addr = ":80"\nroom = "hall"\nzzz = 1',
      '4:1: doors.x.zzz: unknown key; allowed: listen_addr, protocol, room, allow',
    ],
    [
      'listen_addr = "127.0.0.1"\nroom = "hall"',
      '2:15: doors.x.listen_addr: needs "host:port"; got "127.0.0.1"',
    ],
    [
      'listen_addr = [":80", "7"]\nroom = "hall"',
      '2:23: doors.x.listen_addr[1]: needs "host:port"; got "7"',
    ],
    [
      'listen_addr = true\nroom = "hall"',
      '2:15: doors.x.listen_addr: needs "host:port" or an array; got true',
    ],
    ['room = "hall"', '1:8: doors.x.listen_addr: missing; needs "host:port" or an array'],
    ['listen_addr = ":80"\nroom = 5', '3:8: doors.x.room: must be a string; got 5'],
    ['listen_addr = ":80"\nroom = "hal"', '3:8: doors.x.room: rooms has no "hal"; known: hall'],
    [
      'listen_addr = ":80"\nroom = "hall"\nprotocol = "tpc"',
      '4:12: doors.x.protocol: must be one of "tcp", "udp"; got "tpc"',
    ],
    [
      'listen_addr = ":80"\nroom = "hall"\nallow = ["10.0.0.0/8", "10.0.0.0/33"]',
      '4:24: doors.x.allow[1]: needs an address or a network such as "10.0.0.0/8"; got "10.0.0.0/33"',
    ],
    [
      'listen_addr = ":70000"\nroom = "hall"',
      '2:15: doors.x.listen_addr: port must be an integer from 0 to 65535; got 70000',
    ],
  ])('says what is wrong with a door: %s', (body, problem) => {
    expect(problemsOf(`[doors.x]\n${body}\n[rooms.hall.guests.a]\naddr = "h:1"`)).toEqual([
      `c.toml:${problem}`,
    ]);
  });

  test.each([
    ['weight = -1', '4:10: rooms.r.guests.a.weight: must be an integer from 0 to 65535; got -1'],
    [
      'weight = 70000',
      '4:10: rooms.r.guests.a.weight: must be an integer from 0 to 65535; got 70000',
    ],
    ['weight = 1.5', '4:10: rooms.r.guests.a.weight: must be an integer from 0 to 65535; got 1.5'],
    ['weight = "1"', '4:10: rooms.r.guests.a.weight: must be an integer from 0 to 65535; got "1"'],
    [
      'weight = 9007199254740993',
      '4:10: rooms.r.guests.a.weight: must be an integer from -9007199254740991 to 9007199254740991; got 9007199254740993',
    ],
    [
      'weight = 1979-05-27',
      '4:10: rooms.r.guests.a.weight: must be an integer from 0 to 65535; got a date',
    ],
    ['[rooms.e]', '4:8: rooms.e: has no guests'],
    [
      '[rooms.r.guests.b]\naddr = "h:1"',
      '5:8: rooms.r.guests.b.addr: same address as guests.a (line 2)',
    ],
    ['[rooms.r.guests.b]', '4:17: rooms.r.guests.b.addr: missing; needs "host:port"'],
    ['[source]', '4:2: source.type: missing; must be one of "file", "dns"'],
    ['[source]\ntype = "srv"', '5:8: source.type: must be one of "file", "dns"; got "srv"'],
    ['[source]\ntype = "dns"', '4:2: source.name: missing; must be a string'],
    ['[global]\nworkers = 0', '5:11: global.workers: must be an integer from 1 to 64; got 0'],
    [
      '[global]\nworkers = true',
      '5:11: global.workers: must be "auto" or an integer from 1 to 64; got true',
    ],
    [
      '[global]\ntimeout = "5x"',
      '5:11: global.timeout: must be a duration: seconds, or a string such as "250ms", "5s", "10m", "1h"; got "5x"',
    ],
    ['[global]\ntimeout = "2m"', '5:11: global.timeout: must be at most 1m; got 2m'],
    ['[global]\nbuffer = 10', '5:10: global.buffer: must be at least 1KiB; got 10B'],
    ['[global]\ntoken = "file:/no/such"', '5:9: global.token: cannot read /no/such: ENOENT'],
    [
      '[global]\ntoken = "file:such"',
      '5:9: global.token: needs an absolute path after "file:"; got "file:such"',
    ],
    [
      '[global]\ntoken = "${NO_SUCH}"',
      '5:9: global.token: environment variable NO_SUCH is not set; set it or write ${NO_SUCH:-default}',
    ],
    ['["a b".__proto__]', '4:8: "a b".__proto__: this name is not allowed; choose another'],
  ])('says what is wrong with a room: %s', (body, problem) => {
    const text = `[rooms.r]\n[rooms.r.guests.a]\naddr = "h:1"\n${body}`;
    expect(problemsOf(text)).toContain(`c.toml:${problem}`);
  });

  test('reports problems of syntax, schema and meaning in file order, all at once', () => {
    expect(
      problemsOf(`[doors.a]
lisen_addr = ":80"
room = "missing"
[rooms.r.guests.s1]
addr = "127.0.0.1"
weight = -1
[rooms.empty]
[global]
timeout = "\${T}"
`),
    ).toEqual([
      'c.toml:2:1: doors.a.lisen_addr: unknown key; did you mean "listen_addr"?',
      'c.toml:3:8: doors.a.room: rooms has no "missing"; known: r, empty',
      'c.toml:5:8: rooms.r.guests.s1.addr: needs "host:port"; got "127.0.0.1"',
      'c.toml:6:10: rooms.r.guests.s1.weight: must be an integer from 0 to 65535; got -1',
      'c.toml:7:8: rooms.empty: has no guests',
      'c.toml:9:11: global.timeout: environment variable T is not set; set it or write ${T:-default}',
    ]);
  });

  test('looks inside the value of a misspelt key', () => {
    expect(problemsOf('[rooms.r.gests.a]\naddr = "x"\n')).toEqual([
      'c.toml:1:10: rooms.r.gests: unknown key; did you mean "guests"?',
      'c.toml:2:8: rooms.r.gests.a.addr: needs "host:port"; got "x"',
    ]);
  });

  test('does not say of a table with a broken part what may only be true because of it', () => {
    expect(problemsOf('[rooms.r.guests.a]\naddr = 5')).toEqual([
      'c.toml:2:8: rooms.r.guests.a.addr: needs "host:port"; got 5',
    ]);
  });

  test('keeps warnings apart from problems', () => {
    const { warnings } = parseSample('[rooms.r.guests.a]\naddr = "h:1"\nweight = 0');
    expect(warnings).toEqual([
      { file: 'c.toml', line: 1, column: 8, key: 'rooms.r', message: 'all weights are 0' },
    ]);
  });

  test.each([
    ['a = ', '1:5: syntax error at the end of the file; expected a value'],
    ['a = \nb = 1', '1:5: syntax error at the end of the line; expected a value'],
    ['a = 1 2', '1:7: syntax error at "2"; expected the end of the line'],
    [
      '[a\nb = 1',
      '1:3: syntax error at the end of the line; expected "]" at the end of a table name',
    ],
    [
      'a = "x\n',
      '1:7: syntax error at the end of the line; expected the closing quote of a string',
    ],
    ['a 1', '1:3: syntax error at "1"; expected "=" after the key'],
    ['a = 1\na = 2', '2:1: syntax error at "a"; this key or table is already defined above'],
    ['a = [1 2]', '1:8: syntax error at "2"; expected "," or the end of the list'],
    ['a = 01', '1:5: syntax error at "0"; a number must not start with 0'],
    [
      'a = "\u0001"',
      '1:6: syntax error at character U+0001; control characters are not allowed here; write \\uXXXX in a string in double quotes',
    ],
    [`a = ${'['.repeat(20_000)}`, `1:20005: syntax error at the end of the file; expected a value`],
  ])('points at the first offending character of %j', (text, problem) => {
    expect(problemsOf(text)).toEqual([`c.toml:${problem}`]);
  });

  test('refuses values nested deeper than 64 levels', () => {
    const text = `a = ${'['.repeat(80)}${']'.repeat(80)}`;
    expect(problemsOf(text)[0]).toContain('nested deeper than 64 levels');
  });

  test('ignores a byte order mark', () => {
    expect(parseSample(`\uFEFF${GOOD}`).value.doors['front']?.room).toBe('hall');
  });
});

describe('loadConfigFile', () => {
  const rules = { schema, check, environment: {} };

  test('reads a file through a symbolic link', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'real.toml'), GOOD);
    await symlink('real.toml', join(directory, 'link.toml'));
    const { file, value } = await loadConfigFile(join(directory, 'link.toml'), rules);
    expect(file).toBe(join(directory, 'link.toml'));
    expect(Object.keys(value.rooms)).toEqual(['hall']);
  });

  test.each<[string, (file: string) => unknown, RegExp]>([
    ['a file that is not there', () => {}, /:1:1: cannot read the file: ENOENT$/],
    [
      'a file that everybody may write',
      (file) => writeFile(file, '').then(() => chmod(file, 0o666)),
      /everybody may write this file \(mode 0666\); run chmod o-w on it$/,
    ],
    [
      'a file above the size limit',
      (file) => writeFile(file, '').then(() => truncate(file, 2 ** 20 + 1)),
      /the file has 1048577 bytes; at most 1048576 are read$/,
    ],
    [
      'a named pipe, without waiting for its writer',
      (file) => execFileSync('mkfifo', [file]),
      /not a regular file$/,
    ],
    [
      'bytes that are not UTF-8, at the first of them',
      (file) => writeFile(file, Buffer.from('a = 1\n# \u00e9\ufffd\xff', 'latin1')),
      /:2:3: not UTF-8; save the file as UTF-8$/,
    ],
  ])('refuses %s', async (_what, prepare, message) => {
    const file = join(await temporaryDirectory(), 'c.toml');
    await prepare(file);
    const loading = loadConfigFile(file, rules);
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toBeInstanceOf(ConfigFileError);
    await expect(loading).rejects.toMatchObject({ code: 'CONFIG_FILE' });
  });
});

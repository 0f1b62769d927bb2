import { describe, expect, test } from 'vitest';
import { configJsonSchema, formatConfig, parseConfig } from '../../src/index.ts';
import { schema } from './sample.ts';

const TEXT = `
[global]
token = "hunter2"
[doors.front]
listen_addr = [":80", "unix:/run/x"]
room = "$\${HOME} \\u0001"
[rooms.hall.guests.a]
addr = "[::1]:8080"
[source]
type = "file"
path = "/x"
`;

describe('formatConfig', () => {
  const parse = (text: string) => parseConfig(text, 'c.toml', { schema, environment: {} }).value;

  test('spells out defaults, hides secrets and keeps ${ literal', () => {
    expect(formatConfig(schema, parse(TEXT))).toBe(`[global]
workers = 1
timeout = "5s"
buffer = "64KiB"
token = "***"

[doors.front]
listen_addr = [ ":80", "unix:/run/x" ]
protocol = "tcp"
room = "$\${HOME} \\u0001"
allow = []

[rooms.hall.guests.a]
addr = "[::1]:8080"
weight = 1

[source]
type = "file"
path = "/x"
`);
  });

  test('writes the same again when its output is read', () => {
    const first = formatConfig(schema, parse(TEXT));
    expect(formatConfig(schema, parse(first))).toBe(first);
  });
});

test('configJsonSchema describes what the file may hold, not what the program gets', () => {
  expect(configJsonSchema(schema)).toMatchObject({
    type: 'object',
    additionalProperties: false,
    properties: {
      global: {
        properties: { timeout: { anyOf: [{ type: 'integer' }, { type: 'string' }] } },
      },
    },
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CERTIFICATE, KEY } from '../../../kit/test/health/certificate.ts';
import {
  formatLoadBalancerConfig,
  loadBalancerConfigJsonSchema,
  parseLoadBalancerConfig,
} from '../../src/config/load.ts';

const REFERENCE = new URL('../../../../docs/configuration.md', import.meta.url);

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly enum?: readonly string[];
}

/** A table with keys of any name is one row. */
const FREE_TABLE = 'frontends.<name>.xdp';
/** Everything else says what it may be. */
const WITHOUT_VALUES = /^defaults|\.balance$|\.mode$/;

/** Section and key of every key that the schema has, with the words it may hold. */
function keysOf(schema: Schema, section = ''): Map<string, readonly string[]> {
  const keys = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    const path = section === '' ? key : `${section}.${key}`;
    const record = path === FREE_TABLE ? undefined : value.additionalProperties || undefined;
    const nested = value.items?.properties ? value.items : value;
    if (record) for (const found of keysOf(record, `${path}.<name>`)) keys.set(...found);
    else if (nested.properties) for (const found of keysOf(nested, path)) keys.set(...found);
    if (!record && (!value.properties || value.items)) {
      keys.set(path, value.enum ?? value.items?.enum ?? []);
    }
  }
  return keys;
}

interface Row {
  readonly fallback: string;
  readonly meaning: string;
}

/** Rows of the reference by section and key. */
function rowsOf(markdown: string): Map<string, Row> {
  const rows = new Map<string, Row>();
  let section = '';
  for (const line of markdown.split('\n')) {
    const heading = /^#+ `\[+([^\]]+)\]+`$/.exec(line);
    if (heading) section = heading[1]!;
    const [, key, fallback, meaning = ''] =
      /^\| `(\w+)` \| (.+?) \| (.*?) ?\|$/.exec(line.replaceAll('| |', '|  |')) ?? [];
    if (key !== undefined && fallback !== undefined) {
      rows.set(`${section}.${key}`, { fallback, meaning });
    }
  }
  return rows;
}

/** A file that has every table and sets only what has no default; the plain frontend has the last word. */
const BARE = `
[global.access_log]
[frontends.<name>]
listen_addr = ":1"
backend = "<name>"
protocol = "tls"
[frontends.<name>.tls]
cert = "CERT"
key = "KEY"
[frontends.plain]
listen_addr = ":2"
backend = "<name>"
[backends.<name>.health]
[backends.<name>.outlier]
[backends.<name>.sticky]
[backends.<name>.servers.<name>]
addr = "192.0.2.1:1"
[backends.<name>.discovery]
name = "a.example:1"
[backends.<name>.tls]
[stats]
[l4]
interfaces = []
[l4.sets.plain]
`
  .replaceAll('<name>]', '"<name>"]')
  .replaceAll('<name>.', '"<name>".');

/** What the effective configuration says for each key, as TOML. */
function defaults(): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'balancer-reference-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [cert, key] = [join(folder, 'cert'), join(folder, 'key')];
  writeFileSync(cert, CERTIFICATE);
  writeFileSync(key, KEY);
  const text = BARE.replace('CERT', cert).replace('KEY', key);
  const printed = formatLoadBalancerConfig(parseLoadBalancerConfig(text, 'bare').config);
  const values = new Map<string, string>();
  let section = '';
  for (const line of printed.replaceAll(/"<name>"|plain/g, '<name>').split('\n')) {
    section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
    const [, key, value] = /^(\w+) = (.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(`${section}.${key}`, value);
  }
  return values;
}

describe('the reference of the configuration file', () => {
  const rows = rowsOf(readFileSync(REFERENCE, 'utf8'));
  const keys = keysOf(loadBalancerConfigJsonSchema());
  const documented = [...keys.keys()].filter((key) => !key.startsWith('defaults.'));

  test('has a row for every key, and for no other', () => {
    expect([...rows.keys()].toSorted()).toEqual(documented.toSorted());
  });

  test('gives the default that is in force', () => {
    const values = defaults();
    for (const [key, { fallback }] of rows) {
      if (/^(none|required)$/.test(fallback)) continue;
      expect(`${key} = \`${values.get(key)}\``).toBe(`${key} = ${fallback}`);
    }
  });

  test('names every word that a key may hold', () => {
    for (const key of documented.filter((each) => !WITHOUT_VALUES.test(each))) {
      const { fallback, meaning } = rows.get(key) ?? { fallback: '', meaning: '' };
      for (const word of keys.get(key) ?? []) {
        expect(`${key}: ${fallback} ${meaning}`).toContain(`"${word}"`);
      }
    }
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ServiceTable } from '../src/service-table.ts';
import { readStateFile, writeStateFile } from '../src/state-file.ts';
import { backend, service } from './support/services.ts';

describe('a state file', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'balancer-state-'));
    path = join(folder, 'state.json');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  test('keeps what was ordered over and beside the file: changed, added and deleted services', () => {
    const inFile = [service(), service({ port: 81 })];
    const changed = service({
      portRange: [2000, 3000],
      maxConnections: 9,
      backends: [backend({ weight: 7, upper: 5, lower: 4 })],
    });
    const added = service({ address: '2001:db8::1', protocol: 'udp', scheduler: 'mh' });
    const table = new ServiceTable();
    table.load(inFile);
    table.order(
      new Map([
        ['tcp 203.0.113.1:80', changed],
        ['udp [2001:db8::1]:80', added],
      ]),
      table.effective(),
    );
    const sets = [
      { name: 'office', networks: ['192.0.2.0/24'] },
      { name: 'gone', networks: null },
    ];
    expect(readStateFile(path)).toEqual({ orders: [], sets: [] });
    writeStateFile(path, { orders: table.orders, sets });
    expect(readStateFile(path).sets).toEqual(sets);
    const next = new ServiceTable();
    next.load(inFile, readStateFile(path).orders);
    expect([...next.effective()]).toEqual([
      ['tcp 203.0.113.1:80', changed],
      ['udp [2001:db8::1]:80', added],
    ]);
    next.load([service({ port: 90 })], readStateFile(path).orders);
    expect([...next.effective().keys()].toSorted()).toEqual([
      'tcp 203.0.113.1:80',
      'tcp 203.0.113.1:90',
      'udp [2001:db8::1]:80',
    ]);
  });

  test.each([
    ['{', /state\.json: .*JSON.*; mend it, or remove it/],
    ['{"version":2,"orders":[]}', /state\.json: .*version.*; mend it, or remove it/],
    [
      '{"version":1,"orders":[{"service":{"protocol":"tcp","address":"here","port":80},"order":null}]}',
      /state\.json: .*needs an IP address.*orders\[0\]\.service\.address/,
    ],
  ])('says what is wrong in %s', (text, message) => {
    writeStateFile(path, { orders: [], sets: [] });
    writeFileSync(path, text);
    expect(() => readStateFile(path)).toThrow(message);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('says when it cannot be written', () => {
    expect(() => writeStateFile('/nowhere/state.json', { orders: [], sets: [] })).toThrow(
      /^l4\.state_file \/nowhere\/state\.json: ENOENT/,
    );
  });
});

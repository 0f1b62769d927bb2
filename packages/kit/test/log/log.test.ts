import { execFileSync } from 'node:child_process';
import { constants, openSync, closeSync } from 'node:fs';
import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ConfigFileError,
  createLog,
  type LineOutput,
  LogTargetError,
  ManualClock,
  openLineOutput,
  Secret,
} from '../../src/index.ts';
import { escapeControls } from '../../src/text.ts';
import { temporaryDirectory } from '../temporary.ts';

/** An output that keeps its lines. */
function memoryOutput(): LineOutput & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    droppedLines: 0,
    write: (line) => void lines.push(line),
    reopen: () => {},
    flush: async () => {},
    close: async () => {},
  };
}

function entries(output: { readonly lines: readonly string[] }): Record<string, unknown>[] {
  return output.lines.map((line) => {
    const { ts, ...rest }: Record<string, unknown> = JSON.parse(line);
    expect(ts).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    return rest;
  });
}

describe('createLog', () => {
  test('writes JSON lines from its level on, with the fields of its children', () => {
    const lineOutput = memoryOutput();
    const log = createLog({ lineOutput, fields: { worker: 1 } });
    log.debug('not seen');
    log.child({ room: 'hall' }).info('ready', { listen: ['127.0.0.1:80'] });
    expect(entries(lineOutput)).toEqual([
      { level: 'info', msg: 'ready', worker: 1, room: 'hall', listen: ['127.0.0.1:80'] },
    ]);
  });

  test('writes text for people', () => {
    const lineOutput = memoryOutput();
    const log = createLog({ lineOutput, format: 'text' });
    log.warn('guest down', { guest: 'a', reason: 'timeout after 3 ms', port: 80 });
    expect(lineOutput.lines[0]).toMatch(
      /^\S+Z WARN {2}guest down guest=a reason="timeout after 3 ms" port=80\n$/,
    );
  });

  test('changes level and format of children that exist already', () => {
    const lineOutput = memoryOutput();
    const log = createLog({ lineOutput });
    const child = log.child({ a: 1 });
    log.configure({ level: 'debug', format: 'text' });
    child.debug('seen');
    expect(lineOutput.lines[0]).toContain('DEBUG seen a=1');
  });

  test('describes errors: code and cause of planned ones, the stack of others', () => {
    const lineOutput = memoryOutput();
    const log = createLog({ lineOutput });
    const cause = Object.assign(new Error('no'), { code: 'EACCES' });
    log.error('a', { error: new ConfigFileError([], { cause }) });
    log.error('b', { error: new TypeError('oops') });
    const [a, b] = entries(lineOutput);
    expect(a?.['error']).toEqual({
      code: 'CONFIG_FILE',
      message: '',
      cause: { code: 'EACCES', message: 'no' },
    });
    expect(b?.['error']).toMatchObject({ type: 'TypeError', message: 'oops' });
    expect(JSON.stringify(b?.['error'])).toContain('log.test.ts');
  });

  test('never writes a secret', () => {
    const lineOutput = memoryOutput();
    createLog({ lineOutput }).info('x', { token: new Secret('hunter2') });
    expect(entries(lineOutput)).toEqual([{ level: 'info', msg: 'x', token: '***' }]);
  });

  test('never throws, whatever the fields', () => {
    const lineOutput = memoryOutput();
    const log = createLog({ lineOutput });
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const hostile = {
      get boom(): never {
        throw new Error('boom');
      },
    };
    log.error('circular', { circular, big: 1n });
    log.error('hostile', { hostile });
    log.error('hostile itself', hostile);
    expect(lineOutput.lines).toHaveLength(3);
  });

  test('writes ten equal errors a second and counts the rest', () => {
    const lineOutput = memoryOutput();
    const clock = new ManualClock();
    const log = createLog({ lineOutput, clock });
    for (let i = 0; i < 25; i++) log.error('refused', { guest: 'a' });
    log.error('refused', { guest: 'b' });
    expect(lineOutput.lines).toHaveLength(11);
    clock.advance(1000);
    expect(entries(lineOutput).at(-1)).toEqual({
      level: 'error',
      msg: 'refused',
      guest: 'a',
      repeated: 15,
    });
    log.error('refused', { guest: 'a' });
    expect(lineOutput.lines).toHaveLength(13);
    clock.advance(1000);
    expect(clock.pendingCount).toBe(0);
  });

  test('names a file that cannot be opened', () => {
    const open = (): unknown => createLog({ output: '/no/such/directory/log' });
    expect(open).toThrow(LogTargetError);
    expect(open).toThrow(
      'cannot open log file /no/such/directory/log: ENOENT; give a writable path, "stderr" or "stdout"',
    );
  });
});

describe('openLineOutput', () => {
  test('appends to a file of mode 0640 and follows log rotation', async () => {
    const file = join(await temporaryDirectory(), 'log');
    const output = openLineOutput(file);
    output.write('one\n');
    await output.flush();
    await rename(file, `${file}.1`);
    output.write('two\n');
    await output.flush();
    output.reopen();
    output.write('three\n');
    await output.close();
    expect(await readFile(`${file}.1`, 'utf8')).toBe('one\ntwo\n');
    expect(await readFile(file, 'utf8')).toBe('three\n');
    expect((await stat(file)).mode & 0o777).toBe(0o640);
  });

  test('keeps the order of 10 000 lines', async () => {
    const file = join(await temporaryDirectory(), 'log');
    const output = openLineOutput(file);
    const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i}\n`);
    for (const line of lines) output.write(line);
    await output.close();
    expect(await readFile(file, 'utf8')).toBe(lines.join(''));
    expect(output.droppedLines).toBe(0);
  });

  test('drops and counts lines when the disk is full', async () => {
    const output = openLineOutput('/dev/full');
    for (let i = 0; i < 3; i++) output.write('lost\n');
    await output.flush();
    output.write('lost\n');
    await output.close();
    expect(output.droppedLines).toBe(4);
  });

  test('drops and counts lines when the reader of the pipe is gone', async () => {
    const pipe = join(await temporaryDirectory(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const output = openLineOutput(pipe);
    closeSync(reader);
    output.write('lost\n');
    output.write('lost\n');
    await output.close();
    expect(output.droppedLines).toBe(2);
  });

  test('drops and counts lines when a pipe is not read, and holds at most 1 MiB of them', async () => {
    const pipe = join(await temporaryDirectory(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const output = openLineOutput(pipe);
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 3000; i++) output.write(line);
    expect(output.droppedLines).toBe(3000 - 1024);
    closeSync(reader);
    await output.close();
    expect(output.droppedLines).toBeGreaterThanOrEqual(3000 - 1024);
  });

  test('drops lines after it is closed', async () => {
    const output = openLineOutput(join(await temporaryDirectory(), 'log'));
    await output.close();
    output.write('late\n');
    expect(output.droppedLines).toBe(1);
  });
});

test('escapeControls leaves no character that moves a cursor or turns text around', () => {
  expect(escapeControls('a\u001b[2J\u202eb\u0085é')).toBe('a\\u001b[2J\\u202eb\\u0085é');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0x2100 })), (codes) => {
      expect(escapeControls(String.fromCharCode(...codes))).not.toMatch(
        /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u,
      );
    }),
  );
});

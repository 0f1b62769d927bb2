import { describe, expect, test } from 'vitest';
import { createProgress, createStyler, ManualClock, wantsColor } from '../../src/index.ts';

const terminal = { isTTY: true, columns: 60, write: () => {} };

describe('wantsColor', () => {
  test.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
  ])('on a terminal: %s, environment %j: %s', (isTTY, environment, expected) => {
    expect(wantsColor({ ...terminal, isTTY }, environment)).toBe(expected);
  });
});

test('createStyler colours on a terminal and leaves text alone elsewhere', () => {
  expect(createStyler(terminal, {})('red', 'x')).toBe('\u001b[31mx\u001b[39m');
  expect(createStyler({ ...terminal, isTTY: false }, {})('red', 'x')).toBe('x');
});

describe('createProgress', () => {
  test('redraws one line in place on a terminal, at most ten times a second', () => {
    const written: string[] = [];
    const clock = new ManualClock();
    const stream = { ...terminal, write: (text: string) => written.push(text) };
    const progress = createProgress({ label: 'import', total: 4, stream, clock });
    progress.update(1, 'a');
    progress.update(2, 'b');
    clock.advance(100);
    progress.update(3, 'c'.repeat(100));
    progress.finish();
    expect(written).toEqual([
      '\r\u001b[2Kimport: [######..................] 1 of 4 a',
      `\r\u001b[2Kimport: [##################......] 3 of 4 ${'c'.repeat(17)}`,
      '\r\u001b[2Kimport: 3 of 4 in 0.1 s\n',
    ]);
  });

  test('writes a plain line every five seconds elsewhere', () => {
    const written: string[] = [];
    const clock = new ManualClock();
    const stream = { write: (text: string) => written.push(text) };
    const progress = createProgress({ label: 'import', stream, clock });
    progress.update(1);
    clock.advance(5000);
    progress.update(2, 'b');
    progress.finish('import: all done');
    expect(written).toEqual(['import: 2 b\n', 'import: all done\n']);
  });
});

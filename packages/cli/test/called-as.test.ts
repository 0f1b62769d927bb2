import { expect, test } from 'vitest';
import { argumentsOf } from '../src/called-as.ts';

test.each([
  ['/usr/sbin/ipvsadm', ['ipvsadm', '-L', '-n']],
  ['/usr/sbin/dpip', ['dpip', '-L', '-n']],
  ['/usr/local/bin/balancer', ['-L', '-n']],
  ['/opt/ipvsadm/main.js', ['-L', '-n']],
])('a program found as %s follows %j', (script, expected) => {
  expect(argumentsOf(['/usr/bin/node', script, '-L', '-n'])).toEqual(expected);
});

/** Whatever comes in, an answer goes out that is well-formed and says nothing of what came in. */
import { parseXml } from '@rgrove/parse-xml';
import { createLog, type Log, Secret } from '@balancer/kit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checksumOf } from '../../src/api/checksum.ts';
import type { ApiRequest } from '../../src/api/request.ts';
import { defaultBbbConfig, Gateway } from '../../src/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const RUNS = process.env['BALANCER_TEST_LONG'] === '1' ? 1_000_000 : 2000;
const SECRET = 'fuzz-secret';
const CALLS = [
  'create',
  'join',
  'end',
  'getMeetings',
  'getMeetingInfo',
  'insertDocument',
  'getRecordings',
  'hooks/create',
  '__proto__',
  '',
];

const { folder, remove } = temporaryFolder();
let gateway: Gateway;
let log: Log;
/** Lines that were logged and say what they must not. */
const telling: string[] = [];
beforeAll(async () => {
  log = createLog({
    level: 'trace',
    repeatsPerSecondMax: Infinity,
    lineOutput: {
      droppedLines: 0,
      write: (line: string) => {
        if (/fuzz-secret|checksum=/.test(line)) telling.push(line);
      },
      reopen: () => {},
      flush: async () => {},
      close: async () => {},
    },
  });
  gateway = await Gateway.open({
    config: defaultBbbConfig({ data_dir: folder, secrets: [new Secret(SECRET)] }),
    logger: log,
  });
});
afterAll(async () => {
  await gateway.close();
  await log.close();
  remove();
});

const fragment = fc.oneof(
  fc.constantFrom(
    'checksum=',
    '&',
    '=',
    '%',
    '+',
    '%00',
    '%ff',
    '%zz',
    'meetingID=',
    'a[]=',
    '__proto__=',
    '<',
    '>',
    '"',
    '\u00e9',
  ),
  fc.constantFrom(SECRET, 'a'.repeat(64), '0'.repeat(40)),
  fc.string(),
);
const text = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(''));
const unsigned: fc.Arbitrary<ApiRequest> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'x'),
  path: fc.oneof(
    fc.constantFrom(...CALLS).map((call) => `/bigbluebutton/api/${call}`),
    text.map((path) => `/bigbluebutton/api/${path}`),
    text.map((tenant) => `/t/${tenant}/bigbluebutton/api/create`),
  ),
  rawQuery: text,
  headers: fc.record(
    {
      'content-type': fc.constantFrom(
        'text/xml',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'multipart/form-data',
        'x/y',
        '',
      ),
    },
    { requiredKeys: [] },
  ),
  body: text.map((body) => Buffer.from(body)),
  host: fc.oneof(fc.constant('a.example.com'), fc.string()),
  origin: fc.constant('http://a.example.com'),
  remoteAddress: fc.constant('192.0.2.1'),
});

/** Half of them get past the checksum, to the calls behind it. */
const request = fc
  .tuple(unsigned, fc.constantFrom(...CALLS), fc.boolean())
  .map(([any, call, isSigned]): ApiRequest => {
    if (!isSigned) return any;
    const rest = any.rawQuery.replaceAll('checksum', 'sum');
    const checksum = checksumOf({ call, rest, secret: SECRET }, 'sha256');
    const rawQuery = `${rest}&checksum=${checksum}`;
    return { ...any, method: 'GET', path: `/bigbluebutton/api/${call}`, rawQuery };
  });

test(`${RUNS} requests of any shape are answered`, async () => {
  await fc.assert(
    fc.asyncProperty(request, async (any) => {
      const handled = await gateway.api.handle(any);
      if (handled === null) return;
      const { status, body } = handled.answer;
      expect([200, 405]).toContain(status);
      expect(String(body)).not.toContain(SECRET);
      if (status === 200 && String(body).startsWith('<')) {
        expect(parseXml(String(body)).root?.name).toBe('response');
      }
    }),
    { numRuns: RUNS },
  );
  expect(telling).toEqual([]);
}, 3_600_000);

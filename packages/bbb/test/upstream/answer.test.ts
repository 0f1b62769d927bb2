import { FakeBbb } from '@balancer/fake-bbb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { readAnswer } from '../../src/upstream/answer.ts';
import { UpstreamClient } from '../../src/upstream/client.ts';

const read = (text: string | Buffer) => readAnswer(Buffer.from(text));

describe('an answer', () => {
  test('counts by its returncode', () => {
    expect(read('<response><returncode>SUCCESS</returncode></response>').kind).toBe('success');
    const failed =
      '<response><returncode>FAILED</returncode><messageKey>k</messageKey><message>m</message></response>';
    expect(read(failed)).toEqual({ kind: 'failed', messageKey: 'k', message: 'm' });
    expect(read('<response><returncode>ODD</returncode></response>')).toMatchObject({
      messageKey: 'internalError',
    });
  });

  const BROKEN: Readonly<Record<string, readonly [text: string | Buffer, reason: string]>> = {
    'that is empty': ['', 'no sound XML'],
    'that ends early': ['<response>', 'no sound XML'],
    'that is a page': ['<html><body/></html>', 'no returncode'],
    'without a returncode': ['<response><returncode/></response>', 'no returncode'],
    'with a DOCTYPE': [
      '<!DOCTYPE response><response><returncode>SUCCESS</returncode></response>',
      'DOCTYPE',
    ],
    'with an entity of its own': [
      '<response><returncode>SUCCESS</returncode><x>&unknown;</x></response>',
      'no sound XML',
    ],
    'that is no UTF-8': [Buffer.from([0x3c, 0xff, 0xfe]), 'no sound XML'],
    'that is 65 levels deep': ['<response>'.repeat(65), 'nested too deeply'],
    'that is a million levels deep': ['<a>'.repeat(1_000_000), 'nested too deeply'],
  };

  test.each(Object.keys(BROKEN))('%s is broken', (name) => {
    const [text, reason] = BROKEN[name]!;
    expect(read(text)).toMatchObject({ kind: 'broken', reason: expect.stringContaining(reason) });
  });

  test('of any bytes never throws', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void readAnswer(Buffer.from(bytes))));
    const tags = fc.array(
      fc.constantFrom(
        '<response>',
        '</response>',
        '<returncode>',
        'SUCCESS',
        '</returncode>',
        '<![CDATA[',
        ']]>',
        '&lt;',
        '<x/>',
        '"',
        '<!--',
      ),
    );
    fc.assert(
      fc.property(tags, (parts) => {
        expect(read(parts.join('')).kind).toBeTypeOf('string');
      }),
    );
  });
});

describe('a call of a server', () => {
  let fake: FakeBbb;
  beforeAll(async () => {
    fake = await FakeBbb.start({ algorithms: ['sha1'] });
  });
  afterAll(() => fake.close());

  const client = (settings: Partial<ConstructorParameters<typeof UpstreamClient>[0]> = {}) => {
    const made = new UpstreamClient({
      checksum_algorithms: [],
      connect_timeout: 60_000,
      response_timeout: 60_000,
      ...settings,
    });
    onTestFinished(() => made.close());
    return made;
  };
  const server = (change = {}) => ({
    id: 'bbb1',
    url: fake.url,
    secret: fake.secret,
    checksum_algorithm: null,
    tls_ca: null,
    tls_verify: 1,
    is_online: 1,
    ...change,
  });

  test("is signed by the strongest algorithm that is allowed, or the server's own", async () => {
    expect((await client().call(server(), 'getMeetings', [])).kind).toBe('failed');
    const sha1 = client({ checksum_algorithms: ['sha1'] });
    expect((await sha1.call(server(), 'getMeetings', [])).kind).toBe('success');
    const own = server({ checksum_algorithm: 'sha1' });
    expect((await client().call(own, 'getMeetings', [])).kind).toBe('success');
    for (const [allowed, length] of [
      [['sha256', 'sha512', 'sha384'], 128],
      [['sha1', 'sha256'], 64],
      [['sha384'], 96],
    ] as const) {
      const url = client({ checksum_algorithms: allowed }).urlOf(server(), 'join', []);
      expect(new URL(url).searchParams.get('checksum')).toHaveLength(length);
    }
  });

  test('has one slash before its name', () => {
    const url = client().urlOf(server({ url: `${fake.url}//` }), 'join', [['a', 'b c']]);
    expect(url.startsWith(`${fake.url}/join?a=b+c&checksum=`)).toBe(true);
  });

  test('tells what was never sent from what may have been done', async () => {
    const gone = server({ url: 'http://127.0.0.1:1/bigbluebutton/api' });
    expect((await client().call(gone, 'create', [])).kind).toBe('unreachable');
    const nowhere = server({ url: 'http://nowhere.invalid/bigbluebutton/api' });
    expect((await client().call(nowhere, 'create', [])).kind).toBe('unreachable');
    fake.fail('create', { kind: 'reset' });
    expect((await client().call(server(), 'create', [])).kind).toBe('broken');
    fake.fail('create', { kind: 'hang' });
    const impatient = client({ response_timeout: 100 });
    expect(await impatient.call(server(), 'create', [])).toEqual({
      kind: 'broken',
      reason: 'no answer in time',
    });
    fake.recover();
  });

  test('follows no redirect', async () => {
    const sha1 = client({ checksum_algorithms: ['sha1'] });
    const asked = [
      ['name', 'x'],
      ['meetingID', 'm'],
    ] as const;
    await sha1.call(server(), 'create', asked);
    const join = [
      ['meetingID', 'm'],
      ['fullName', 'Ada'],
      ['role', 'VIEWER'],
    ] as const;
    expect((await sha1.call(server(), 'join', join)).kind).toBe('broken');
  });
});

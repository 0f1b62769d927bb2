import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksumOf, isSigned, type Signing } from '../../src/api/checksum.ts';
import { readForm, writeForm } from '../../src/api/request.ts';

const SECRET = 'Kq7-balancer-test-secret';
const NONE = { rawForm: null, formParameters: null };

/** Known answers: the call, the text that is signed, the digest, the secret. */
const KNOWN: readonly (readonly [call: string, rest: string, digest: string, secret?: string])[] = [
  ...[
    '1fcbb0c4fc1f039f73aa6d697d2db9ba7f803f17',
    'da9185f7f333cfdfcd6eeac32dca3777510c4c436020d8b887ba5515bd1d189e',
    '891ac633df39d0a1b4f8d597f3e190833216c4b29c4fb51ea3ca72757eeb958d6e7b49a845cf29f5c6019c7d29d029d1',
    'de73ad61d11a5c801b68d4bd6ec5248546085cefb0b25c85f3c46249ea93a3a4b120f92c0a8a58d7512cb77821884951a3b01245f3435dbbef49fff3cc3988b4',
  ].map(
    (digest) =>
      [
        'create',
        'name=Test+Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444',
        digest,
        '639259d4-9dd8-4b25-bf01-95f9567eaf4b',
      ] as const,
  ),
  ...[
    'f2a14761c43b9a97812aee788b51ad1547147dae',
    '030e9d02293b7b37928189856f1519752b98dcf6e9c1f7d15b1a525cf8ea36ce',
    '79a515a970db19419bf3a216ee1d2fab093a0b4c81f6ab37d245e1e905df8a16c1adf425f3001f1e27470b2c0a1bfdef',
    '32799998bb220bc95bb1b245e3cc6865068b4b869986718d639a9f88cbfb1f2637cbb9edec99da85361f9b4760dc0f5a755009b78ef80aef27319831092d8370',
  ].map((digest) => ['getMeetings', '', digest] as const),
  [
    'isMeetingRunning',
    'meetingID=room-1',
    'a86fc83115578c859b74b6e9d2f7ec068d5c541004af8fb3e9ef1a519cbcc88c',
  ],
  [
    'create',
    'name=Caf%C3%A9%20%26%20Co&meetingID=m-1',
    '51e26b4a52858a9e7b2966035db32e99e62562a60d0bc592f2254bf8cdd33b46',
  ],
  [
    'create',
    'name=Caf%c3%a9%20%26%20Co&meetingID=m-1',
    'c9bfbd0886852112d56099b050aabfa09bc743e2ad94a31f26effaa45189d47c',
  ],
  [
    'create',
    'name=Caf%C3%A9+%26+Co&meetingID=m-1',
    'b6edd9832302a27f8ed6aa632c5b25c17c748ebf1cf990056692dd776bd2ab64',
  ],
  [
    'getRecordings',
    'meetingID=room-1&state=any',
    'b9f9570a4dd9006a627187f5841d0d1a52bea2c4a9c72d946347081ea15b9b3c',
  ],
  ['create', '', 'c78367e31414070bf86e2def1044e11d6831a747bf3935eb799efa9ca79651fb'],
  [
    'hooks/create',
    'callbackURL=https%3A%2F%2Fapp.example.com%2Fhook',
    'ff2a643f40bcddb0e5849d720dd63a7496fd3df982e31d7cad8e83ffbb1f68d1',
  ],
  ['addServer', '', '609e9f2983cd59fd84ad5b7470324cfd0b5f52157dfa1765dbcdd652c5d25b28'],
  [
    'join',
    'fullName=Ada&meetingID=room-1&role=MODERATOR',
    '127674af3821157825dec67f83f0e099b9261f2335dd0fb70d53cb6d3f90cfe5',
    'bbb1-secret',
  ],
  [
    'create',
    'name=Caf%C3%A9+%26+Co+%7E*%27%28%29&meetingID=m+1',
    'cb3dc08293f399480e3f7d590eba3e336f8cf4f7bae79e085d869f8122088bf4',
    'bbb1-secret',
  ],
  ['end', 'meetingID=room-1&password=333444', '28cefb9df132b6fe9dbacbfcd2de16e0a4cc515f'],
];

/** Known answers over form bodies: the body as sent and its digests. */
const KNOWN_FORMS: readonly (readonly [body: string, digests: readonly string[]])[] = [
  [
    'name=Room+One&meetingID=room-1&record=true',
    [
      '4d30f84eddc224dc43a69fcc479fa2a06caced76d0a056bec4c31a4aaeb7e1dd',
      'd8834a0baa7b79fd136a5284b46652045d950cc8f2d25445c07285dec2a00e1a',
    ],
  ],
  [
    'name=Room%20One&welcome=%3Cb%3EHi%3C/b%3E%20~x&meetingID=room-1&record=true',
    [
      'a17e4854b81cb081a1cf3f8ae75196e0e86ec450dbb4f21642ea3d6435c9d45a',
      '58a2c4c2f69928cbc290c3ad04f23920d7aca2acde1c13268104d8d5e7aa5be1',
    ],
  ],
];

function accepts(signing: Signing, secret = SECRET, isStrict = false): boolean {
  return isSigned(signing, { secrets: ['other', secret], algorithms: [], isStrict });
}

/** The same digest with one digit changed. */
function changed(digest: string): string {
  return `${digest.slice(0, -1)}${digest.endsWith('0') ? '1' : '0'}`;
}

describe('case 3: a checksum', () => {
  test.each(KNOWN.map(([call, rest, digest, secret = SECRET]) => ({ call, rest, digest, secret })))(
    'of $call?$rest is the known one',
    ({ call, rest, digest, secret }) => {
      const query = (checksum: string) => (rest === '' ? '' : `${rest}&`) + `checksum=${checksum}`;
      const signing = { ...NONE, call };
      expect(accepts({ ...signing, rawQuery: query(digest) }, secret)).toBe(true);
      expect(accepts({ ...signing, rawQuery: query(digest.toUpperCase()) }, secret)).toBe(true);
      expect(accepts({ ...signing, rawQuery: query(changed(digest)) }, secret)).toBe(false);
    },
  );

  test.each(KNOWN_FORMS)('of the form %s is one of the known ones', (body, digests) => {
    for (const digest of digests) {
      const of = (checksum: string, rawQuery = ''): Signing => {
        const rawForm = `checksum=${checksum}&${body}`;
        return { call: 'create', rawQuery, rawForm, formParameters: readForm(rawForm) };
      };
      expect(accepts(of(digest))).toBe(true);
      expect(accepts(of(digest), SECRET, true)).toBe(true);
      expect(accepts(of(changed(digest)))).toBe(false);
      // With parameters in the query the body is not what is signed.
      expect(accepts(of(digest, 'a=b'))).toBe(false);
    }
  });

  test('of a call without any secret is wrong', () => {
    const rawQuery = `checksum=${checksumOf({ call: 'create', rest: '', secret: '' }, 'sha256')}`;
    expect(
      isSigned(
        { ...NONE, call: 'create', rawQuery },
        { secrets: [], algorithms: [], isStrict: false },
      ),
    ).toBe(false);
  });

  test('is taken over bytes that are no ASCII as they came', () => {
    const rest = Buffer.from('meetingID=é').toString('latin1');
    const checksum = checksumOf({ call: 'end', rest, secret: SECRET }, 'sha1');
    expect(accepts({ ...NONE, call: 'end', rawQuery: `${rest}&checksum=${checksum}` })).toBe(true);
    expect(readForm(rest).get('meetingID')).toBe('é');
  });

  test('of what the gateway writes is accepted, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { maxLength: 8 }),
        fc.nat(),
        (pairs, at) => {
          const named = pairs.filter(([name]) => name !== 'checksum');
          const rest = writeForm(named);
          const checksum = checksumOf({ call: 'create', rest, secret: SECRET }, 'sha512');
          const segments = rest === '' ? [] : rest.split('&');
          segments.splice(at % (segments.length + 1), 0, `checksum=${checksum}`);
          expect(accepts({ ...NONE, call: 'create', rawQuery: segments.join('&') })).toBe(true);
        },
      ),
    );
  });
});

describe('parameters', () => {
  test('are plain strings whatever their names', () => {
    const parameters = readForm('__proto__=1&a[]=2&constructor=3&a=1&a=2&b=+%20&c=%ff&d=%zz&e');
    expect([...parameters]).toEqual([
      ['__proto__', '1'],
      ['a[]', '2'],
      ['constructor', '3'],
      ['a', '2'],
      ['b', '  '],
      ['c', '\u{FFFD}'],
      ['d', '%zz'],
      ['e', ''],
    ]);
  });

  test('read back as they were written', () => {
    const pairs = fc.uniqueArray(
      fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
      {
        selector: ([name]) => name,
      },
    );
    fc.assert(
      fc.property(pairs, (written) => {
        const text = writeForm(written);
        expect(text).toMatch(/^([A-Za-z0-9*\-._+&=]|%[0-9A-F]{2})*$/);
        expect([...readForm(text)]).toEqual(written);
      }),
    );
  });
});

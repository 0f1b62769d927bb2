import fc from 'fast-check';
import { parseXml } from '@rgrove/parse-xml';
import { describe, expect, test } from 'vitest';
import { failedWith } from '../../src/api/answer.ts';
import { limitDuration } from '../../src/api/parameters.ts';
import { MersenneTwister } from '../../src/api/mersenne-twister.ts';
import { voiceBridges } from '../../src/api/voice-bridge.ts';
import { escapeXml } from '../../src/api/xml.ts';
import { sealAccess } from '../../src/tenants/learning-records.ts';

describe('voice bridges', () => {
  test.each([
    ['test-meeting-1', 9, ['394201124', '323861283', '971977200']],
    ['Demo Meeting', 9, ['953452953', '855719023', '914829676']],
    ['abc123', 9, ['551881795', '895779698', '890417497']],
    ['test-meeting-1', 5, ['39420', '21242']],
    ['test-meeting-1', 7, ['3942011', '3422386']],
  ])('of %s with %i digits are the known ones', (meetingId, length, known) => {
    const numbers = voiceBridges(meetingId, length);
    expect(known.map(() => numbers.next().value)).toEqual(known);
  });

  test('the generator behind them gives the published outputs', () => {
    // First outputs of mt19937ar.out, which its authors publish with the source.
    const generator = new MersenneTwister([0x123, 0x234, 0x345, 0x456]);
    expect(Array.from({ length: 5 }, () => generator.next())).toEqual([
      1067595299, 955945823, 477289528, 4107218783, 4228976476,
    ]);
  });
});

describe('XML', () => {
  test('holds any text without becoming markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, message) => {
        const { root } = parseXml(String(failedWith(key, message).body));
        expect(root!.children).toHaveLength(3);
      }),
    );
  });

  test('drops what it cannot hold and escapes the rest', () => {
    expect(escapeXml('a\u0000<b>&"\'\ud800\ufffe\t\u{1F600}')).toBe(
      'a&lt;b&gt;&amp;&quot;&apos;\t\u{1F600}',
    );
  });
});

test('a duration is limited last', () => {
  const parameters = new Map([['duration', '1e3']]);
  limitDuration(parameters, 0);
  expect(parameters.get('duration')).toBe('1e3');
  limitDuration(parameters, 5);
  expect(parameters.get('duration')).toBe('5');
});

test('the access to a learning record store is sealed as the known answer', async () => {
  const sealed = await sealAccess(
    { lrs_endpoint: 'https://lrs.example.com', lrs_username: 'u', lrs_password: 'p' },
    'bbb1-secret',
    {
      prefix: Buffer.from('1112131415161718', 'hex'),
      salt: Buffer.from('0102030405060708', 'hex'),
    },
  );
  expect(sealed).toBe(
    'ERITFBUWFxgBAgMEBQYHCOIiyel4kIUFh3Sfz4zvjTfsGVz9/c/A92+NFRl7oAPTsMSmchzToXuary0LQRQtaH4/qrv3dRHqxqK4pOwFy8OBIumFbYuPgRYTsuHyt8mMixbRpDCfXIfcDpK/qMresw==',
  );
});

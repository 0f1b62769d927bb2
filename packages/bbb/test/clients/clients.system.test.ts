/** Front-ends by the means of their own languages: what PHP and Ruby encode and sign is accepted. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { Harness, SECRET } from '../cases/harness.ts';
import { embeddedStorage } from '../storages.ts';

/** A PHP without cURL and XML is none that Moodle runs on. */
const PHP_MODULES = ['/usr/share/php8.2-curl/curl/curl.ini', '/usr/share/php8.2-xml/xml/xml.ini'];

let h: Harness;
beforeAll(async () => {
  h = await Harness.start(embeddedStorage);
});
afterAll(() => h.close());
beforeEach(() => h.reset());

/** Runs a client. @returns What it told, by the name of what it did. */
async function run(command: string, script: string): Promise<Record<string, object>> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await promisify(execFile)(command, [
    file,
    `${h.origin}/bigbluebutton/api`,
    SECRET,
  ]);
  const lines = stdout.trim().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const { what, ...outcome } = JSON.parse(line) as { what: string };
      return [what, outcome];
    }),
  );
}

const phpNeeds = ['php', ...PHP_MODULES].filter((need) => !commandPath(need));

describe.skipIf(phpNeeds.length > 0)(`PHP${phpNeeds.map(skipReason).join('')}`, () => {
  test('creates with slides, joins, asks and ends as Moodle does', async () => {
    const told = await run('php', 'moodle.php');
    expect(told).toMatchObject({
      create: { status: 200, returncode: 'SUCCESS', meetingID: 'f2a-3-1' },
      join: { status: 302, location: expect.stringContaining(h.bbb1.url) },
      follow: { status: 302 },
      info: { name: 'Größen & Räume ~ (1)', people: 1 },
      meetings: { count: 1 },
      recordings: { messageKey: 'noRecordings' },
      end: { messageKey: 'sentEndMeetingRequest' },
    });
    const sent = h.bbb1.requestsOf('create')[0]!;
    expect([sent.method, sent.parameters.get('meta_bbb-context')]).toEqual(['POST', "L'été"]);
    expect(sent.body.toString()).toContain('filename="s.pdf"');
  });
});

describe.skipIf(!commandPath('ruby'))(`Ruby${skipReason('ruby')}`, () => {
  test('creates, joins by role, asks and ends as Greenlight does', async () => {
    const told = await run('ruby', 'greenlight.rb');
    expect(told).toMatchObject({
      create: { status: 200, returncode: 'SUCCESS', meetingID: 'room-xyz-äöü' },
      join: { status: 302, location: expect.stringContaining(h.bbb1.url) },
      follow: { status: 302 },
      running: { running: 'true' },
      info: { name: 'Home Room & more' },
      recordings: { messageKey: 'noRecordings' },
      end: { messageKey: 'sentEndMeetingRequest' },
    });
    const sent = h.bbb1.requestsOf('create')[0]!.parameters;
    expect(sent.get('meta_endCallbackUrl')).toBe('https://gl.example.com/meeting_ended?x=1');
    expect(sent.get('moderatorPW')).toBe('p w+1');
  });
});

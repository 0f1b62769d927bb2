/** The calls of front-ends as they really make them. */
import { createHash } from 'node:crypto';
import bbb from 'bigbluebutton-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { embeddedStorage } from '../storages.ts';
import { Harness, SECRET } from './harness.ts';

let h: Harness;
beforeAll(async () => {
  h = await Harness.start(embeddedStorage);
});
afterAll(() => h.close());
beforeEach(() => h.reset());

test('bigbluebutton-js creates, joins, watches and ends a meeting', async () => {
  const api = bbb.api(`${h.origin}/bigbluebutton/`, SECRET);
  const created = await bbb.http(
    api.administration.create('Räume', 'm1', {
      moderatorPW: 'mp',
      attendeePW: 'ap',
      duration: 5,
    }),
  );
  expect(created).toMatchObject({ returncode: 'SUCCESS', moderatorPW: 'mp' });
  const join = api.administration.join('Ada', 'm1', 'mp', { redirect: false });
  expect(await bbb.http(join)).toMatchObject({ messageKey: 'successfullyJoined' });
  const info = await bbb.http(api.monitoring.getMeetingInfo('m1'));
  expect(info).toMatchObject({ meetingName: 'Räume', participantCount: 1 });
  const meetings = await bbb.http(api.monitoring.getMeetings());
  expect(meetings).toMatchObject({ meetings: [{ meetingID: 'm1' }] });
  const running = await bbb.http(api.monitoring.isMeetingRunning('m1'));
  expect(running).toMatchObject({ running: true });
  const recordings = await bbb.http(api.recording.getRecordings({ meetingID: 'm1' }));
  expect(recordings).toMatchObject({ messageKey: 'noRecordings' });
  const ended = await bbb.http(api.administration.end('m1', 'mp'));
  expect(ended).toMatchObject({ messageKey: 'sentEndMeetingRequest' });
});

/** A signed query as PHP's `http_build_query` and `sha1` make it. */
function phpQuery(call: string, parameters: Record<string, string>, algorithm: string): string {
  const query = new URLSearchParams(parameters).toString();
  const checksum = createHash(algorithm).update(`${call}${query}${SECRET}`).digest('hex');
  return `${query}${query === '' ? '' : '&'}checksum=${checksum}`;
}

describe('Moodle', () => {
  test('posts a create with slides as text/xml signed by SHA-1, and asks for recordings in pages', async () => {
    const parameters = {
      meetingID: 'abc-2-1',
      name: 'Course 1',
      attendeePW: 'a',
      moderatorPW: 'b',
      record: 'true',
      'meta_bbb-origin': 'Moodle',
    };
    const body = `<?xml version="1.0" encoding="UTF-8"?><modules><module name="presentation"><document url="https://moodle.example.com/f.pdf" filename="f.pdf" /></module></modules>`;
    const created = await fetch(
      `${h.origin}/bigbluebutton/api/create?${phpQuery('create', parameters, 'sha1')}`,
      {
        method: 'POST',
        headers: { 'content-type': 'text/xml' },
        body,
      },
    );
    expect(await created.text()).toContain('<returncode>SUCCESS</returncode>');
    expect(String(h.bbb1.meetings.get('abc-2-1')!.body)).toBe(body);
    const recordID = Array.from(
      { length: 25 },
      (_, i) => `${createHash('sha1').update(`${i}`).digest('hex')}-1700000000000`,
    ).join(',');
    const query = phpQuery('getRecordings', { meetingID: '', recordID }, 'sha1');
    const recordings = await fetch(`${h.origin}/bigbluebutton/api/getRecordings?${query}`);
    expect(await recordings.text()).toContain('noRecordings');
  });
});

describe('Greenlight', () => {
  test('calls with SHA-256 and a content type on GET, and joins by role', async () => {
    const get = async (call: string, parameters: Record<string, string>) =>
      fetch(`${h.origin}/bigbluebutton/api/${call}?${phpQuery(call, parameters, 'sha256')}`, {
        headers: { 'content-type': 'application/xml', 'user-agent': 'bigbluebutton-api-ruby' },
        redirect: 'manual',
      });
    const room = { meetingID: 'room-xyz', name: 'Home Room' };
    const options = {
      logoutURL: 'https://gl.example.com/rooms/xyz',
      'meta_bbb-origin': 'greenlight',
      meta_endCallbackUrl: 'https://gl.example.com/meeting_ended',
      muteOnStart: 'false',
    };
    expect(await (await get('create', { ...room, ...options })).text()).toContain('SUCCESS');
    const sent = h.bbb1.requestsOf('create')[0]!.parameters;
    expect(sent.get('meta_endCallbackUrl')).toBe('https://gl.example.com/meeting_ended');
    const joined = await get('join', {
      meetingID: 'room-xyz',
      fullName: 'Ada',
      role: 'Moderator',
      createTime: '1',
    });
    expect(joined.status).toBe(302);
    expect(
      await (await fetch(joined.headers.get('location')!, { redirect: 'manual' })).text(),
    ).toBe('');
    expect(await (await get('isMeetingRunning', { meetingID: 'room-xyz' })).text()).toContain(
      '<running>true<',
    );
  });
});

test('nothing that is secret is logged or measured', async () => {
  await h.call('create', {
    name: 'x',
    meetingID: 'm1',
    moderatorPW: 'hidden-pw',
    attendeePW: 'hidden-at',
  });
  await h.call('join', { meetingID: 'm1', fullName: 'Hidden Name', password: 'hidden-pw' });
  await h.call('getMeetings', {}, { secret: 'hidden-guess' });
  h.bbb1.fail('*', { kind: 'failed', messageKey: 'odd', message: 'hidden-message' });
  await h.call('end', { meetingID: 'm1', password: 'hidden-pw' });
  await h.poll();
  const metrics = await (await fetch(`${h.adminOrigin}/metrics`)).text();
  expect(metrics).toContain('balancer_bbb_api_requests_total{call="end",result="other"}');
  expect(metrics).toContain('balancer_bbb_server_up{server="bbb1"} 1');
  const text = `${h.logged.join('')}${metrics}`;
  expect(text).toContain('"call":"create"');
  expect(text).not.toMatch(/hidden|checksum=|-secret|Hidden/);
});

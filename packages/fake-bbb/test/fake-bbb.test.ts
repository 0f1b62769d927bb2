import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ChecksumAlgorithm, FakeBbb, signedQuery } from '../src/index.ts';

let server: FakeBbb;

beforeEach(async () => {
  server = await FakeBbb.start({ secret: 'bbb1-secret' });
});
afterEach(() => server.close());

async function call(
  name: string,
  parameters: Record<string, string> = {},
  { algorithm = 'sha256', ...init }: RequestInit & { algorithm?: ChecksumAlgorithm } = {},
): Promise<string> {
  const query = new URLSearchParams(parameters).toString();
  const signed = signedQuery({ call: name, query, secret: server.secret }, algorithm);
  const answer = await fetch(`${server.url}/${name}?${signed}`, { redirect: 'manual', ...init });
  return answer.headers.get('location') ?? (await answer.text());
}

describe('checksums', () => {
  test.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)(
    'by %s are accepted',
    async (algorithm) => {
      expect(await call('getMeetings', {}, { algorithm })).toContain('noMeetings');
    },
  );

  test('that are missing, wrong or by a refused algorithm are errors', async () => {
    const strict = await FakeBbb.start({ secret: 'bbb1-secret', algorithms: ['sha256'] });
    const sha1 = signedQuery({ call: 'getMeetings', query: '', secret: strict.secret }, 'sha1');
    for (const query of ['', 'checksum=', `checksum=${'0'.repeat(64)}`, sha1]) {
      const answer = await fetch(`${strict.url}/getMeetings?${query}`);
      expect(await answer.text()).toContain('<messageKey>checksumError</messageKey>');
    }
    await strict.close();
  });

  test('are taken over the query as it was sent', async () => {
    // Known answer K10 of the gateway's contract.
    await call('create', { name: 'Room', meetingID: 'room-1' });
    const query = 'fullName=Ada&meetingID=room-1&role=MODERATOR';
    const checksum = '127674af3821157825dec67f83f0e099b9261f2335dd0fb70d53cb6d3f90cfe5';
    const answer = await fetch(`${server.url}/join?${query}&checksum=${checksum}`, {
      redirect: 'manual',
    });
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toContain('/client?sessionToken=');
  });
});

describe('a meeting', () => {
  test('is created once; a repeat gives the same answer with a warning', async () => {
    const first = await call('create', { name: 'A', meetingID: 'm', voiceBridge: '71234' });
    const second = await call('create', { name: 'A', meetingID: 'm' });
    const time = /<createTime>(\d+)</.exec(first)![1]!;
    expect(first).toContain('<voiceBridge>71234</voiceBridge>');
    expect(first).toMatch(new RegExp(`<internalMeetingID>[0-9a-f]{40}-${time}<`));
    expect(second).toContain(`<createTime>${time}</createTime>`);
    expect(second).toContain('<messageKey>duplicateWarning</messageKey>');
    expect(await call('create', { name: 'A', meetingID: 'm', moderatorPW: 'other' })).toContain(
      'idNotUnique',
    );
  });

  test('runs after the first join', async () => {
    await call('create', { name: 'A', meetingID: 'm', moderatorPW: 'mp' });
    expect(await call('isMeetingRunning', { meetingID: 'm' })).toContain('<running>false<');
    const joined = await call('join', {
      meetingID: 'm',
      fullName: 'Ada',
      password: 'mp',
      redirect: 'false',
    });
    expect(joined).toContain('successfullyJoined');
    expect(await call('isMeetingRunning', { meetingID: 'm' })).toContain('<running>true<');
    const info = await call('getMeetingInfo', { meetingID: 'm' });
    expect(info).toContain('<moderatorCount>1</moderatorCount>');
    expect(info).toContain('<fullName>Ada</fullName><role>MODERATOR</role>');
  });

  test('is listed with the counts, metadata and parent that a test gave it', async () => {
    await call('create', { name: 'A & B', meetingID: 'm', 'meta_tenant-id': 't1' });
    server.setCounts('m', { participants: 5, moderators: 1, video: 3 });
    server.makeBreakout('m', 'parent');
    const list = await call('getMeetings');
    expect(list).toContain('<meetingName>A &amp; B</meetingName>');
    expect(list).toContain('<participantCount>5</participantCount>');
    expect(list).toContain('<metadata><tenant-id>t1</tenant-id></metadata>');
    expect(list).toContain('<parentMeetingID>parent</parentMeetingID>');
  });

  test('ends with the right password only, and is unknown after that', async () => {
    await call('create', { name: 'A', meetingID: 'm', moderatorPW: 'mp' });
    expect(await call('end', { meetingID: 'm', password: 'x' })).toContain('invalidPassword');
    expect(await call('end', { meetingID: 'm', password: 'mp' })).toContain(
      'sentEndMeetingRequest',
    );
    expect(await call('end', { meetingID: 'm' })).toContain('notFound');
    expect(await call('join', { meetingID: 'm', fullName: 'Ada' })).toContain('notFound');
  });

  test('takes documents and chat messages', async () => {
    await call('create', { name: 'A', meetingID: 'm' });
    await call('insertDocument', { meetingID: 'm' }, { method: 'POST', body: '<modules/>' });
    await call('sendChatMessage', { meetingID: 'm', message: 'hello' });
    const meeting = server.meetings.get('m')!;
    expect(meeting.documents.map(String)).toEqual(['<modules/>']);
    expect(meeting.messages).toEqual([{ userName: 'System', message: 'hello' }]);
  });
});

describe('failing', () => {
  test('on demand: HTTP 500, cut XML, any key, an entity bomb, a reset', async () => {
    server.fail('*', { kind: 'http-500' });
    expect(await call('getMeetings')).toContain('500 Internal');
    server.fail('getMeetings', { kind: 'truncated' });
    expect(await call('getMeetings')).not.toContain('</response>');
    server.fail('getMeetings', { kind: 'failed', messageKey: 'odd' });
    expect(await call('getMeetings')).toContain('<messageKey>odd</messageKey>');
    server.fail('getMeetings', { kind: 'entity-bomb' });
    expect(await call('getMeetings')).toContain('<!ENTITY e9');
    server.fail('getMeetings', { kind: 'reset' });
    await expect(call('getMeetings')).rejects.toThrow('fetch failed');
    server.recover();
    expect(await call('getMeetings')).toContain('noMeetings');
  });

  test('by hanging and by being slow', async () => {
    server.fail('getMeetings', { kind: 'hang' });
    const signal = AbortSignal.timeout(50);
    await expect(call('getMeetings', {}, { signal })).rejects.toThrow('aborted');
    server.fail('getMeetings', { kind: 'slow', delayMs: 20 });
    expect(await call('getMeetings')).toContain('noMeetings');
  });

  test('by answering only when it is let', async () => {
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    server.fail('getMeetings', { kind: 'held', until });
    const asked = new Promise<void>((resolve) => (server.onRequest = () => resolve()));
    const answer = call('getMeetings');
    await asked;
    server.addMeeting({ meetingID: 'made-meanwhile' });
    release();
    expect(await answer).toContain('made-meanwhile');
  });

  test('by a list of a thousand meetings', async () => {
    server.fail('getMeetings', { kind: 'huge-list' });
    expect((await call('getMeetings')).match(/<meeting>/g)).toHaveLength(1000);
  });

  test('by refusing connections until it accepts them again on the same port', async () => {
    // No connection of anybody takes it meanwhile.
    expect(Number(new URL(server.url).port)).toBeLessThan(32_768);
    await server.refuse();
    await expect(call('getMeetings')).rejects.toThrow('fetch failed');
    await server.accept();
    expect(await call('getMeetings')).toContain('noMeetings');
  });
});

test('a reset server has forgotten everything and works', async () => {
  await call('create', { name: 'A', meetingID: 'm' });
  server.fail('*', { kind: 'http-500' });
  await server.refuse();
  await server.reset();
  expect(await call('getMeetings')).toContain('noMeetings');
  expect(server.requests).toHaveLength(1);
});

describe('hooks', () => {
  test('are created once, listed, called with a signature and destroyed', async () => {
    const target = await FakeBbb.start();
    const callbackURL = `${target.url}/hook`;
    expect(await call('hooks/create', { callbackURL, getRaw: 'true' })).toContain(
      '<hookID>1</hookID>',
    );
    expect(await call('hooks/create', { callbackURL })).toContain('duplicateWarning');
    expect(await call('hooks/create', { callbackURL: 'x' })).toContain('createHookError');
    expect(await call('hooks/list')).toContain('<rawData>true</rawData>');
    await server.postHookEvent({ data: { type: 'event' } });
    expect(target.requestsOf('hook')).toHaveLength(0);
    await server.postRawEvent({ data: { type: 'event' } });
    const [posted] = target.requestsOf('hook');
    expect(posted?.method).toBe('POST');
    expect(posted?.parameters.get('checksum')).toMatch(/^[0-9a-f]{40}$/);
    expect(new URLSearchParams(String(posted?.body)).get('event')).toBe(
      '{"data":{"type":"event"}}',
    );
    expect(await call('hooks/destroy', { hookID: '1' })).toContain('<removed>true</removed>');
    expect(await call('hooks/destroy', { hookID: '1' })).toContain('destroyMissingHook');
    await target.close();
  });

  test('analytics carry a token of the server, or the one that a test gives', async () => {
    const target = await FakeBbb.start();
    await server.postAnalytics(`${target.url}/analytics`, { meeting_id: 'm' });
    await server.postAnalytics(`${target.url}/analytics`, { meeting_id: 'm' }, null);
    const [signed, bare] = target.requestsOf('analytics');
    expect(signed?.headers['authorization']).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
    expect(bare?.headers['authorization']).toBeUndefined();
    await target.close();
  });
});

test('the root tells its version only when asked to', async () => {
  const open = await FakeBbb.start({ version: '3.0.1' });
  expect(await (await fetch(open.url)).text()).toContain('<bbbVersion>3.0.1</bbbVersion>');
  expect(await (await fetch(server.url)).text()).toContain('<bbbVersion></bbbVersion>');
  await open.close();
});

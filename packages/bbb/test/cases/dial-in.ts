/** Case 122 of the contract: telephone dial-in. */
import { Secret } from '@balancer/kit';
import { beforeEach, describe, expect, test } from 'vitest';
import { addTenant, updateTenant } from '../../src/operations/tenants.ts';
import { type Harness, SECRET } from './harness.ts';

export function describeDialIn(storage: string, harness: () => Harness): void {
  describe(`dial-in on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
    });

    async function dial(
      fields: Record<string, string>,
      { password = SECRET, host = 'gateway.example.com', section = 'dialplan' } = {},
    ): Promise<{ status: number; text: string; actions: string[] }> {
      const authorization = `Basic ${Buffer.from(`fsapi:${password}`).toString('base64')}`;
      const answer = await fetch(`${h.origin}/fsapi`, {
        method: 'POST',
        headers: { ...(password !== '' && { authorization }), 'x-forwarded-host': host },
        body: new URLSearchParams({
          section,
          'Caller-Destination-Number': '5550100',
          'Caller-Caller-ID-Name': 'Ada',
          ...fields,
        }),
      });
      const text = await answer.text();
      const actions = [...text.matchAll(/<action application="([^"]*)"(?: data="([^"]*)")?\/>/g)];
      return {
        status: answer.status,
        text,
        actions: actions.map(([, name, data]) => (data === undefined ? name! : `${name} ${data}`)),
      };
    }
    const prompt = [
      'play_and_get_digits 5 9 3 7000 # conference/conf-enter_conf_pin.wav conference/conf-bad-pin.wav pin \\d+',
      'transfer ${pin} XML public',
    ];
    const reprompt = ['playback conference/conf-bad-pin.wav', 'sleep 500', ...prompt];

    test('122: asks for the password', async () => {
      for (const password of ['', 'wrong']) {
        expect((await dial({}, { password })).status).toBe(401);
      }
      h.configure({ fsapi_password: new Secret('own') });
      expect((await dial({})).status).toBe(401);
      expect((await dial({}, { password: 'own' })).status).toBe(200);
      h.configure({ fsapi_password: new Secret('') });
      expect((await dial({}, { password: '' })).status).toBe(200);
    });

    test('122: knows only the dial plan', async () => {
      const notFound = '<section name="result"><result status="not found"/></section>';
      expect((await dial({}, { section: 'directory' })).text).toContain(notFound);
      expect((await dial({ 'Caller-Destination-Number': '' })).text).toContain(notFound);
    });

    test('122: welcomes, and asks again for a pin that is unknown', async () => {
      h.configure({ fsapi_max_duration: 90 });
      expect((await dial({})).actions).toEqual([
        'answer',
        'sched_hangup +5400 normal_clearing',
        'sleep 500',
        'playback ivr/ivr-welcome.wav',
        'sleep 200',
        ...prompt,
      ]);
      expect((await dial({ variable_pin: '123456789' })).actions).toEqual(reprompt);
    });

    test('122: bridges a pin, and that of a breakout room, to the server', async () => {
      await h.create('m1${x}');
      const pin = (await h.record('m1${x}'))!.voice_bridge;
      const bridged = await dial({ variable_pin: pin, 'Caller-Destination-Number': '+49(1)' });
      expect(bridged.actions).toEqual([
        'set meeting_id=m1\\${x}',
        'set effective_caller_id_name=Ada',
        `bridge sofia/external/${pin}@127.0.0.1`,
      ]);
      expect(bridged.text).toContain('expression="^\\+49\\(1\\)$"');
      const room = await dial({ variable_pin: `${pin}7` });
      expect(room.actions.at(-1)).toBe(`bridge sofia/external/${pin}7@127.0.0.1`);
    });

    test.each([
      [{ 'Caller-Caller-ID-Name': '5554321' }, '555XXXX'],
      [{ 'Caller-Caller-ID-Name': '5554321', 'Caller-Privacy-Hide-Number': 'true' }, 'Unavailable'],
      [{ 'Caller-Caller-ID-Name': 'Ada', 'Caller-Privacy-Hide-Name': 'true' }, 'Unavailable'],
      [{ 'Caller-Caller-ID-Name': '' }, 'Unavailable'],
      [{ 'Caller-Caller-ID-Name': 'A${x}\r\n\\' }, 'A\\${x}\\\\'],
    ])('122: shows the caller %j as %s', async (fields, name) => {
      await h.create('m1');
      const { actions } = await dial({
        ...fields,
        variable_pin: (await h.record('m1'))!.voice_bridge,
      });
      expect(actions[1]).toBe(`set effective_caller_id_name=${name}`);
    });

    test('122: leads to meetings of the tenant that the host names, or of open ones', async () => {
      h.configure({ multitenancy: true });
      const { context } = h.gateway;
      await addTenant(context, { name: 'a', secrets: 'secret-a' });
      await addTenant(context, { name: 'b', secrets: 'secret-b' });
      const room = { name: 'x', meetingID: 'm1' };
      await h.call('create', room, { host: 'a.example.com', secret: 'secret-a' });
      const pin = { variable_pin: (await h.record('m1'))!.voice_bridge };
      const isBridged = async (host: string): Promise<boolean> =>
        (await dial(pin, { host })).actions.some((action) => action.startsWith('bridge'));
      expect(await isBridged('a.example.com')).toBe(true);
      expect(await isBridged('b.example.com')).toBe(false);
      expect(await isBridged('phone.example.com')).toBe(false);
      await updateTenant(context, 'a', { path_access: 1 });
      expect(await isBridged('phone.example.com')).toBe(true);
      expect(await isBridged('b.example.com')).toBe(false);
    });
  });
}

/** Case 126 of the contract: the pool as a file. */
import { beforeEach, describe, expect, test } from 'vitest';
import { runOperation } from '../../src/index.ts';
import type { SyncMode, SyncStep } from '../../src/operations/sync.ts';
import type { Harness } from './harness.ts';

export function describeSync(storage: string, harness: () => Harness): void {
  describe(`the pool as a file on ${storage}`, () => {
    let h: Harness;
    beforeEach(async () => {
      h = harness();
      await h.reset();
    });

    async function sync(
      text: string,
      mode: SyncMode = 'cordon',
      isDryRun = false,
    ): Promise<SyncStep[]> {
      const input = { text, name: 'servers.yml', mode, isDryRun };
      return (await runOperation(h.gateway, 'servers.sync', input)) as SyncStep[];
    }
    const told = (steps: readonly SyncStep[]): string[] =>
      steps.map(({ id, action }) => `${id} ${action}`);
    const states = async (): Promise<Record<string, string>> =>
      Object.fromEntries((await h.store.servers.list()).map(({ id, state }) => [id, state]));
    const entryOf = (id: string, fake: { url: string; secret: string }, more = ''): string =>
      `  ${id}:\n    url: ${fake.url}\n    secret: ${fake.secret}\n${more}`;

    test('126: adds what is new, changes what differs, cordons and enables', async () => {
      await h.change('bbb2', { state: 'cordoned', tag: 'old' });
      const file = `servers:\n${entryOf('bbb1', h.bbb1, '    enabled: false\n')}${entryOf('bbb2', h.bbb2, '    load_multiplier: 2.5\n    max_meetings: 7\n')}  new.example.com:\n    secret: s\n    enabled: false\n    load: 3\n`;
      const steps = await sync(file);
      expect(steps).toEqual([
        { id: 'bbb1', action: 'cordon', detail: 'not enabled in the file' },
        { id: 'bbb2', action: 'update', detail: 'load_multiplier 2.5, no tag, max_meetings 7' },
        { id: 'bbb2', action: 'enable', detail: 'was cordoned' },
        {
          id: 'new.example.com',
          action: 'add',
          detail: 'https://new.example.com/bigbluebutton/api, disabled',
        },
      ]);
      expect(await states()).toEqual({
        bbb1: 'cordoned',
        bbb2: 'enabled',
        'new.example.com': 'disabled',
      });
      expect(await sync(file)).toEqual([]);
      const changed = await sync(file.replace('secret: s\n', 'secret: other\n'), 'keep', true);
      expect(changed).toEqual([{ id: 'new.example.com', action: 'update', detail: 'secret ***' }]);
    });

    test('126: treats servers that are not listed as the mode says', async () => {
      await h.startFake('bbb3');
      await h.create('m1');
      const file = `servers:\n${entryOf('bbb2', h.bbb2)}`;
      expect(told(await sync(file, 'keep'))).toEqual(['bbb1 keep', 'bbb3 keep']);
      expect(told(await sync(file, 'force', true))).toEqual([
        'bbb1 end-meetings',
        'bbb1 remove',
        'bbb3 remove',
      ]);
      expect(Object.keys(await states())).toEqual(['bbb1', 'bbb2', 'bbb3']);
      expect(told(await sync(file))).toEqual(['bbb1 cordon', 'bbb3 remove']);
      expect(await states()).toEqual({ bbb1: 'cordoned', bbb2: 'enabled' });
      expect(told(await sync(file, 'force'))).toEqual(['bbb1 end-meetings', 'bbb1 remove']);
      expect(await states()).toEqual({ bbb2: 'enabled' });
      expect(h.bbb1.meetings.size).toBe(0);
      expect(await h.store.meetings.count()).toBe(0);
    });

    test('126: names every problem with its line, and changes nothing', async () => {
      const file = `servers:
  a b:
    secret: s
  bbb1:
    url: ftp://x
    secret: 123
    load_multiplier: 0
    speed: 9
  bbb9:
    tag: none
    max_users: -1
`;
      const refused = await sync(file).then(
        () => '',
        (error: Error) => error.message,
      );
      expect(refused.split('\n')).toEqual([
        'servers.yml:2:3: servers.a b: the id needs letters, digits, "_", "." and "-"',
        'servers.yml:8:5: servers.bbb1: speed: unknown; keys are url, secret, enabled, load_multiplier, tag, max_meetings, max_users',
        expect.stringMatching(/^servers\.yml:5:5: servers\.bbb1: url: needs an address/),
        'servers.yml:6:5: servers.bbb1: secret: must be text; put it in quotes',
        'servers.yml:7:5: servers.bbb1: load_multiplier: must be a number greater than 0',
        'servers.yml:9:3: servers.bbb9: secret: is missing',
        expect.stringMatching(/^servers\.yml:10:5: servers\.bbb9: tag: must have no spaces/),
        'servers.yml:11:5: servers.bbb9: max_users: must be an integer of at least 0',
      ]);
      await expect(sync('servers: [1]')).rejects.toThrow('servers: must be a map');
      await expect(sync('servers: {')).rejects.toThrow('servers.yml:1:');
      await expect(sync('- x')).rejects.toThrow('must be a map with the key "servers"');
      await expect(sync('servers:\n  a: {secret: x}\n  a: {secret: y}\n')).rejects.toThrow(
        'servers.yml:3:3',
      );
      expect(await states()).toEqual({ bbb1: 'enabled', bbb2: 'enabled' });
    });

    test('126: an export is a file that changes nothing', async () => {
      await h.change('bbb1', { tag: 'gpu', multiplier: 3, max_users: 40, state: 'cordoned' });
      for (const isVerbose of [false, true]) {
        const text = (await runOperation(h.gateway, 'servers.export', { isVerbose })) as string;
        expect(text).toContain('load_multiplier: 3');
        expect(text.includes('state: cordoned')).toBe(isVerbose);
        expect(await sync(text, 'force')).toEqual([]);
      }
    });

    test('a list is imported once, disabled unless it says otherwise', async () => {
      const text = `servers:\n  - url: https://a.example.com/bigbluebutton/api\n    secret: s1\n  - url: https://127.0.0.1:1/bigbluebutton/api\n    secret: s2\n    id: b\n    enabled: true\n`;
      const input = { text, name: 'list.yml' };
      const first = (await runOperation(h.gateway, 'servers.import', input)) as SyncStep[];
      expect(first.map(({ action }) => action)).toEqual(['add', 'add']);
      expect(first[1]!.id).toBe('b');
      const again = (await runOperation(h.gateway, 'servers.import', input)) as SyncStep[];
      expect(again.map(({ action }) => action)).toEqual(['keep', 'keep']);
      expect(await states()).toMatchObject({ [first[0]!.id]: 'disabled', b: 'enabled' });
      const bad = { text: 'servers:\n  - url: https://c\n', name: 'list.yml' };
      await expect(runOperation(h.gateway, 'servers.import', bad)).rejects.toThrow(
        'list.yml:2:5: servers.0: secret: is missing',
      );
    });
  });
}

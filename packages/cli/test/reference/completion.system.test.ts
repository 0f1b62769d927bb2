/** Loads the completions into the shells they are for and asks them what they offer. */
import { describe, expect, test } from 'vitest';
import { commandPath, skipReason } from '../../../../scripts/system-requirements.ts';
import { complete, type Shell } from './shells.ts';

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

describe.each(SHELLS)('the completion of %s', (shell) => {
  const isMissing = commandPath(shell) === undefined;

  describe.skipIf(isMissing)(`in the shell${skipReason(shell)}`, () => {
    test.each([
      ['balancer dr', ['drain']],
      ['balancer pools q', ['quote']],
      ['balancer help st', ['stats']],
      ['balancer completion ', ['bash', 'zsh', 'fish']],
      ['balancer run --mode p', ['proxy', 'passthrough']],
      ['balancer run --log-level err', ['error']],
      ['balancer check ba', ['balancer.toml']],
      ['balancer pools trace balancer.toml fi', ['first choice.toml']],
      ['balancer run -c fi', ['first choice.toml']],
    ])('offers after "%s" %j', async (line, candidates) => {
      const offer = await complete(shell, line);
      expect(offer.candidates.toSorted()).toEqual(candidates.toSorted());
    });

    test('offers the commands that the help shows, and no hidden one', async () => {
      const { candidates } = await complete(shell, 'balancer ');
      expect(candidates).toEqual(expect.arrayContaining(['run', 'check', 'drain', 'pools', 'man']));
      expect(candidates).not.toContain('complete-servers');
      expect(candidates).not.toContain('proxy');
    });

    test('offers the options of the command on the line', async () => {
      const { candidates } = await complete(shell, 'balancer drain --');
      const options = candidates.map((text) => text.replace(/=$/, ''));
      expect(options).toEqual(expect.arrayContaining(['--config', '--ready', '--wait']));
      expect(options).not.toContain('--log-level');
    });

    test('offers the values of an option after its equals sign', async () => {
      const { candidates } = await complete(shell, 'balancer run --log-level=d');
      // fish writes the whole word, the others what comes after the sign.
      expect(candidates.map((text) => text.replace('--log-level=', ''))).toEqual(['debug']);
    });

    test('asks the running load balancer for its servers, with the options on the line', async () => {
      const { candidates, asked } = await complete(shell, 'balancer drain -c balancer.toml w');
      expect(candidates.toSorted()).toEqual(['web/one', 'web/two']);
      expect(asked.trim()).toBe('complete-servers -c balancer.toml');
    });

    test('completes a server with a colon in its name', async () => {
      const { candidates } = await complete(shell, 'balancer weight pg/10.0.0.1:5');
      // bash replaces what follows the colon.
      const [whole] = candidates.map((text) => text.replace(/^5432$/, 'pg/10.0.0.1:5432'));
      expect([whole, candidates.length]).toEqual(['pg/10.0.0.1:5432', 1]);
    });

    test('offers no file and no server where neither is meant', async () => {
      const { candidates, asked } = await complete(shell, 'balancer drain web/one ');
      expect(candidates.filter((text) => !text.startsWith('-'))).toEqual([]);
      expect(asked).toBe('');
    });
  });
});

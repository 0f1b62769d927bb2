/** What is written from the definitions of the commands. */
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { bashCompletion } from '../../src/reference/bash.ts';
import { describeCommand, flatten } from '../../src/reference/describe.ts';
import { withExamples } from '../../src/reference/examples.ts';
import { fishCompletion } from '../../src/reference/fish.ts';
import { manPage } from '../../src/reference/man-page.ts';
import { zshCompletion } from '../../src/reference/zsh.ts';
import { runHere } from '../support.ts';

function program(): Command {
  const root = new Command('balancer').description('the program');
  const outer = withExamples(root.command('outer'), "balancer outer 'a' --b");
  outer.description("an operator's word: [a] back\\slash").argument('[file]', '.hidden “start');
  outer.option('-n, --number <count>', 'how many', '3');
  root.command('secret', { hidden: true });
  return root;
}

describe('the description of the commands', () => {
  test('has what the help shows, and nothing that is hidden', () => {
    const commands = flatten(describeCommand(program()));
    expect(commands.map(({ path }) => path.join(' '))).toEqual([
      'balancer',
      'balancer outer',
      'balancer help',
    ]);
    expect(commands[1]).toMatchObject({
      arguments: [{ name: 'file', isRequired: false, values: { kind: 'file' } }],
      options: [
        { short: '-n', long: '--number', description: 'how many (default: 3)' },
        { long: '--help' },
      ],
      examples: ["balancer outer 'a' --b"],
    });
    expect(commands[2]!.arguments[0]!.values).toEqual({
      kind: 'choices',
      choices: ['outer', 'help'],
    });
  });

  test.each([
    ['bash', bashCompletion],
    ['zsh', zshCompletion],
    ['fish', fishCompletion],
  ])('keeps quotes and brackets out of the syntax of %s', (shell, write) => {
    const script = write(describeCommand(program()));
    expect(script).not.toContain('secret');
    const quoted = {
      bash: /'balancer outer -n' \| 'balancer outer --number'\) echo 'none'/,
      zsh: /'outer:an operator'\\''s word: \[a\] back\\slash'/,
      fish: /-a outer -d 'an operator\\'s word: \[a\] back\\\\slash'/,
    }[shell];
    expect(script).toMatch(quoted!);
  });

  test('escapes what a manual page would take for its own', () => {
    const page = manPage(describeCommand(program()), '1.2.3');
    expect(page).toContain('.TH BALANCER 1 "" "balancer 1.2.3" "User Commands"');
    expect(page).toContain(String.raw`An operator's word: [a] back\eslash.`);
    expect(page).toContain('\n\\&.hidden \\[u201C]start.\n');
    expect(page).toContain("\nbalancer outer 'a' \\-\\-b\n");
    expect(page).not.toContain('secret');
  });
});

describe('the commands', () => {
  test('completion of a shell that there is none for says which there are', async () => {
    const { code, stderr } = await runHere('completion', 'tcsh');
    expect(code).toBe(2);
    expect(stderr).toContain("'tcsh' is invalid");
    expect(stderr).toContain('Allowed choices are bash, zsh, fish.');
  });

  test('man prints a page with every command', async () => {
    const { code, stdout } = await runHere('man');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\.SS "drain"$/m);
    expect(stdout).toMatch(/^\.SS "pools quote"$/m);
    expect(stdout).not.toMatch(/^\.SS "(help|proxy|complete\\-servers)"$/m);
  });
});

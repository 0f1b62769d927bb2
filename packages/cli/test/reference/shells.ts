/**
 * Asks real shells what they would offer for an unfinished line.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runHere } from '../support.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/** Longest wait for a shell; only one that hangs gets there. */
const ANSWER_MS = 60_000;

/** Stands for a command with a running load balancer, and keeps the words that it was asked with. */
const COMMAND = `#!/bin/sh
[ "$1" = complete-servers ] || exit 1
printf '%s ' "$@" > asked
printf 'web/one\\nweb/two\\npg/10.0.0.1:5432\\n'
`;

const FILES = ['balancer.toml', 'first choice.toml'];

/** Sources the script, puts the line where readline would, and prints what the function left. */
const BASH = `source ./script
COMP_LINE=$1 COMP_POINT=\${#1}
_balancer
printf '%s\\n' "\${COMPREPLY[@]}"
`;

const FISH = `source ./script
complete --do-complete "$argv[1]" | string replace --regex '\\t.*' ''
true
`;

/**
 * zsh completes only at a prompt: one on a pseudo terminal is given the line and a tab. What it finds
 * is written down where it is added, and the end is known from the hook that comes last.
 */
const ZSH = `zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -D; source ./script'
zpty -w shell 'compadd() { local -a found; builtin compadd -A found "$@"; print -rC1 -- $found >> found; builtin compadd "$@" }'
zpty -w shell 'finish() { comppostfuncs=(finish); : > end }; comppostfuncs=(finish); bindkey "^I" complete-word; : > prompt'
while [[ ! -e prompt ]]; do zpty -rt shell output || sleep 0.02; done
zpty -n -w shell "$1"$'\\t'
while [[ ! -e end ]]; do zpty -rt shell output || sleep 0.02; done
zpty -d shell
[[ -e found ]] && cat found
`;

const RUN: Readonly<Record<Shell, readonly string[]>> = {
  bash: ['bash', '--norc', '-c', BASH, 'bash'],
  fish: ['fish', '--no-config', '-c', FISH],
  zsh: ['zsh', '-f', '-c', ZSH, 'zsh'],
};

export interface Offer {
  /** Without repetitions, as the shell would write them. */
  readonly candidates: readonly string[];
  /** The words that the command was asked with; empty when it was not. */
  readonly asked: string;
}

/** What a shell offers at the end of `line`, in a folder with two files. */
export async function complete(shell: Shell, line: string): Promise<Offer> {
  const folder = await mkdtemp(join(tmpdir(), 'balancer-shell-'));
  try {
    await writeFile(join(folder, 'script'), (await runHere('completion', shell)).stdout);
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'balancer'), COMMAND, { mode: 0o755 });
    await Promise.all(FILES.map((file) => writeFile(join(folder, file), '')));
    const [command, ...args] = RUN[shell];
    const { stdout } = await promisify(execFile)(command!, [...args, line], {
      cwd: folder,
      timeout: ANSWER_MS,
      env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: folder, TERM: 'dumb' },
    });
    const lines = stdout.split('\n').filter((text) => text !== '');
    return {
      candidates: [...new Set(lines.map((text) => text.replaceAll(String.raw`\ `, ' ')))],
      asked: await readFile(join(folder, 'asked'), 'utf8').catch(() => ''),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

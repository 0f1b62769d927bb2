/**
 * The container file, step by step. What its first stage runs is run in a copy of the repository; its
 * second stage becomes a root of its own, in which the image's command serves without a network, as
 * another user, from what was copied there and nothing else.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { follow, install, lastOf, readContainerfile, wordsOf } from './containerfile.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const [build = [], image = []] = readContainerfile(join(root, 'deploy/container/Containerfile'));

const folder = mkdtempSync(join(tmpdir(), 'balancer-image-'));
const children: ChildProcess[] = [];

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

describe('the container file', () => {
  test('fetches in the first stage alone, and the image runs without root', () => {
    expect(lastOf(build, 'RUN')).toContain('npm ci --ignore-scripts');
    expect(image.map(({ text }) => text).join('\n')).not.toMatch(/npm|apt|curl|wget/);
    expect(lastOf(image, 'USER')).toBe('node');
  });

  test('names files and scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const [, script] of lastOf(build, 'RUN')!.matchAll(/npm run (\w+)/g)) {
      expect(scripts).toHaveProperty(script!);
    }
    for (const [, file] of lastOf(build, 'RUN')!.matchAll(/node (\S+)/g)) {
      expect(existsSync(join(root, file!))).toBe(true);
    }
    const { bin } = JSON.parse(readFileSync(join(root, 'packages/cli/package.json'), 'utf8')) as {
      bin: Record<string, string>;
    };
    expect(lastOf(image, 'RUN')).toContain(`/app/packages/cli/${bin['balancer']}`);
  });

  const reason =
    process.getuid?.() === 0
      ? process.env['BALANCER_TEST_LONG'] === undefined && ' (long form: installs and builds anew)'
      : ' (needs root)';

  test.skipIf(reason)(
    `makes an image that serves without a network${reason || ''}`,
    async () => {
      await buildIn(join(folder, 'build'));
      const imageRoot = join(folder, 'image');
      await install(
        {
          '/usr/local/bin/node': process.execPath,
          '/usr/bin/env': '/usr/bin/env',
          '/bin/sh': '/bin/sh',
          '/bin/ln': '/bin/ln',
          '/bin/chmod': '/bin/chmod',
        },
        imageRoot,
      );
      await follow(image, imageRoot, { context: root, stages: { build: folder } });
      const serving = startImage(imageRoot);
      expect(await saidReady(serving)).toMatch(/"web":\[":80"\]|"web":\["\[::\]:80"\]/);
      serving.kill('SIGTERM');
      expect((await once(serving, 'exit'))[0]).toBe(0);
    },
    600_000,
  );
});

/** Runs the first stage in a copy of what is under version control; `/app` goes beside it. */
async function buildIn(copy: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '-z'], { cwd: root, maxBuffer: 1 << 26 });
  for (const file of stdout.split('\0').filter((path) => existsSync(join(root, path)) && path)) {
    mkdirSync(join(copy, dirname(file)), { recursive: true });
    cpSync(join(root, file), join(copy, file), { verbatimSymlinks: true });
  }
  const steps = lastOf(build, 'RUN')!.replace(' /app', ` ${join(folder, 'app')}`);
  await run('/bin/sh', ['-ec', steps], { cwd: copy, maxBuffer: 1 << 26 });
}

/** Starts the image's command as a container would: its own network without a way out, no privileges. */
function startImage(imageRoot: string): ChildProcess {
  const command = [...wordsOf(lastOf(image, 'ENTRYPOINT')), ...wordsOf(lastOf(image, 'CMD'))];
  const script = `echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start
ip link set lo up
exec chroot --userspec=1000:1000 ${imageRoot} /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin "$@"`;
  const child = spawn('unshare', ['--net', '/bin/sh', '-ec', script, 'sh', ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  return child;
}

/** @returns The line that says so. */
async function saidReady(child: ChildProcess): Promise<string> {
  let log = '';
  for await (const bytes of child.stderr!) {
    log += String(bytes);
    const ready = /.*"msg":"ready".*/.exec(log);
    if (ready) return ready[0];
  }
  throw new Error(`it ended:\n${log}`);
}

/**
 * Runs once before the system tests: installs what they need when it is root on Debian, and
 * otherwise says what is missing and which tests are skipped for it.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { commandPath, missingRequirements, type SystemRequirement } from './system-requirements.ts';

const run = promisify(execFile);

/** A package list and a few small packages; more means that the mirror does not answer. */
const APT_TIMEOUT_MS = 180_000;

/** While this file exists and exits 101, packages do not start the services that they bring. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';

/** Entry point that vitest calls. */
export async function setup(): Promise<void> {
  const missing = missingRequirements();
  if (missing.length === 0) return;
  const obstacle = whyNotInstall();
  const failure = obstacle ?? (await install(missing));
  const left = missingRequirements();
  if (left.length > 0) explain(left, failure ?? 'the packages do not bring the commands');
}

function whyNotInstall(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  if (commandPath('apt-get') === undefined) return 'not a Debian system';
  return undefined;
}

/** @returns Why it failed, or `undefined`. */
async function install(missing: readonly SystemRequirement[]): Promise<string | undefined> {
  const packages = missing.map(({ debianPackage }) => debianPackage);
  process.stderr.write(`system tests: installing ${packages.join(', ')}\n`);
  const removePolicy = keepServicesFromStarting();
  try {
    await aptGet('update');
    await aptGet('install', '--yes', '--no-install-recommends', ...packages);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] : String(error);
  } finally {
    removePolicy();
  }
}

async function aptGet(...args: readonly string[]): Promise<void> {
  await run('apt-get', ['--quiet', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: APT_TIMEOUT_MS,
  });
}

function keepServicesFromStarting(): () => void {
  if (existsSync(POLICY_FILE)) return () => {};
  writeFileSync(POLICY_FILE, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => rmSync(POLICY_FILE, { force: true });
}

function explain(missing: readonly SystemRequirement[], why: string): void {
  for (const { command, debianPackage, neededFor } of missing) {
    process.stderr.write(
      `system tests: ${neededFor}: skipped, ${command} is not installed (${why}); apt-get install ${debianPackage}\n`,
    );
  }
}

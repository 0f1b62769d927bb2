/**
 * A plan with the files that its experiment reads, as they lie in a store: what a machine that has
 * neither can run shards from.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { digestsOf } from '../experiment/inputs.ts';
import { type Plan, planFrom, type PlanSource } from '../experiment/plan.ts';
import type { Store } from './store.ts';

const PLAN_FILE = 'plan.json';

/** Puts a plan into a store. @returns Its name there: the same for the same plan and the same contents of files. */
export async function uploadPlan(plan: Plan, store: Store): Promise<string> {
  const digest = createHash('sha256').update(plan.hash);
  const files: Record<string, string> = {};
  for (const [i, [name, hash]] of Object.entries(await digestsOf(plan)).entries()) {
    files[name] = `files/${i}-${basename(name)}`;
    digest.update(`${name}\0${hash}\0`);
  }
  const key = `${plan.hash}-${digest.digest('hex').slice(0, 16)}`;
  if (await store.has(`${key}/${PLAN_FILE}`)) return key;
  for (const [name, place] of Object.entries(files))
    await store.put(`${key}/${place}`, resolve(plan.folder, name));
  const source: PlanSource = { ...plan.source, folder: '.', files };
  const folder = await mkdtemp(join(tmpdir(), 'simulation-plan-'));
  try {
    await writeFile(join(folder, PLAN_FILE), JSON.stringify(source));
    // The plan comes last: where it is, its files are.
    await store.put(`${key}/${PLAN_FILE}`, join(folder, PLAN_FILE));
  } finally {
    await rm(folder, { recursive: true });
  }
  return key;
}

/** Fetches a plan and its files into a folder of its own below `work`. */
export async function downloadPlan(key: string, store: Store, work: string): Promise<Plan> {
  const folder = join(work, key);
  await mkdir(join(folder, 'files'), { recursive: true });
  await store.get(`${key}/${PLAN_FILE}`, join(folder, PLAN_FILE));
  const source = JSON.parse(await readFile(join(folder, PLAN_FILE), 'utf8')) as PlanSource;
  for (const place of Object.values(source.files ?? {}))
    await store.get(`${key}/${place}`, join(folder, place));
  return planFrom({ ...source, folder });
}

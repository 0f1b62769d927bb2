/** After so long a condition counts as hung. Far above what any step takes, below the limit of a test. */
const HANG_MS = 60_000;

/** Waits for a condition, and fails with its text when it hangs: a slow machine is no failure. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + HANG_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

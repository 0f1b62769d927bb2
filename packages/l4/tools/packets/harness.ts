/**
 * Runs a packet case: fills an empty data plane from the set-up, sends each packet by test run and
 * compares verdict, bytes and state.
 *
 * @module
 */
import { diffFrames, runOnCpu } from '@balancer/ebpf';
import { DROP_REASONS } from '../../src/index.ts';
import { DataPlane } from './data-plane.ts';
import { stateProblems } from './observe.ts';
import { frameBytes, type FrameText, type PacketCase, type Step } from './packet-case.ts';
import { PacketHost, type Hook } from './packet-host.ts';

/** All steps take less. The quickest that happens by itself is a rate that gives a packet every third of a second. */
const STANDSTILL_MS = 200;
/** So often a machine may stand still in the middle of a case. */
const ATTEMPTS = 20;

/**
 * Runs a case on one build; returns one line for each difference, none when it holds.
 *
 * The programs' clock is the machine's. What a case finds in which the machine stood still for longer than its
 * rates and limits allow, says nothing; it is begun again.
 */
export function runCase(packetCase: PacketCase, hook: Hook, host: PacketHost): string[] {
  for (let attempt = 1; ; attempt++) {
    const { problems, tookMs } = runSteps(packetCase, hook, host);
    if (problems.length === 0 || tookMs < STANDSTILL_MS || attempt === ATTEMPTS) return problems;
  }
}

/** @returns What differs, and the time from the first step to the last. */
function runSteps(
  packetCase: PacketCase,
  hook: Hook,
  host: PacketHost,
): { readonly problems: string[]; readonly tookMs: number } {
  const plane = new DataPlane(packetCase.setup, hook, host, packetCase.program);
  try {
    if (packetCase.steps.some(({ collect, close }) => collect ?? close !== undefined)) {
      plane.loadControl();
    }
    const startMs = performance.now();
    // Some limits count for each CPU by itself.
    const problems = runOnCpu(() =>
      packetCase.steps.flatMap((step, i) =>
        runStep(plane, step).map((problem) => `step ${i + 1}: ${problem}`),
      ),
    );
    return { problems, tookMs: performance.now() - startMs };
  } finally {
    plane.close();
  }
}

function runStep(plane: DataPlane, step: Step): string[] {
  const problems: string[] = [];
  if (step.wait !== undefined) plane.wait(step.wait);
  for (const change of step.change ?? []) plane.change(change);
  if (step.close !== undefined) plane.closeFlows(step.close);
  if (step.collect !== undefined) {
    const found: Readonly<Record<string, number>> = { ...plane.collect() };
    for (const [name, wanted] of Object.entries(step.collect)) {
      if (found[name] !== wanted) problems.push(`${name} ${found[name]}; expected ${wanted}`);
    }
  }
  if (step.in !== undefined) problems.push(...packetProblems(plane, step, step.in));
  return [...problems, ...stateProblems(plane, step.after ?? {})];
}

function packetProblems(plane: DataPlane, step: Step, frame: FrameText): string[] {
  const before = plane.drops();
  const input = frameBytes(frame);
  const { verdict, data, metadataBytes } = plane.send(input);
  const reasons = plane
    .drops()
    .flatMap((n, id) => (n > (before[id] ?? 0n) ? [reasonName(id)] : []));
  const problems: string[] = [];
  if (verdict !== step.verdict) {
    problems.push(`verdict ${verdict} ${reasons.join()}; expected ${step.verdict}`);
  }
  if (step.reason !== undefined && reasons.join() !== step.reason) {
    problems.push(`drop reason ${reasons.join() || 'none'}; expected ${step.reason}`);
  }
  if (metadataBytes !== (step.metadataBytes ?? 0)) {
    problems.push(`${metadataBytes} bytes of metadata; expected ${step.metadataBytes ?? 0}`);
  }
  const expected = step.out ? frameBytes(step.out) : step.verdict === 'pass' ? input : undefined;
  if (expected && step.verdict !== 'drop')
    problems.push(...diffFrames(expected, data.subarray(metadataBytes)));
  return problems;
}

function reasonName(id: number): string {
  return Object.entries(DROP_REASONS).find(([, value]) => value === id)?.[0] ?? `reason ${id}`;
}

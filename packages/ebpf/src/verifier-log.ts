/**
 * Makes a verifier log readable. The kernel prints every instruction it follows; what a person needs is
 * the complaint at the end, the source line it is about, and the few instructions before it.
 *
 * @module
 */
import { deepestChain } from './call-chain.ts';

/** Lines of a shrunk log. */
const LINES_MAX = 40;
/** Instructions shown before the complaint. */
const TAIL_LINES = 12;

/** The lines of a log that say why a program was rejected. */
export interface VerifierSummary {
  /** The complaint, for example "R1 invalid mem access 'scalar'". */
  readonly reason: string;
  /** The last C line the log quotes, as `; text @ file.c:12`, if any. */
  readonly source: string | undefined;
  /** Index of the last instruction the verifier printed, or -1. */
  readonly instruction: number;
  /** At most 40 lines, with "(n lines omitted)" where lines are left out. */
  readonly excerpt: string;
}

/** Statistics lines that follow the complaint. */
const STATISTICS =
  /^(processed \d+ insns|verification time|stack depth|peak_states|max_states_per_insn)/;
const INSTRUCTION = /^(\d+): \([0-9a-f]{2}\)/;
const SOURCE = /^; (?!.*\bframe\d+:)/;

/** Summarizes a log; works on partial and empty ones. */
export function summarizeLog(log: string): VerifierSummary {
  const lines = log.split('\n').filter((line) => line.trim() !== '' && !STATISTICS.test(line));
  const reason = lines.at(-1) ?? 'the kernel gave no reason';
  const source = lines.findLast((line) => SOURCE.test(line));
  const instruction = lines.findLast((line) => INSTRUCTION.test(line));
  return {
    reason,
    source: source?.slice(2),
    instruction: Number(instruction === undefined ? -1 : INSTRUCTION.exec(instruction)![1]),
    excerpt: excerpt(lines),
  };
}

/** How much work and stack a program took, from the statistics of its log. */
export interface VerifierStatistics {
  /** Instructions the verifier walked through; its limit is one million. */
  readonly processedInstructions: number;
  /** Stack of the deepest call chain, in bytes; the kernel's limit is 512. */
  readonly stackBytes: number;
}

/**
 * Reads the statistics that log level 4 prints; `undefined` when there are none.
 *
 * @param code - Instructions of the program, which say what calls what.
 */
export function readStatistics(log: string, code: Uint8Array): VerifierStatistics | undefined {
  const processed = /processed (\d+) insns/.exec(log)?.[1];
  const depths = /stack depth ([\d+]+)/.exec(log)?.[1];
  if (processed === undefined) return undefined;
  const stackBytes = deepestChain(code, (depths ?? '').split('+').map(Number));
  return { processedInstructions: Number(processed), stackBytes };
}

function excerpt(lines: readonly string[]): string {
  if (lines.length <= LINES_MAX) return lines.join('\n');
  const tail = lines.slice(-TAIL_LINES);
  // The source line may stand far above when one statement compiles to many instructions.
  const source = lines.findLast((line) => SOURCE.test(line));
  const kept = source === undefined || tail.includes(source) ? tail : [source, ...tail];
  return [`(${lines.length - kept.length} lines omitted)`, ...kept].join('\n');
}

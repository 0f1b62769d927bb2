/**
 * How many connections the process has descriptors for.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/** Descriptors kept for logs, health checks, the admin listener and the runtime itself. */
const RESERVED_DESCRIPTORS = 128;

/** When the limit cannot be read, as outside Linux. */
const FALLBACK_LIMIT = 1024;

/** Soft limit of open files, from the kernel's own account of this process. */
export function descriptorLimit(limitsFile = '/proc/self/limits'): number {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync(limitsFile, 'utf8'))?.[1];
    if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER;
    return soft === undefined ? FALLBACK_LIMIT : Number(soft);
  } catch {
    return FALLBACK_LIMIT;
  }
}

/** Connections that fit, at two sockets each. At least 1. */
export function connectionsThatFit(limit: number, listenerCount: number): number {
  return Math.max(1, Math.floor((limit - RESERVED_DESCRIPTORS - listenerCount) / 2));
}

/**
 * What a health check is: the ways to ask a target whether it works, and the answer.
 *
 * @module
 */
import { afterOwnTime } from '../clock.ts';
import type { Address } from '../config/address.ts';
import { createExecProbe } from './exec.ts';
import { createHttpProbe } from './http.ts';
import { CheckFailure, CheckSpecError, CheckTimeout, type Probe } from './probe.ts';
import { createSendExpectProbe } from './send-expect.ts';
import { createTcpProbe, createTlsProbe } from './connection.ts';
import { createPingProbe } from './ping.ts';
import { createUdpProbe } from './udp.ts';

export interface CheckResult {
  readonly ok: boolean;
  /** Empty when ok; else short and exact: `connection refused`, `timeout after 3000 ms`. */
  readonly reason: string;
  /** Duration of the check in milliseconds. */
  readonly ms: number;
}

/** Runs one check. Never rejects; resolves soon after `signal` aborts. */
export type HealthCheck = (signal: AbortSignal) => Promise<CheckResult>;

/** The two ends of a check's own connection. */
export interface CheckConnection {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** What every check that connects has. */
export interface ConnectingCheck {
  /** What is asked. */
  readonly target: Address;
  /** Whole check from connecting to the verdict, in milliseconds. */
  readonly timeoutMs: number;
  /** Local address of the connection. */
  readonly sourceAddress?: string;
  /** Bytes written first on every connection, such as a PROXY protocol header. */
  readonly preamble?: (connection: CheckConnection) => Uint8Array;
}

/** TLS of a check's connection. */
export interface CheckTls {
  /** False accepts any certificate. */
  readonly verify: boolean;
  /** Name sent as SNI and checked against the certificate; default: the target's host. */
  readonly servername?: string;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string;
}

/** Connects, then closes with a reset; sends nothing (but the preamble). */
export interface TcpCheck extends ConnectingCheck {
  readonly type: 'tcp';
}

/** Connects and completes a TLS handshake. */
export interface TlsCheck extends ConnectingCheck {
  readonly type: 'tls';
  readonly tls: CheckTls;
}

/** Sends bytes and compares what comes back. */
export interface SendExpectCheck extends ConnectingCheck {
  readonly type: 'send_expect';
  /** Text with the escapes `\r \n \t \\ \xHH`; empty sends nothing. */
  readonly send: string;
  /**
   * Same escapes: a prefix of the answer, or `/regex/` tried on its first 16 KiB. Empty accepts
   * any first byte after something was sent, and the connection alone when nothing was.
   */
  readonly expect: string;
  readonly tls?: CheckTls;
}

/** Sends `GET path` and compares the status. */
export interface HttpCheck extends ConnectingCheck {
  readonly type: 'http';
  readonly path: string;
  /** `200-399`, or a list: `200,204,300-399`. */
  readonly status: string;
  /** `Host` header; default: the target. */
  readonly host?: string;
  readonly tls?: CheckTls;
}

/** Sends a datagram; an answer to it, or at least no refusal, is ok. */
export interface UdpCheck {
  readonly type: 'udp';
  readonly target: Address;
  readonly timeoutMs: number;
  readonly sourceAddress?: string;
  /** Text with the escapes `\r \n \t \\ \xHH`; empty sends an empty datagram. */
  readonly send: string;
  /** The answer that is needed, as of {@link SendExpectCheck}; empty takes silence for ok. */
  readonly expect: string;
}

/** One ICMP echo, by the system's `ping`. */
export interface PingCheck {
  readonly type: 'ping';
  readonly target: Address;
  readonly timeoutMs: number;
  readonly sourceAddress?: string;
}

/** Runs a program without a shell; exit code 0 is ok. Its environment is HOST and PORT alone. */
export interface ExecCheck {
  readonly type: 'exec';
  readonly target: Address;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** At most 10 000 ms are used; then the program and its children are killed. */
  readonly timeoutMs: number;
}

export type CheckSpec =
  | TcpCheck
  | TlsCheck
  | SendExpectCheck
  | HttpCheck
  | UdpCheck
  | PingCheck
  | ExecCheck;

/**
 * Makes a check from its description.
 *
 * @throws {CheckSpecError} if `send`, `expect`, `path`, `status` or `command` cannot be read.
 */
export function createCheck(spec: CheckSpec): HealthCheck {
  if (!(spec.timeoutMs > 0)) throw new CheckSpecError('timeout must be above 0');
  const timeoutMs = spec.type === 'exec' ? Math.min(spec.timeoutMs, EXEC_MAX_MS) : spec.timeoutMs;
  const probe = createProbe(spec);
  return (signal) => runTimed(probe, timeoutMs, signal);
}

/** Longest run of a program. */
const EXEC_MAX_MS = 10_000;

const PROBES: {
  readonly [T in CheckSpec['type']]: (spec: Extract<CheckSpec, { type: T }>) => Probe;
} = {
  tcp: createTcpProbe,
  tls: createTlsProbe,
  send_expect: createSendExpectProbe,
  http: createHttpProbe,
  udp: createUdpProbe,
  ping: createPingProbe,
  exec: createExecProbe,
};

function createProbe<T extends CheckSpec['type']>(spec: Extract<CheckSpec, { type: T }>): Probe {
  const create: (spec: Extract<CheckSpec, { type: T }>) => Probe = PROBES[spec.type];
  return create(spec);
}

async function runTimed(probe: Probe, timeoutMs: number, outer: AbortSignal): Promise<CheckResult> {
  const startedMs = performance.now();
  const stop = new AbortController();
  // The target is not to blame for a pause of this process, in which its answer may have come.
  const cancelTimeout = afterOwnTime(timeoutMs, () => stop.abort(new CheckTimeout(timeoutMs)));
  const cancel = (): void => stop.abort(new CheckFailure('cancelled'));
  outer.addEventListener('abort', cancel, { once: true });
  if (outer.aborted) cancel();
  let reason = '';
  try {
    stop.signal.throwIfAborted();
    await probe(stop.signal);
  } catch (error) {
    reason = CheckFailure.reasonOf(error);
  } finally {
    cancelTimeout();
    outer.removeEventListener('abort', cancel);
  }
  return { ok: reason === '', reason, ms: performance.now() - startedMs };
}

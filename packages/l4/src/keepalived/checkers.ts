/**
 * Health checks of keepalived as those of a backend.
 *
 * keepalived checks each server in its own way and takes it for up when all of its checkers pass;
 * a backend has one way for all of its servers.
 *
 * @module
 */
import type { BackendConfig, HealthConfig } from '@balancer/lb';
import type { Section } from './section.ts';

/** What a backend says about its checks. */
export interface Checks {
  readonly health_check_interval: number;
  readonly health?: Partial<HealthConfig>;
  readonly source_addr?: string;
}

/** Settings that a checker takes from its server, and the server from its service. */
interface Timing {
  readonly delayLoopS: number;
  readonly connectTimeoutS: number;
  readonly retries: number | undefined;
  readonly retryDelayS: number | undefined;
  readonly virtualHost: string | undefined;
}

/** Defaults of keepalived.conf(5). */
const DEFAULTS: Timing = {
  delayLoopS: 60,
  connectTimeoutS: 5,
  retries: undefined,
  retryDelayS: undefined,
  virtualHost: undefined,
};

/** A way to check, and the defaults that belong to it. */
interface Checker {
  readonly health: Partial<HealthConfig>;
  readonly retries?: number;
  readonly retryDelayS?: number;
  readonly timeoutS?: number;
}

const CHECKERS: { readonly [keyword: string]: (section: Section, timing: Timing) => Checker } = {
  TCP_CHECK: () => ({ health: { type: 'tcp' } }),
  HTTP_GET: (section, timing) => http('http', section, timing),
  SSL_GET: (section, timing) => http('https', section, timing),
  SMTP_CHECK: (section) => {
    section.note('SMTP_CHECK', 'only the greeting is looked at');
    return { health: { type: 'send_expect', expect: '220' } };
  },
  DNS_CHECK: dns,
  UDP_CHECK: udp,
  PING_CHECK: () => ({ health: { type: 'ping' } }),
  MISC_CHECK: program,
};

/** What {@link CHECKERS} knows, for finding the blocks. */
const CHECKER_KEYWORDS = Object.keys(CHECKERS);

/**
 * The checks of one server; `undefined` for a server that keepalived does not check.
 *
 * @param service - The block of its service, whose settings hold unless it says otherwise.
 */
export function checksOf(service: Section, server: Section): Checks | undefined {
  const inherited = timingOf(server, timingOf(service, DEFAULTS));
  const [first, ...others] = CHECKER_KEYWORDS.flatMap((keyword) =>
    server.sections(keyword).map((section) => ({ keyword, section })),
  ).toSorted((a, b) => a.section.place.line - b.section.place.line);
  for (const { keyword, section } of others) {
    server.note(keyword, 'a server has one check; this is a further one', section.place);
    section.lines();
  }
  if (!first) return undefined;
  const { keyword, section } = first;
  const timing = timingOf(section, inherited);
  return checks(section, CHECKERS[keyword]!(section, timing), timing);
}

function checks(section: Section, checker: Checker, timing: Timing): Checks {
  const { delayLoopS, connectTimeoutS } = timing;
  const port = section.number('connect_port');
  const sourceAddress = section.word('bindto');
  const retries = timing.retries ?? checker.retries ?? 1;
  const retryDelayS = timing.retryDelayS ?? checker.retryDelayS ?? 1;
  return {
    health_check_interval: milliseconds(delayLoopS),
    health: {
      ...checker.health,
      timeout: milliseconds(checker.timeoutS ?? connectTimeoutS),
      rise: 1,
      fall: retries + 1,
      fast_interval: milliseconds(retryDelayS),
      ...(port !== undefined && { port }),
    },
    ...(sourceAddress !== undefined && { source_addr: sourceAddress }),
  };
}

function timingOf(section: Section, inherited: Timing): Timing {
  // Up and down at the start is what the first check says, after no random delay that matters.
  section.drop('alpha', 'warmup');
  return {
    delayLoopS: section.number('delay_loop') ?? inherited.delayLoopS,
    connectTimeoutS: section.number('connect_timeout') ?? inherited.connectTimeoutS,
    retries: section.number('retry', 'nb_get_retry') ?? inherited.retries,
    retryDelayS: section.number('delay_before_retry') ?? inherited.retryDelayS,
    virtualHost: section.word('virtualhost') ?? inherited.virtualHost,
  };
}

function http(type: 'http' | 'https', section: Section, timing: Timing): Checker {
  const [url, ...others] = section.sections('url');
  for (const other of others) {
    section.note(`url ${other.word('path') ?? ''}`.trim(), 'only the first is asked', other.place);
    other.lines();
  }
  section.drop('http_protocol', 'fast_recovery', 'enable_sni');
  const host = url?.word('virtualhost') ?? timing.virtualHost;
  const status = url?.take('status_code')?.join(',');
  return {
    health: {
      type,
      path: url?.word('path') ?? '/',
      status: status ?? '200-299',
      ...(host !== undefined && { host }),
    },
    retries: 3,
    retryDelayS: 3,
  };
}

function udp(section: Section): Checker {
  const payload = hexBytes(section.take('payload') ?? []);
  const reply = section.take('require_reply');
  const wanted = (reply ?? []).join('');
  const expect = reply === undefined ? '' : wanted === '' ? '/^/' : `/^${hexPattern(wanted)}/s`;
  return { health: { type: 'udp', send: payload, expect } };
}

/** `Ab12f 3` as keepalived reads it: pairs of digits, one digit where a word has an odd number. */
function hexBytes(words: readonly string[]): string {
  return words
    .flatMap((word) => word.match(/[0-9a-f]{1,2}/gi) ?? [])
    .map((digits) => `\\x${digits.padStart(2, '0')}`)
    .join('');
}

/** Bytes of which an `X` leaves four bits open, as a pattern over Latin-1. */
function hexPattern(digits: string): string {
  return (digits.match(/[0-9a-fx]{1,2}/gi) ?? []).map(bytePattern).join('');
}

function bytePattern(text: string): string {
  const digits = text.padStart(2, '0').toLowerCase();
  const wanted = new RegExp(`^${digits.replaceAll('x', '.')}$`);
  const fits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).filter(
    (byte) => wanted.test(byte),
  );
  return fits.length === 1 ? `\\x${fits[0]!}` : `[${fits.map((byte) => `\\x${byte}`).join('')}]`;
}

/** Numbers of RFC 1035, section 3.2.2, and RFC 3596. */
const DNS_TYPES: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  MX: 15,
  TXT: 16,
  AAAA: 28,
};

/** Number 0, recursion desired, one question. */
const DNS_HEADER = Buffer.from('000001000001000000000000', 'hex');

/** A question by UDP; any answer without an error code will do. Source: RFC 1035, section 4.1. */
function dns(section: Section, timing: Timing): Checker {
  const type = (section.word('type') ?? 'SOA').toUpperCase();
  const name = section.word('name') ?? '.';
  const labels = name.split('.').filter((label) => label !== '');
  const question = Buffer.concat([
    DNS_HEADER,
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
    Buffer.from([0, 0, DNS_TYPES[type] ?? DNS_TYPES['SOA']!, 0, 1]),
  ]);
  const noError = bytePattern('x0');
  return {
    health: {
      type: 'udp',
      send: question.toString('hex').replaceAll(/../g, '\\x$&'),
      expect: `/^\\x00\\x00[\\x80-\\xff]${noError}/s`,
    },
    retries: 3,
    retryDelayS: timing.delayLoopS,
  };
}

function program(section: Section): Checker {
  const words = section.take('misc_path') ?? [];
  const timeoutS = section.number('misc_timeout');
  return {
    health: { type: 'exec', command: words.flatMap((word) => word.split(/\s+/)) },
    retries: 0,
    ...(timeoutS !== undefined && { timeoutS }),
  };
}

/** Settings that are the same for all servers of a backend. */
export function sameChecks(a: Checks | undefined, b: Checks | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The keys of a backend by which its servers are not checked. */
export const NO_CHECKS: Pick<BackendConfig, 'health_check_interval'> = { health_check_interval: 0 };

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}

/**
 * The program's log: JSON lines or text, with levels, on top of pino.
 *
 * @module
 */
import { pino } from 'pino';
import { type Clock, systemClock } from '../clock.ts';
import { BalancerError, messageOf } from '../errors.ts';
import { type LineOutput, openLineOutput } from './line-output.ts';
import { RepeatLimit } from './repeat-limit.ts';
import { formatTextLine } from './text-format.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = 'json' | 'text';

/** Facts of one event; an `Error` under `error` is written with its code, message and cause. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * What code that has something to say is given. Never throws. Of warnings and errors that are equal
 * in message and fields, ten a second are written and the rest is counted (`repeated`).
 */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default `json`. */
  readonly format?: LogFormat;
  /** `stderr` (default), `stdout`, or the path of a file. */
  readonly output?: string;
}

export interface CreateLogOptions extends LogOptions {
  /** Fields of every line. */
  readonly fields?: LogFields;
  /** Equal warnings and errors written per second; the rest is counted. Default 10. */
  readonly repeatsPerSecondMax?: number;
  readonly clock?: Clock;
  /** Replaces `output` by an open one, for tests and embedding; `configure` then keeps it. */
  readonly lineOutput?: LineOutput;
}

export interface Log extends Logger {
  /**
   * Changes level, format and output of a running log and of its children; what is not given stays.
   *
   * @throws {LogTargetError} if the file cannot be opened; nothing has changed then.
   */
  configure(options: LogOptions): void;
  /** Opens the log file again (after SIGUSR1); a failure is logged and the open file kept. */
  reopen(): void;
  /** Lines lost because they could not be written. */
  readonly droppedLines: number;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a log.
 *
 * @throws {LogTargetError} if the file cannot be opened.
 */
export function createLog(options: CreateLogOptions = {}): Log {
  return new RootLog(options);
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
  child: () => silentLogger,
};

/** Level checks and repeats for one set of fields; all loggers of a log share its sink. */
class FieldLogger implements Logger {
  readonly #sink: Sink;
  readonly #fields: LogFields;

  constructor(sink: Sink, fields: LogFields) {
    this.#sink = sink;
    this.#fields = fields;
  }

  trace(message: string, fields?: LogFields): void {
    this.#sink.log('trace', message, this.#fields, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#sink.log('debug', message, this.#fields, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#sink.log('info', message, this.#fields, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#sink.log('warn', message, this.#fields, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#sink.log('error', message, this.#fields, fields);
  }

  fatal(message: string, fields?: LogFields): void {
    this.#sink.log('fatal', message, this.#fields, fields);
  }

  child(fields: LogFields): Logger {
    return new FieldLogger(this.#sink, { ...this.#fields, ...fields });
  }
}

class RootLog extends FieldLogger implements Log {
  readonly #sink: Sink;

  constructor(options: CreateLogOptions) {
    const sink = new Sink(options);
    super(sink, options.fields ?? {});
    this.#sink = sink;
  }

  get droppedLines(): number {
    return this.#sink.droppedLines;
  }

  configure(options: LogOptions): void {
    this.#sink.configure(options);
  }

  reopen(): void {
    try {
      this.#sink.output.reopen();
    } catch (error) {
      this.error('log file not reopened', { error });
    }
  }

  flush(): Promise<void> {
    return this.#sink.output.flush();
  }

  close(): Promise<void> {
    return this.#sink.output.close();
  }
}

interface LogEvent {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Turns events into lines of the configured format and hands them to the output. */
class Sink {
  output: LineOutput;
  readonly #pino: pino.Logger;
  readonly #isOutputGiven: boolean;
  readonly #repeats: RepeatLimit;
  /** Last event of each key in the repeat limit's present window. */
  readonly #heldBack = new Map<string, LogEvent>();
  #target: string;
  #format: LogFormat;
  #levelRank: number;
  readonly #oldOutputs: LineOutput[] = [];

  constructor(options: CreateLogOptions) {
    this.#target = options.output ?? 'stderr';
    this.#format = options.format ?? 'json';
    this.#levelRank = LOG_LEVELS.indexOf(options.level ?? 'info');
    this.#isOutputGiven = options.lineOutput !== undefined;
    this.output = options.lineOutput ?? openLineOutput(this.#target);
    this.#pino = pino(PINO_OPTIONS, { write: (line) => this.#writeLine(line) });
    this.#repeats = new RepeatLimit({
      perSecondMax: options.repeatsPerSecondMax ?? 10,
      clock: options.clock ?? systemClock,
      onHeldBack: (key, count) => this.#reportHeldBack(key, count),
    });
  }

  get droppedLines(): number {
    return [this.output, ...this.#oldOutputs].reduce(
      (sum, { droppedLines }) => sum + droppedLines,
      0,
    );
  }

  configure({ level, format, output }: LogOptions): void {
    if (output !== undefined && output !== this.#target && !this.#isOutputGiven) {
      const old = this.output;
      this.output = openLineOutput(output);
      this.#target = output;
      // Its last lines may still be lost while it closes: ask it for as long as the log lives.
      this.#oldOutputs.push(old);
      void old.close();
    }
    if (level !== undefined) this.#levelRank = LOG_LEVELS.indexOf(level);
    if (format !== undefined) this.#format = format;
  }

  log(level: LogLevel, message: string, own: LogFields, given: LogFields | undefined): void {
    if (LOG_LEVELS.indexOf(level) < this.#levelRank) return;
    const event: LogEvent = { level, message, fields: merge(own, given) };
    if (level !== 'warn' && level !== 'error') return this.#write(event);
    const key = keyOf(event);
    if (this.#repeats.pass(key)) this.#write(event);
    else this.#heldBack.set(key, event);
  }

  #reportHeldBack(key: string, count: number): void {
    const event = this.#heldBack.get(key);
    this.#heldBack.delete(key);
    if (event !== undefined)
      this.#write({ ...event, fields: { ...event.fields, repeated: count } });
  }

  #write({ level, message, fields }: LogEvent): void {
    try {
      this.#pino[level](fields, message);
    } catch (error) {
      this.#pino[level]({ fields: `not written: ${messageOf(error)}` }, message);
    }
  }

  #writeLine(line: string): void {
    this.output.write(this.#format === 'json' ? line : formatTextLine(line));
  }
}

const PINO_OPTIONS: pino.LoggerOptions = {
  // Levels are checked before pino, because pino's children would keep the level of their birth.
  level: 'trace',
  base: null,
  timestamp: () => `,"ts":"${new Date().toISOString()}"`,
  formatters: { level: (label) => ({ level: label }) },
  serializers: { error: describeError },
};

/** A field that cannot be read (a throwing getter) must not take the message with it. */
function merge(own: LogFields, given: LogFields | undefined): LogFields {
  try {
    return { ...own, ...given };
  } catch (error) {
    return { ...own, fields: `not written: ${messageOf(error)}` };
  }
}

function keyOf({ level, message, fields }: LogEvent): string {
  try {
    return `${level} ${message} ${JSON.stringify(fields, (_key, value: unknown) => describeError(value))}`;
  } catch {
    return `${level} ${message}`;
  }
}

/** An error as fields: `code`, `message`, `cause`; the stack only of errors that nobody planned. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code: unknown = Reflect.get(error, 'code');
  const isPlanned = error instanceof BalancerError || typeof code === 'string';
  return {
    ...(typeof code === 'string' ? { code } : { type: error.name }),
    message: error.message,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
    ...(isPlanned ? {} : { stack: error.stack }),
  };
}

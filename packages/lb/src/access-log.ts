/**
 * The access log: one line for every connection that ended.
 *
 * @module
 */
import { type LineOutput, openLineOutput } from '@balancer/kit';
import type { AccessLogConfig } from './config/types.ts';
import type { ConnectionRecord } from './data-plane.ts';

export class AccessLog {
  private config: AccessLogConfig | undefined;
  private output: LineOutput | undefined;
  private readonly random: () => number;

  /**
   * @param config - Absent: nothing is written.
   * @param random - Uniform in [0, 1); decides which connections a sample below 1 keeps.
   * @throws {LogTargetError} The file cannot be opened.
   */
  constructor(config: AccessLogConfig | undefined, random: () => number = Math.random) {
    this.random = random;
    this.configure(config);
  }

  /** Lines that could not be written. */
  get droppedLines(): number {
    return this.output?.droppedLines ?? 0;
  }

  /** Draws whether the next record is one of the sample; without a log none is. */
  wants(): boolean {
    if (!this.config || !this.output) return false;
    return this.config.sample >= 1 || this.random() < this.config.sample;
  }

  /** Writes a record that {@link wants} chose. */
  write(record: ConnectionRecord): void {
    if (!this.config || !this.output) return;
    const ts = new Date().toISOString();
    const line =
      this.config.format === 'json' ? JSON.stringify({ ts, ...record }) : textLine(ts, record);
    this.output.write(`${line}\n`);
  }

  /**
   * Changes where and what is written, wholly or not at all.
   *
   * @throws {LogTargetError} The file cannot be opened; the former log goes on.
   */
  configure(config: AccessLogConfig | undefined): void {
    const former = this.output;
    if (config?.output !== this.config?.output || !former) {
      this.output = config ? openLineOutput(config.output) : undefined;
      void former?.close();
    }
    this.config = config;
  }

  /** Opens the file again, after rotation moved it away. */
  reopen(): void {
    this.output?.reopen();
  }

  async close(): Promise<void> {
    await this.output?.close();
  }
}

function textLine(ts: string, record: ConnectionRecord): string {
  const route = `${record.client || '-'} ${record.frontend} > ${record.backend || '-'}/${record.server || '-'}`;
  const bytes = `tx=${record.bytes_tx} rx=${record.bytes_rx}`;
  const times = `connect=${record.connect_ms}ms total=${record.duration_ms}ms attempts=${record.attempts}`;
  return `${ts} ${route} ${record.end} ${bytes} ${times}`;
}

/**
 * What every daemon needs, written once: configuration files, hot reload, logs, metrics, health
 * checks, the admin listener, signals and drain.
 *
 * @module
 */
export { z } from 'zod';
export { BalancerError, errnoName, messageOf } from './errors.ts';
export { bindOnce, freePort } from './ports.ts';
export {
  afterOwnTime,
  type CancelTimer,
  type Clock,
  ManualClock,
  type RandomSource,
  systemClock,
} from './clock.ts';
export { Turns } from './turns.ts';

export {
  ConfigFileError,
  type ConfigProblem,
  formatKey,
  formatProblem,
  type KeyPath,
  type Position,
} from './config/problem.ts';
export {
  CONFIG_MAX_BYTES,
  type ConfigRules,
  type LoadedConfig,
  loadConfigFile,
  parseConfig,
} from './config/load.ts';
export { type ConfigReport } from './config/findings.ts';
export { applySchema, type SchemaProblem, type SchemaResult } from './config/issues.ts';
export { type Environment } from './config/environment.ts';
export { configJsonSchema, formatConfig } from './config/write.ts';
export {
  duration,
  type DurationBounds,
  formatDuration,
  formatSize,
  integer,
  type IntegerBounds,
  size,
  type SizeBounds,
} from './config/values.ts';
export {
  type Address,
  type AddressResult,
  endpointAddress,
  formatAddress,
  type InetAddress,
  isLoopback,
  listenAddress,
  listenOptions,
  parseAddress,
  type UnixAddress,
} from './config/address.ts';
export { cidr, cidrList, type CidrMatcher, createCidrMatcher, unmapIp } from './config/cidr.ts';
export { REDACTED, Secret, secret } from './config/secret.ts';

export { FileWatcher, type FileWatcherOptions } from './reload/file-watcher.ts';
export {
  Reloader,
  type ReloaderOptions,
  type ReloadResult,
  type ReloadTrigger,
} from './reload/reloader.ts';
export { fileSettled, type SettledOptions } from './reload/settled.ts';

export {
  createLog,
  type CreateLogOptions,
  type Log,
  LOG_LEVELS,
  type LogFields,
  type LogFormat,
  type Logger,
  type LogLevel,
  type LogOptions,
  silentLogger,
} from './log/log.ts';
export {
  type LineOutput,
  LogTargetError,
  type LogTarget,
  openLineOutput,
} from './log/line-output.ts';

export {
  type CollectedHistogramOptions,
  type CollectedMetricOptions,
  type Counter,
  type Gauge,
  type Histogram,
  type HistogramOptions,
  type HistogramSample,
  type Labels,
  type MetricOptions,
  Metrics,
  type Sample,
} from './metrics.ts';

export { type AnswerTest, readEscapes, readExpect, readStatusRanges } from './health/escapes.ts';
export { readCommand } from './health/exec.ts';
export { readHost, readRequestPath } from './health/http.ts';
export { CheckSpecError } from './health/probe.ts';
export {
  type CheckConnection,
  type CheckResult,
  type CheckSpec,
  type CheckTls,
  type ConnectingCheck,
  createCheck,
  type ExecCheck,
  type HealthCheck,
  type HttpCheck,
  type PingCheck,
  type SendExpectCheck,
  type TcpCheck,
  type TlsCheck,
  type UdpCheck,
} from './health/check.ts';
export {
  HealthMonitor,
  type HealthMonitorOptions,
  type HealthSettings,
  type HealthState,
  type HealthTransition,
} from './health/monitor.ts';

export { type AdminAccess } from './admin/guard.ts';
export {
  openApiDocument,
  type OpenApiDocument,
  type OpenApiOptions,
  type Operation,
  type Operations,
} from './admin/openapi.ts';
export { AdminListenError } from './admin/listener.ts';
export {
  type AdminContext,
  AdminRefusal,
  readJson,
  refusal,
  type RefusalStatus,
  wantsHtml,
} from './admin/respond.ts';
export {
  type AdminAsset,
  type AdminRoute,
  AdminServer,
  type AdminServerOptions,
} from './admin/server.ts';
export { streamSSE } from 'hono/streaming';

export {
  Daemon,
  type DaemonOptions,
  type DaemonPart,
  type DaemonPhase,
  type DaemonSignal,
  EXIT,
  type ExitCode,
  type SignalSource,
} from './lifecycle/daemon.ts';
export {
  createNotifier,
  NotifyError,
  type Notifier,
  type NotifierOptions,
} from './lifecycle/notify.ts';
export {
  type InheritedSocket,
  inheritedSockets,
  listeningDescriptors,
  type InheritedSocketsOptions,
} from './lifecycle/listen-fds.ts';

export { createProgress, type Progress, type ProgressOptions } from './terminal/progress.ts';
export {
  createStyler,
  type StyleName,
  type Styler,
  type TerminalStream,
  wantsColor,
} from './terminal/style.ts';

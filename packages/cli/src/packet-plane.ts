/**
 * The packet plane for a program that may never need it: its code is loaded when the first
 * configuration with an `[l4]` is about to run, and costs nothing until then.
 *
 * @module
 */
import { type AdminRoute, type Logger, type Metrics, refusal } from '@balancer/kit';
import type { L4Plane } from '@balancer/l4';
import {
  type Backend,
  type CloseOptions,
  type DataPlane,
  type DesiredConfig,
  type DrainResult,
  type Mode,
  PACKET_MODES,
  type PreparedChange,
  type Server,
} from '@balancer/lb';

export interface PacketPlaneOptions {
  readonly logger: Logger;
  /** Takes the plane's metrics when there is one. */
  readonly metrics: Metrics;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export class PacketPlane implements DataPlane {
  readonly modes: ReadonlySet<Mode> = new Set<Mode>(PACKET_MODES);
  private readonly options: PacketPlaneOptions;
  private plane: L4Plane | undefined;
  private planeRoutes: readonly AdminRoute[] = METHODS.map((method) => ({
    method,
    path: '/l4/*',
    handler: () => refusal(409, 'the packet plane is not running: the file has no [l4]'),
  }));

  constructor(options: PacketPlaneOptions) {
    this.options = options;
  }

  /** Routes of the admin listener; others after a {@link load}. */
  get routes(): readonly AdminRoute[] {
    return this.planeRoutes;
  }

  /** Loads the code if this configuration needs it. To be called before {@link routes} are read. */
  async load({ l4 }: Pick<DesiredConfig, 'l4'>): Promise<void> {
    if (!l4 || this.plane) return;
    const { L4Plane: Plane, l4Routes, registerL4Metrics } = await import('@balancer/l4');
    this.plane = new Plane(this.options);
    this.planeRoutes = l4Routes(this.plane);
    registerL4Metrics(this.plane, this.options.metrics);
  }

  async prepare(desired: DesiredConfig): Promise<PreparedChange> {
    await this.load(desired);
    return this.plane?.prepare(desired) ?? { commit: () => {}, abort: () => {} };
  }

  serverChanged(server: Server): void {
    this.plane?.serverChanged(server);
  }

  serversChanged(backend: Backend): void {
    this.plane?.serversChanged(backend);
  }

  async collect(): Promise<void> {
    await this.plane?.collect();
  }

  closeConnections(server: Server, options: CloseOptions): number {
    return this.plane?.closeConnections(server, options) ?? 0;
  }

  async drain(cut: AbortSignal): Promise<DrainResult> {
    return this.plane?.drain(cut) ?? { cut: 0 };
  }

  /** Resolves when the kernel follows everything that was wanted until now. */
  async settled(): Promise<void> {
    await this.plane?.settled();
  }

  /** Lets go, so that another process can take over; the kernel goes on forwarding. */
  async release(): Promise<void> {
    await this.plane?.release();
  }

  /** Takes over again after a `release`. */
  async resume(): Promise<void> {
    await this.plane?.resume();
  }
}

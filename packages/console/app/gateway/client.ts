/**
 * A client of the gateway's REST API.
 *
 * @module
 */
import type {
  DeliveryView,
  GatewayStatus,
  ImportList,
  MeetingView,
  PollReport,
  RecordingList,
  ServerChangeBody,
  ServerState,
  TenantChangeBody,
  TenantView,
  TokenView,
} from '@balancer/bbb';
import { type AdminClientOptions, AdminTransport } from '../admin-transport.ts';
import type { RecordingsReading } from './recordings.tsx';

/** An order may wait for servers that do not answer. */
const ORDER_MS = 120_000;

/** What a panic did. */
export interface PanicOutcome {
  readonly meetings: number;
  readonly failed: readonly string[];
}

/** Every method rejects with `AdminRequestError` when refused, and as `fetch` does otherwise. */
export class GatewayClient {
  private readonly reads: AdminTransport;
  private readonly orders: AdminTransport;

  constructor(options: AdminClientOptions) {
    this.reads = new AdminTransport(options);
    this.orders = new AdminTransport({ ...options, timeoutMs: ORDER_MS });
  }

  async status(): Promise<GatewayStatus> {
    return this.read('/status');
  }

  async meetings(): Promise<MeetingView[]> {
    return this.read('/meetings');
  }

  async tenants(): Promise<TenantView[]> {
    return this.read('/tenants');
  }

  async tokens(): Promise<TokenView[]> {
    return this.read('/tokens');
  }

  /** @param text - Part of a name or an id; empty: the newest. */
  async recordings(text: string): Promise<RecordingsReading> {
    const query = text === '' ? '' : `?text=${encodeURIComponent(text)}`;
    const [list, imports, deliveries] = await Promise.all([
      this.read<RecordingList>(`/recordings${query}`),
      this.read<ImportList>('/imports'),
      this.read<DeliveryView[]>('/deliveries'),
    ]);
    return { list, imports, deliveries };
  }

  async changeRecording(id: string, change: { readonly published: boolean }): Promise<void> {
    await this.orders.request('PATCH', `/api/v1/recordings/${encodeURIComponent(id)}`, change);
  }

  async deleteRecording(id: string): Promise<void> {
    await this.orders.request('DELETE', `/api/v1/recordings/${encodeURIComponent(id)}`);
  }

  async retryImport(file: string): Promise<void> {
    await this.orders.request('POST', `/api/v1/imports/${encodeURIComponent(file)}/retry`);
  }

  async retryDelivery(id: string): Promise<void> {
    await this.orders.request('POST', `/api/v1/deliveries/${encodeURIComponent(id)}/retry`);
  }

  async addServer(server: ServerChangeBody & { id?: string; enabled: boolean }): Promise<void> {
    await this.orders.request('POST', '/api/v1/servers', server);
  }

  async changeServer(id: string, change: ServerChangeBody): Promise<void> {
    await this.orders.request('PATCH', `/api/v1/servers/${encodeURIComponent(id)}`, change);
  }

  async setState(id: string, state: ServerState): Promise<void> {
    await this.changeServer(id, { state });
  }

  async removeServer(id: string): Promise<void> {
    await this.orders.request('DELETE', `/api/v1/servers/${encodeURIComponent(id)}`);
  }

  async panic(id: string): Promise<PanicOutcome> {
    return this.order('POST', `/servers/${encodeURIComponent(id)}/panic`, {});
  }

  async poll(): Promise<PollReport> {
    return this.order('POST', '/poll', {});
  }

  /** @returns Why its server did not end it; null if it did. */
  async endMeeting(id: string): Promise<string | null> {
    const path = `/meetings/${encodeURIComponent(id)}/end`;
    return (await this.order<{ failure: string | null }>('POST', path)).failure;
  }

  async addTenant(tenant: TenantChangeBody): Promise<void> {
    await this.orders.request('POST', '/api/v1/tenants', tenant);
  }

  async changeTenant(id: string, change: TenantChangeBody): Promise<void> {
    await this.orders.request('PATCH', `/api/v1/tenants/${encodeURIComponent(id)}`, change);
  }

  async removeTenant(id: string): Promise<void> {
    await this.orders.request('DELETE', `/api/v1/tenants/${encodeURIComponent(id)}`);
  }

  /** @returns The token, which is told only now. */
  async createToken(name: string, role: TokenView['role']): Promise<string> {
    return (await this.order<{ token: string }>('POST', '/tokens', { name, role })).token;
  }

  async revokeToken(id: string): Promise<void> {
    await this.orders.request('DELETE', `/api/v1/tokens/${encodeURIComponent(id)}`);
  }

  private async read<T>(path: string): Promise<T> {
    return (await (await this.reads.request('GET', `/api/v1${path}`)).json()) as T;
  }

  private async order<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await (await this.orders.request(method, `/api/v1${path}`, body)).json()) as T;
  }
}

/**
 * What every part of the gateway's page needs, handed down once.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
import { type Context, createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Clock } from '@balancer/kit';
import type {
  DeliveryView,
  GatewayStatus,
  MeetingView,
  RecordingView,
  ServerState,
  ServerView,
  TenantView,
  TokenView,
} from '@balancer/bbb';
import { formatCounted } from '../../src/format.ts';
import { Access, type TokenStore } from '../access.ts';
import { AdminRequestError } from '../admin-transport.ts';
import { Live, type Visibility } from '../live.ts';
import { OrderDesk } from '../order-desk.ts';
import { GatewayClient } from './client.ts';
import type { RecordingsReading } from './recordings.tsx';

/** The page's parts, in the order of its tabs. */
export const VIEWS = ['servers', 'meetings', 'recordings', 'tenants', 'access'] as const;
export type View = (typeof VIEWS)[number];

/** Everything that the page shows, as of one moment. */
export interface GatewayReading {
  readonly status: GatewayStatus;
  /** Of the part that is open; null for one that was not asked for. */
  readonly meetings: readonly MeetingView[] | null;
  readonly tenants: readonly TenantView[] | null;
  readonly tokens: readonly TokenView[] | null;
  readonly recordings: RecordingsReading | null;
}

/** A form in a dialog. */
export type Form =
  | { readonly kind: 'add-server' }
  | { readonly kind: 'server'; readonly server: ServerView }
  | { readonly kind: 'tenant'; readonly tenant: TenantView | null }
  | { readonly kind: 'token' }
  | { readonly kind: 'new-token'; readonly token: string };

export interface GatewayPageOptions {
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly visibility: Visibility;
  /** The part that is open at first, as the address says. */
  readonly view: View;
  /** Default: the browser's. */
  readonly fetch?: typeof globalThis.fetch;
}

export class GatewayDashboard {
  readonly access: Access;
  readonly client: GatewayClient;
  readonly live: Live<GatewayReading>;
  readonly desk: OrderDesk;
  readonly clock: Clock;
  readonly view: Signal<View>;
  readonly form: Signal<Form | null> = signal(null);
  /** What recordings are looked for. */
  readonly recordingText: Signal<string> = signal('');

  constructor({ tokens, clock, visibility, view, fetch }: GatewayPageOptions) {
    this.access = new Access(tokens, 401);
    this.client = new GatewayClient({ token: () => this.access.token, ...(fetch && { fetch }) });
    this.clock = clock;
    this.view = signal(view);
    this.live = new Live({
      read: () => this.access.run(() => this.read()),
      clock,
      visibility,
    });
    this.desk = new OrderDesk({ access: this.access, onDone: () => void this.live.refresh() });
  }

  open(view: View): void {
    this.view.value = view;
    void this.live.refresh();
  }

  signOut(): void {
    this.access.forget();
    void this.live.refresh();
  }

  async setState(server: ServerView, state: ServerState): Promise<void> {
    const { id } = server;
    if (state === server.state) return;
    if (state === 'disabled' && server.meetings > 0) return this.panic(server);
    await this.desk.carryOut(async () => {
      await this.client.setState(id, state);
      return `${id} is ${state}`;
    });
  }

  /** Ends all meetings of a server and disables it, after a yes. */
  async panic({ id, meetings, users }: ServerView): Promise<void> {
    const ending = formatCounted(meetings, 'meeting');
    const isWanted = await this.desk.confirm(
      `${ending} with ${formatCounted(users, 'person').replace('persons', 'people')} will end on ${id}, and ${id} is disabled. To let them finish, cordon it instead.`,
      `End ${ending}`,
    );
    if (!isWanted) return;
    await this.desk.carryOut(async () => {
      const { meetings: count, failed } = await this.client.panic(id);
      const rest = failed.length === 0 ? '' : `; ${failed.length} did not answer`;
      return `${id} is disabled, ${formatCounted(count, 'meeting')} ended${rest}`;
    });
  }

  async removeServer({ id, meetings }: ServerView): Promise<void> {
    const left =
      meetings > 0 ? ` Nobody can join its ${formatCounted(meetings, 'meeting')} any more.` : '';
    if (!(await this.desk.confirm(`Forget ${id}?${left}`, 'Remove it'))) return;
    await this.desk.carryOut(async () => {
      await this.client.removeServer(id);
      return `${id} is removed`;
    });
  }

  async endMeeting({ id, meeting_id: meetingId }: MeetingView): Promise<void> {
    const isWanted = await this.desk.confirm(
      `${meetingId} ends for everybody in it.`,
      'End the meeting',
    );
    if (!isWanted) return;
    await this.desk.carryOut(async () => {
      const failure = await this.client.endMeeting(id);
      return failure === null
        ? `${meetingId} has ended`
        : `${meetingId} is forgotten, but its server did not end it: ${failure}`;
    });
  }

  async removeTenant({ id, name }: TenantView): Promise<void> {
    const text = `Remove ${name} and its settings? Its meetings go on, and nobody can join them.`;
    if (!(await this.desk.confirm(text, 'Remove it'))) return;
    await this.desk.carryOut(async () => {
      await this.client.removeTenant(id);
      return `${name} is removed`;
    });
  }

  async revokeToken({ id, name }: TokenView): Promise<void> {
    const shown = name || id;
    if (!(await this.desk.confirm(`Whoever uses ${shown} is signed out.`, 'Revoke it'))) return;
    await this.desk.carryOut(async () => {
      await this.client.revokeToken(id);
      return `${shown} is revoked`;
    });
  }

  findRecordings(text: string): void {
    this.recordingText.value = text;
    void this.live.refresh();
  }

  async publish({ record_id: id, name }: RecordingView, isPublished: boolean): Promise<void> {
    await this.desk.carryOut(async () => {
      await this.client.changeRecording(id, { published: isPublished });
      return `${name || id} is ${isPublished ? 'published' : 'unpublished'}`;
    });
  }

  async deleteRecording({ record_id: id, name }: RecordingView): Promise<void> {
    const shown = name || id;
    const text = `The files of ${shown} are deleted. They cannot be brought back.`;
    if (!(await this.desk.confirm(text, 'Delete it'))) return;
    await this.desk.carryOut(async () => {
      await this.client.deleteRecording(id);
      return `${shown} is deleted`;
    });
  }

  async retryImport(file: string): Promise<void> {
    await this.desk.carryOut(async () => {
      await this.client.retryImport(file);
      return `${file} is in the spool again`;
    });
  }

  async retryDelivery({ id, host }: DeliveryView): Promise<void> {
    await this.desk.carryOut(async () => {
      await this.client.retryDelivery(id);
      return `${host} is called again now`;
    });
  }

  async poll(): Promise<void> {
    await this.desk.carryOut(async () => {
      const { servers, failures } = await this.client.poll();
      const outcome = failures === 0 ? 'all answered' : `${failures} did not answer`;
      return `${formatCounted(servers, 'server')} asked, ${outcome}`;
    });
  }

  /** What the operator may do; nothing before it is known. */
  may(role: 'operate' | 'admin'): boolean {
    const own = this.live.reading.value?.status.role;
    return own === 'admin' || own === role;
  }

  private async read(): Promise<GatewayReading> {
    // Without a token the answer is known, and the browser would note it as an error.
    if (this.access.token === null) throw new AdminRequestError(401, 'nobody is signed in');
    const view = this.view.value;
    const status = await this.client.status();
    const isAdmin = status.role === 'admin';
    return {
      status,
      meetings: view === 'meetings' ? await this.client.meetings() : null,
      // Meetings are shown with the names of their tenants.
      tenants: view === 'servers' || view === 'recordings' ? null : await this.client.tenants(),
      tokens: view === 'access' && isAdmin ? await this.client.tokens() : null,
      recordings:
        view === 'recordings' ? await this.client.recordings(this.recordingText.value) : null,
    };
  }
}

export const GatewayContext: Context<GatewayDashboard | null> =
  createContext<GatewayDashboard | null>(null);

export function useGateway(): GatewayDashboard {
  const dashboard = useContext(GatewayContext);
  if (!dashboard) throw new Error('outside of the gateway page');
  return dashboard;
}

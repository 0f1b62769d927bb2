/**
 * The forms of the gateway's page: servers, tenants, tokens.
 *
 * @module
 */
import type { ComponentChildren, JSX } from 'preact';
import type { ServerView, TenantView, TokenView } from '@balancer/bbb';
import { Dialog } from '../dialogs.tsx';
import { ROLES } from './access-list.tsx';
import { type Form, useGateway } from './context.ts';

export function FormDialog({ form }: { readonly form: Form }): JSX.Element {
  if (form.kind === 'add-server') return <AddServer />;
  if (form.kind === 'server') return <ChangeServer server={form.server} />;
  if (form.kind === 'tenant') return <TenantForm tenant={form.tenant} />;
  return form.kind === 'token' ? <TokenForm /> : <NewToken token={form.token} />;
}

function AddServer(): JSX.Element {
  const { client } = useGateway();
  return (
    <OrderForm
      title="Add a server"
      action="Add it"
      order={async (fields) => {
        const id = fields.text('id');
        await client.addServer({
          url: fields.text('url'),
          secret: fields.text('secret'),
          enabled: fields.has('enabled'),
          ...(id !== '' && { id }),
        });
        return `${id || fields.text('url')} is added`;
      }}
    >
      <Field label="Address of its API" hint="as bbb-conf --secret prints it">
        <input
          type="url"
          name="url"
          placeholder="https://bbb1.example.com/bigbluebutton/api"
          required
          autofocus
        />
      </Field>
      <Field label="Secret">
        <input type="password" name="secret" autocomplete="off" required />
      </Field>
      <Field label="Name" hint="letters, digits, “.”, “-” and “_”; made up when empty">
        <input name="id" pattern="[a-zA-Z0-9_.\-]+" />
      </Field>
      <label class="check">
        <input type="checkbox" name="enabled" checked /> Give it meetings at once
      </label>
    </OrderForm>
  );
}

function ChangeServer({ server }: { readonly server: ServerView }): JSX.Element {
  const gateway = useGateway();
  const { id } = server;
  const close = (): void => void (gateway.form.value = null);
  return (
    <OrderForm
      title={id}
      action="Save"
      order={async (fields) => {
        const secret = fields.text('secret');
        await gateway.client.changeServer(id, {
          multiplier: fields.number('multiplier'),
          tag: fields.text('tag'),
          max_meetings: fields.number('max_meetings'),
          max_users: fields.number('max_users'),
          ...(secret !== '' && { secret }),
        });
        return `${id} is changed`;
      }}
    >
      <div class="pair">
        <Field label="Multiplier" hint="above 1: looks fuller, gets less">
          <input
            type="number"
            name="multiplier"
            min="0.001"
            step="any"
            defaultValue={String(server.multiplier)}
            required
            autofocus
          />
        </Field>
        <Field label="Tag" hint="only meetings that ask for it">
          <input name="tag" pattern="[^\s;!]*" defaultValue={server.tag} />
        </Field>
        <Field label="Meetings at most" hint="0: no limit">
          <Count name="max_meetings" value={server.max_meetings} />
        </Field>
        <Field label="People at most" hint="0: no limit">
          <Count name="max_users" value={server.max_users} />
        </Field>
      </div>
      <Field label="New secret" hint="empty: stays as it is">
        <input type="password" name="secret" autocomplete="off" />
      </Field>
      <div class="dangers">
        <button
          type="button"
          class="danger"
          onClick={() => {
            close();
            void gateway.panic(server);
          }}
        >
          Panic: end all its meetings
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            close();
            void gateway.removeServer(server);
          }}
        >
          Remove
        </button>
      </div>
    </OrderForm>
  );
}

function TenantForm({ tenant }: { readonly tenant: TenantView | null }): JSX.Element {
  const { client } = useGateway();
  return (
    <OrderForm
      title={tenant === null ? 'Add a tenant' : tenant.name}
      action={tenant === null ? 'Add it' : 'Save'}
      order={async (fields) => {
        const secrets = fields.text('secrets');
        const limits = {
          max_meetings: fields.number('max_meetings'),
          max_users: fields.number('max_users'),
          ...(secrets !== '' && { secrets }),
        };
        const name = tenant?.name ?? fields.text('name');
        if (tenant === null) await client.addTenant({ name, ...limits });
        else await client.changeTenant(tenant.id, limits);
        return `${name} is ${tenant === null ? 'added' : 'changed'}`;
      }}
    >
      {tenant === null && (
        <Field label="Name" hint="first part of its host, or of its path: lower case, digits, “-”">
          <input name="name" pattern="[a-z0-9][a-z0-9\-]*" required autofocus />
        </Field>
      )}
      <Field
        label={tenant === null ? 'Secret' : 'New secrets'}
        hint={`several are separated by “:”${tenant === null ? '' : '; empty: they stay as they are'}`}
      >
        <input type="password" name="secrets" autocomplete="off" required={tenant === null} />
      </Field>
      <div class="pair">
        <Field label="Meetings at most" hint="0: no limit">
          <Count name="max_meetings" value={tenant?.max_meetings ?? 0} />
        </Field>
        <Field label="People at most" hint="0: no limit">
          <Count name="max_users" value={tenant?.max_users ?? 0} />
        </Field>
      </div>
    </OrderForm>
  );
}

function TokenForm(): JSX.Element {
  const gateway = useGateway();
  return (
    <OrderForm
      title="Make a token"
      action="Make it"
      order={async (fields) => {
        const name = fields.text('name');
        const token = await gateway.client.createToken(
          name,
          fields.text('role') as TokenView['role'],
        );
        gateway.form.value = { kind: 'new-token', token };
        return `The token of ${name} is made`;
      }}
    >
      <Field label="Whose is it?">
        <input name="name" maxLength={100} required autofocus />
      </Field>
      <Field label="Role">
        <select name="role">
          {Object.entries(ROLES).map(([role, meaning]) => (
            <option key={role} value={role}>
              {role}: {meaning}
            </option>
          ))}
        </select>
      </Field>
    </OrderForm>
  );
}

function NewToken({ token }: { readonly token: string }): JSX.Element {
  const { form } = useGateway();
  return (
    <Dialog title="The new token" onCancel={() => (form.value = null)}>
      <p>It is shown this once. Only its digest is kept.</p>
      <p>
        <code class="token">{token}</code>
      </p>
      <div class="buttons">
        <button type="button" class="primary" autofocus onClick={() => (form.value = null)}>
          I have copied it
        </button>
      </div>
    </Dialog>
  );
}

/** What was entered. */
class Fields {
  private readonly data: FormData;

  constructor(form: HTMLFormElement) {
    this.data = new FormData(form);
  }

  text(name: string): string {
    const value = this.data.get(name);
    return typeof value === 'string' ? value.trim() : '';
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  has(name: string): boolean {
    return this.data.has(name);
  }
}

/** A form that is an order: it stays open, with what was entered, when the order is refused. */
function OrderForm({
  title,
  action,
  order,
  children,
}: {
  readonly title: string;
  readonly action: string;
  readonly order: (fields: Fields) => Promise<string>;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { desk, form } = useGateway();
  const own = form.value;
  const close = (): void => {
    if (form.value === own) form.value = null;
  };
  const send = async (fields: Fields): Promise<void> => {
    if (await desk.carryOut(() => order(fields))) close();
  };
  const refusal = desk.notice.value?.kind === 'failed' ? desk.notice.value.text : null;
  return (
    <Dialog
      title={title}
      onCancel={() => {
        desk.notice.value = null;
        close();
      }}
    >
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void send(new Fields(event.currentTarget));
        }}
      >
        {children}
        {refusal !== null && (
          <p class="failed" role="alert">
            {refusal}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary">
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Field({
  label,
  hint,
  children,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <label>
      <span>
        {label}
        {hint !== undefined && <small> {hint}</small>}
      </span>
      {children}
    </label>
  );
}

function Count({ name, value }: { readonly name: string; readonly value: number }): JSX.Element {
  return (
    <input
      type="number"
      name={name}
      min={0}
      step={1}
      inputMode="numeric"
      defaultValue={String(value)}
      required
    />
  );
}

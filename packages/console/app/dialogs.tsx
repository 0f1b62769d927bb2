/**
 * Questions to the operator: the token, and a yes to what cannot be taken back.
 *
 * @module
 */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { formatCount } from '../src/format.ts';
import type { TokenQuestion } from './access.ts';
import type { Confirmation } from './order-desk.ts';
import type { WeightQuestion } from './orders.ts';

/** What the configuration file and the admin API take. */
const WEIGHT_MAX = 65_535;

export function TokenDialog({ question }: { readonly question: TokenQuestion }): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  return (
    <Dialog title="Token" onCancel={() => question.answer(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const token = field.current!.value.trim();
          if (token !== '') question.answer(token);
        }}
      >
        <p>
          The one that stands under <code>[stats]</code> in the configuration file. It is kept until
          this tab is closed.
        </p>
        {question.refusal !== null && (
          <p class="failed" role="alert">
            That was refused: {question.refusal}.
          </p>
        )}
        <label>
          Token
          <input ref={field} type="password" name="token" autocomplete="off" autofocus required />
        </label>
        <div class="buttons">
          <button type="button" onClick={() => question.answer(null)}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Use it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function ConfirmationDialog({
  confirmation: { text, action, answer },
}: {
  readonly confirmation: Confirmation;
}): JSX.Element {
  return (
    <Dialog title="Are you sure?" onCancel={() => answer(false)}>
      <p>{text}</p>
      <div class="buttons">
        <button type="button" autofocus onClick={() => answer(false)}>
          Cancel
        </button>
        <button type="button" class="danger" onClick={() => answer(true)}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}

export function WeightDialog({
  question: { name, current, answer },
}: {
  readonly question: WeightQuestion;
}): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current!.select(), []);
  return (
    <Dialog title={`Weight of ${name.server}`} onCancel={() => answer(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          answer(field.current!.valueAsNumber);
        }}
      >
        <p>
          Its share of new connections, in proportion to the weights of the others. With 0 it keeps
          those it has and gets no new ones.
        </p>
        <label>
          Weight, 0 to {formatCount(WEIGHT_MAX)}
          <input
            ref={field}
            type="number"
            name="weight"
            min={0}
            max={WEIGHT_MAX}
            step={1}
            defaultValue={String(current)}
            inputMode="numeric"
            autofocus
            required
          />
        </label>
        <div class="buttons">
          <button type="button" onClick={() => answer(null)}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Set it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Modal while it is mounted; Escape cancels. */
export function Dialog({
  title,
  onCancel,
  children,
}: {
  readonly title: string;
  readonly onCancel: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onCancel();
      }}
    >
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

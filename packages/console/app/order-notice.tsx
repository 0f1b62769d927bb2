/**
 * What came of the last order.
 *
 * @module
 */
import type { JSX } from 'preact';
import type { OrderDesk } from './order-desk.ts';

export function OrderNotice({ desk }: { readonly desk: OrderDesk }): JSX.Element {
  const { notice } = desk;
  const { value } = notice;
  return (
    <div class="notices" role={value?.kind === 'failed' ? 'alert' : 'status'}>
      {value && (
        <p class={value.kind}>
          <span>{value.text}</span>
          <button type="button" aria-label="Dismiss" onClick={() => (notice.value = null)}>
            ✕
          </button>
        </p>
      )}
    </div>
  );
}

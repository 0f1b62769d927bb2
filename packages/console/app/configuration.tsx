/**
 * The running configuration, fetched when somebody opens it and again when it changed.
 *
 * @module
 */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { useDashboard } from './context.ts';

/** @param props.loadedAt - When the running configuration was loaded; a change means another one. */
export function Configuration({ loadedAt }: { readonly loadedAt: string }): JSX.Element {
  const { client, access, orders } = useDashboard();
  const isOpen = useSignal(false);
  const text = useSignal('');
  useEffect(() => {
    if (!isOpen.value) return;
    access
      .run(() => client.configuration())
      .then((toml) => (text.value = toml))
      .catch((error: unknown) => (text.value = `# ${String(error)}`));
  }, [isOpen.value, loadedAt]);
  return (
    <section aria-labelledby="configuration">
      <h2 id="configuration">Configuration</h2>
      <details
        class="card"
        onToggle={(event) => (isOpen.value = event.currentTarget.open)}
        open={isOpen.value}
      >
        <summary>
          Running since <time dateTime={loadedAt}>{new Date(loadedAt).toLocaleString()}</time>
        </summary>
        <pre tabIndex={0}>{text.value}</pre>
      </details>
      <p class="orders">
        <button type="button" onClick={() => void orders.reload()}>
          Read the file again
        </button>
      </p>
    </section>
  );
}

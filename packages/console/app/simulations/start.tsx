/**
 * The form that starts an experiment: its file, with the same checks and messages as the command line.
 *
 * @module
 */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { SimulationClient } from './client.ts';

export function Start({ client }: { readonly client: SimulationClient }): JSX.Element {
  const text = useSignal('');
  const problems = useSignal<string | null>(null);
  const started = useSignal<string | null>(null);
  useEffect(() => {
    const read = async (): Promise<void> => {
      try {
        const example = await client.example();
        if (text.value === '') text.value = example;
      } catch {
        // Whoever has a file needs no example.
      }
    };
    void read();
  }, []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const { name } = await client.start(text.value);
      started.value = name;
      problems.value = null;
    } catch (error) {
      started.value = null;
      problems.value = (error as Error).message;
    }
  };
  return (
    <section class="start">
      <h2>Start an experiment</h2>
      <form class="card body" onSubmit={(event) => void submit(event)}>
        <label>
          <span class="quiet">Experiment file (TOML)</span>
          <textarea
            rows={18}
            spellcheck={false}
            wrap="off"
            value={text.value}
            onInput={({ currentTarget }) => (text.value = currentTarget.value)}
          />
        </label>
        {problems.value !== null && (
          <div class="alert" role="alert">
            <strong>It was not started.</strong>
            <pre>{problems.value}</pre>
          </div>
        )}
        <p class="buttons">
          <button type="submit" class="primary">
            Start
          </button>
          {started.value !== null && (
            <span class="quiet" role="status">
              {started.value} is in line
            </span>
          )}
        </p>
      </form>
    </section>
  );
}

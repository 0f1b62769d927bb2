/**
 * The experiments as the listener tells of them: all at first, then each as it changes.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
import type { Experiment } from './client.ts';

export type BoardLink = 'connecting' | 'live' | 'lost';

export class LiveBoard {
  readonly experiments: Signal<readonly Experiment[]> = signal([]);
  readonly link: Signal<BoardLink> = signal('connecting');

  /** Follows the events from now on; the browser connects again by itself when they break off. */
  start(): void {
    const events = new EventSource('/simulations/events');
    events.addEventListener('all', ({ data }) => {
      this.experiments.value = JSON.parse(data as string) as Experiment[];
      this.link.value = 'live';
    });
    events.addEventListener('one', ({ data }) =>
      this.accept(JSON.parse(data as string) as Experiment),
    );
    events.addEventListener('error', () => (this.link.value = 'lost'));
  }

  accept(changed: Experiment): void {
    const others = this.experiments.value.filter(({ name }) => name !== changed.name);
    this.experiments.value = [...others, changed].toSorted((a, b) => a.name.localeCompare(b.name));
  }
}

/**
 * The page of simulations: what there is, what runs, what to start, two of them side by side.
 *
 * @module
 */
import { type Signal, useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { LiveBoard } from './board.ts';
import type { Experiment, SimulationClient } from './client.ts';
import { fileAddress } from './client.ts';
import { Compare } from './compare.tsx';
import { Curve } from './curve.tsx';
import { formatFigure } from './figures.ts';
import { Start } from './start.tsx';

export interface PageProps {
  readonly board: LiveBoard;
  readonly client: SimulationClient;
}

export function Page({ board, client }: PageProps): JSX.Element {
  const experiments = board.experiments.value;
  const notice = useSignal<string | null>(null);
  const running = experiments.find(({ state }) => state === 'running');
  const finished = experiments.filter(({ state, done }) => state !== 'running' && done > 0);
  return (
    <>
      <header class="top">
        <h1>Simulations</h1>
        <p class={board.link.value === 'lost' ? 'link alert' : 'link quiet'} role="status">
          {board.link.value === 'lost'
            ? 'No answer; trying again. What stands here is old.'
            : board.link.value}
        </p>
      </header>
      <main class={board.link.value === 'lost' ? 'stale' : undefined}>
        {running !== undefined && (
          <section>
            <h2>{running.name} runs</h2>
            <div class="card body">
              <Curve experiment={running} />
            </div>
          </section>
        )}
        <section>
          <h2>Experiments</h2>
          <div class="card">
            {experiments.length === 0 ? (
              <p class="empty">None yet. Start one below.</p>
            ) : (
              <div class="scroll">
                <Experiments experiments={experiments} client={client} notice={notice} />
              </div>
            )}
          </div>
        </section>
        {notice.value !== null && (
          <p class="alert" role="alert">
            {notice.value}
          </p>
        )}
        {finished.length > 1 && <Compare experiments={finished} client={client} />}
        <Start client={client} />
      </main>
    </>
  );
}

function Experiments({
  experiments,
  client,
  notice,
}: {
  readonly experiments: readonly Experiment[];
  readonly client: SimulationClient;
  readonly notice: Signal<string | null>;
}): JSX.Element {
  const cancel = async (name: string): Promise<void> => {
    try {
      await client.cancel(name);
      notice.value = null;
    } catch (error) {
      notice.value = `${name}: ${(error as Error).message}`;
    }
  };
  return (
    <table class="experiments">
      <thead>
        <tr>
          <th scope="col">experiment</th>
          <th scope="col">state</th>
          <th scope="col">runs</th>
          <th scope="col">points</th>
          <th scope="col">seed</th>
          <th scope="col">results</th>
          <th scope="col" aria-label="orders" />
        </tr>
      </thead>
      <tbody>
        {experiments.map((experiment) => (
          <tr key={experiment.name}>
            <th scope="row">{experiment.name}</th>
            <td>
              <State experiment={experiment} />
            </td>
            <td>
              <Progress experiment={experiment} />
            </td>
            <td class="figure">{experiment.points}</td>
            <td class="figure">{experiment.seed}</td>
            <td>
              <Results experiment={experiment} />
            </td>
            <td>
              {(experiment.state === 'running' || experiment.state === 'waiting') && (
                <button type="button" class="danger" onClick={() => void cancel(experiment.name)}>
                  Cancel
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const PILLS: Readonly<Record<Experiment['state'], string>> = {
  waiting: 'pill',
  running: 'pill',
  done: 'pill up',
  stopped: 'pill',
  failed: 'pill down',
};

function State({ experiment: { state, error } }: { readonly experiment: Experiment }): JSX.Element {
  return (
    <>
      <span class={PILLS[state]}>{state}</span>
      {error !== null && <p class="reason">{error}</p>}
    </>
  );
}

function Progress({
  experiment: { name, done, total, rate },
}: {
  readonly experiment: Experiment;
}): JSX.Element {
  const left = rate === null || rate === 0 ? null : Math.round((total - done) / rate);
  return (
    <div class="progress">
      <progress aria-label={`runs of ${name}`} value={done} max={total} />
      <span class="quiet">
        {formatFigure(done)} of {formatFigure(total)}
        {rate !== null && `, ${formatFigure(rate)}/s`}
        {left !== null && `, ${left} s left`}
      </span>
    </div>
  );
}

/** What most people want; the folder holds the rest. */
const OFFERED = ['runs.csv', 'runs.parquet', 'manifest.json', 'experiment.toml'];

function Results({
  experiment: { name, files },
}: {
  readonly experiment: Experiment;
}): JSX.Element {
  return (
    <span class="links">
      {files.includes('report.html') && <a href={fileAddress(name, 'report.html')}>report</a>}
      {OFFERED.filter((file) => files.includes(file)).map((file) => (
        <a key={file} href={fileAddress(name, file)} download>
          {file}
        </a>
      ))}
    </span>
  );
}

/**
 * Two finished experiments side by side.
 *
 * @module
 */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Comparison, Experiment, PointName, Side, SimulationClient } from './client.ts';
import { formatFigure } from './figures.ts';

interface CompareProps {
  readonly experiments: readonly Experiment[];
  readonly client: SimulationClient;
}

export function Compare({ experiments, client }: CompareProps): JSX.Element {
  const a = useSignal<Side>({ name: experiments[0]!.name, point: 0 });
  const b = useSignal<Side>({ name: experiments[1]!.name, point: 0 });
  const comparison = useSignal<Comparison | null>(null);
  const error = useSignal<string | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const read = async (): Promise<void> => {
      try {
        const found = await client.compare(a.value, b.value);
        if (isCurrent) [comparison.value, error.value] = [found, null];
      } catch (reason) {
        if (isCurrent) error.value = (reason as Error).message;
      }
    };
    void read();
    return () => void (isCurrent = false);
  }, [a.value, b.value]);
  return (
    <section class="compare">
      <h2>Compare</h2>
      <div class="card body">
        <div class="sides">
          <Choice
            label="A"
            side={a.value}
            onChange={(side) => (a.value = side)}
            {...{ experiments, client }}
          />
          <Choice
            label="B"
            side={b.value}
            onChange={(side) => (b.value = side)}
            {...{ experiments, client }}
          />
        </div>
        {error.value !== null && (
          <p class="alert" role="alert">
            {error.value}
          </p>
        )}
        {comparison.value !== null && <Metrics comparison={comparison.value} />}
      </div>
    </section>
  );
}

interface ChoiceProps extends CompareProps {
  readonly label: string;
  readonly side: Side;
  readonly onChange: (side: Side) => void;
}

function Choice({ label, side, onChange, experiments, client }: ChoiceProps): JSX.Element {
  const points = useSignal<readonly PointName[]>([]);
  useEffect(() => {
    const read = async (): Promise<void> => {
      try {
        points.value = await client.points(side.name);
      } catch {
        // The comparison says what is wrong; there is nothing to choose from.
        points.value = [];
      }
    };
    void read();
  }, [side.name]);
  return (
    <p>
      <label>
        {label}{' '}
        <select
          value={side.name}
          onChange={({ currentTarget }) => onChange({ name: currentTarget.value, point: 0 })}
        >
          {experiments.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {points.value.length > 1 && (
        <label>
          {' '}
          at{' '}
          <select
            value={String(side.point)}
            onChange={({ currentTarget }) =>
              onChange({ ...side, point: Number(currentTarget.value) })
            }
          >
            {points.value.map(({ index, label: text }) => (
              <option key={index} value={String(index)}>
                {text}
              </option>
            ))}
          </select>
        </label>
      )}
    </p>
  );
}

function Metrics({ comparison }: { readonly comparison: Comparison }): JSX.Element {
  return (
    <>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">metric</th>
              <th scope="col">A: {comparison.a}</th>
              <th scope="col">B: {comparison.b}</th>
              <th scope="col">B − A</th>
              <th scope="col">95 % interval</th>
            </tr>
          </thead>
          <tbody>
            {comparison.metrics.map(({ metric, a, b, difference, low, high }) => (
              <tr key={metric} class={low > 0 || high < 0 ? 'clear' : undefined}>
                <th scope="row">{metric}</th>
                <td>{formatFigure(a)}</td>
                <td>{formatFigure(b)}</td>
                <td>{formatFigure(difference)}</td>
                <td>
                  {formatFigure(low)} to {formatFigure(high)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet note">
        {comparison.isPaired
          ? 'Runs share their seeds, so differences are taken run by run.'
          : 'Runs do not share their seeds.'}{' '}
        Bold differences are clear of 0.
      </p>
    </>
  );
}

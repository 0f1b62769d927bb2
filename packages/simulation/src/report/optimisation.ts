/**
 * The part of a report that says what a search has found, and what its test says of it.
 *
 * @module
 */
import type { Fold, OptimisationResult, Score } from '../optimise/result.ts';
import type { TimeWindow } from '../experiment/resources.ts';
import { escape, formatNumber } from './format.ts';
import { metricColumn, type MetricColumn, withUnit } from './metric-names.ts';

/** A table of the folds: what was chosen, and the metric of it beside that of the file's own values. */
export function renderOptimisation(result: OptimisationResult): string {
  const { metric, goal, method, budget, folds } = result;
  const column = metricColumn(metric);
  const keys = Object.keys(folds[0]?.best ?? {});
  const best = goal === 'max' ? 'greatest' : 'least';
  const intro = `The ${best} ${column.name} by ${method}, at most ${budget} points in each search.`;
  if (folds.length === 0)
    return `<section><h2>What the search found</h2><p class="note">${escape(intro)} It has not ended yet.</p></section>`;
  const isRecorded = folds[0]!.train !== null;
  const kept = folds.filter(({ bestTest, baselineTest }) =>
    goal === 'max' ? bestTest.mean > baselineTest.mean : bestTest.mean < baselineTest.mean,
  ).length;
  const verdict =
    folds.length === 1
      ? `On what it had not seen, the choice is ${kept === 1 ? 'better' : 'not better'} than the file's own values.`
      : `On what it had not seen, the choice is better than the file's own values in ${kept} of ${folds.length} folds.`;
  const head = [
    ...(isRecorded ? ['train', 'test'] : []),
    'point',
    ...keys,
    withUnit({ ...column, name: `${column.name} in training` }),
    withUnit({ ...column, name: `${column.name} in the test` }),
  ];
  const rows = folds.flatMap((fold) => foldRows(fold, keys, { isRecorded, column }));
  return `<section><h2>What the search found</h2><p class="note">${escape(`${intro} ${verdict}`)}</p>
<div class="scroll"><table><thead><tr>${head.map((name) => `<th scope="col">${escape(name)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>
<p class="note">Means over the runs, with the 95 % interval of the mean. ${isRecorded ? 'A test is later time, read when every search had ended.' : 'The test is repetitions that draw from other streams.'}</p></section>`;
}

function foldRows(
  fold: Fold,
  keys: readonly string[],
  { isRecorded, column }: { readonly isRecorded: boolean; readonly column: MetricColumn },
): string[] {
  const { train, test, best, baseline } = fold;
  const span = isRecorded
    ? [train, test].map((window) => `<td>${escape(spanOf(window))}</td>`).join('')
    : '';
  return [
    { name: 'chosen', values: best, train: fold.bestTrain, test: fold.bestTest },
    { name: 'file', values: baseline, train: fold.baselineTrain, test: fold.baselineTest },
  ].map(({ name, values, ...scores }) => {
    const cells = keys.map((key) => `<td>${formatNumber(Number(values[key]))}</td>`).join('');
    return `<tr>${span}<th scope="row">${name}</th>${cells}<td>${scoreText(scores.train, column)}</td><td>${scoreText(scores.test, column)}</td></tr>`;
  });
}

function scoreText({ mean, low, high }: Score, { factor }: MetricColumn): string {
  const shown = (value: number): string => formatNumber(value * factor);
  return low === high
    ? shown(mean)
    : `${shown(mean)} <small>${shown(low)} to ${shown(high)}</small>`;
}

function spanOf(window: TimeWindow | null): string {
  if (window === null) return '';
  return window
    .map((time) => new Date(time * 1000).toISOString().slice(0, 16).replace('T', ' '))
    .join(' to ');
}

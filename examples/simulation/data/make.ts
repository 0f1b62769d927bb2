/**
 * Makes `prices.csv`: hourly prices of two tokens that never existed, from seed 2026. WAVE follows a
 * market that switches between calm and wild, REEF jumps now and then; their normals correlate by 0.6.
 *
 * `node --conditions=balancer-source --import tsx examples/simulation/data/make.ts` writes it anew.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cholesky, correlate, gbm, merton, regime, Stream } from '@balancer/simulation';

const ROWS = 2000;
const START = 1_704_067_200;
const HOUR = 3600;
const DT = HOUR / (365 * 86_400);

/** The file's text: the same on every machine. */
export function madeUpPrices(): string {
  const stream = new Stream(2026n, 'example/prices');
  const wave = regime(
    [gbm({ mu: 0, sigma: 0.5 }, DT), gbm({ mu: -0.5, sigma: 1.8 }, DT)],
    [
      [0.995, 0.005],
      [0.02, 0.98],
    ],
  );
  const reef = merton({ mu: 0.1, sigma: 0.7, lambda: 40, jumpMean: -0.02, jumpSd: 0.05 }, DT);
  const lower = cholesky([
    [1, 0.6],
    [0.6, 1],
  ]);
  const normals = new Float64Array(2);
  let [a, b] = [1000, 20];
  const lines = ['timestamp,WAVE,REEF'];
  for (let row = 0; row < ROWS; row++) {
    // Six digits: more would differ between versions of the logarithm.
    lines.push(`${START + row * HOUR},${a.toPrecision(6)},${b.toPrecision(6)}`);
    normals[0] = stream.normal();
    normals[1] = stream.normal();
    correlate(lower, normals);
    a = wave.next(a, normals[0], stream);
    b = reef.next(b, normals[1], stream);
  }
  return `${lines.join('\n')}\n`;
}

const file = fileURLToPath(new URL('prices.csv', import.meta.url));
if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(file, madeUpPrices());

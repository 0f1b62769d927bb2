import { describe, expect, test } from 'vitest';
import { Metrics, type Sample } from '../src/index.ts';

describe('Metrics', () => {
  test('exposes counters, gauges and histograms as Prometheus text', async () => {
    const metrics = new Metrics();
    const requests = metrics.counter({
      name: 'requests_total',
      help: 'Requests.',
      labels: ['room'],
    });
    requests.inc({ room: 'a"b' });
    requests.inc({ room: 'a"b' }, 2);
    metrics.gauge({ name: 'guests', help: 'Guests.' }).set({}, 5);
    metrics.histogram({ name: 'wait_seconds', help: 'Waits.', buckets: [0.1, 1] }).observe({}, 0.5);
    expect(await metrics.text()).toBe(`# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{room="a\\"b"} 3

# HELP guests Guests.
# TYPE guests gauge
guests 5

# HELP wait_seconds Waits.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 0
wait_seconds_bucket{le="1"} 1
wait_seconds_bucket{le="+Inf"} 1
wait_seconds_sum 0.5
wait_seconds_count 1
`);
    expect(metrics.contentType).toContain('text/plain; version=0.0.4');
  });

  test('asks for collected series at every scrape and forgets those that are gone', async () => {
    const metrics = new Metrics();
    let samples: Sample<'guest'>[] = [
      { labels: { guest: 'a' }, value: 7 },
      { labels: { guest: 'b' }, value: 1 },
    ];
    metrics.counter({
      name: 'bytes_total',
      help: 'Bytes.',
      labels: ['guest'],
      collect: () => samples,
    });
    expect(await metrics.text()).toContain('bytes_total{guest="b"} 1');
    samples = [{ labels: { guest: 'a' }, value: 9 }];
    const text = await metrics.text();
    expect(text).toContain('bytes_total{guest="a"} 9');
    expect(text).not.toContain('guest="b"');
  });

  test('forgets a series that is removed', async () => {
    const metrics = new Metrics();
    const gauge = metrics.gauge({ name: 'g', help: 'G.', labels: ['guest'] });
    gauge.set({ guest: 'a' }, 1);
    gauge.remove({ guest: 'a' });
    expect(await metrics.text()).not.toContain('guest="a"');
  });

  test('shares nothing between two registries', async () => {
    new Metrics().gauge({ name: 'same', help: 'Same.' }).set({}, 1);
    expect(await new Metrics().text()).not.toContain('same');
  });
});

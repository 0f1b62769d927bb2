/**
 * Do servers that hang delay the others? A round over 200 servers of which 20 take connections and
 * never answer, with the time-outs of the defaults.
 *
 * @module
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BenchGateway, tell } from './bench-gateway.ts';

const SERVER_COUNT = 200;
const HANGING_COUNT = 20;

export async function benchPolls(isShort: boolean): Promise<void> {
  const freshAtMs = new Map<number, number>();
  const fakes = createServer((request, response) => {
    const [, index = '', call = ''] = /^\/(\d+)\/api\/?(\w*)/.exec(request.url ?? '') ?? [];
    if (Number(index) < HANGING_COUNT) return;
    if (call === '') freshAtMs.set(Number(index), Date.now());
    const body = '<response><returncode>SUCCESS</returncode><meetings></meetings></response>';
    response.writeHead(200, { 'content-type': 'text/xml' }).end(body);
  });
  await new Promise<void>((resolve) => fakes.listen(0, '127.0.0.1', resolve));
  const { port } = fakes.address() as AddressInfo;
  const servers = Array.from({ length: SERVER_COUNT }, (_, i) => ({
    url: `http://127.0.0.1:${port}/${i}/api`,
    secret: 'virtual',
  }));
  // The defaults are 10 s; they only make the round longer, not the others later.
  const config = isShort ? { response_timeout: 1000 } : {};
  const gateway = await BenchGateway.start({ servers, recordCount: 0, config });
  try {
    const { summary, startMs } = await gateway.ask<{
      summary: { durationMs: number; failureCount: number };
      startMs: number;
    }>('poll');
    const { servers: rows } = await gateway.ask<{ servers: { polled_at_ms: number }[] }>('servers');
    const freshCount = rows.filter(({ polled_at_ms: atMs }) => atMs >= startMs).length;
    // A server is asked for its version once its list is stored.
    const lastSeconds = (Math.max(...freshAtMs.values()) - startMs) / 1000;
    const round = `round ${(summary.durationMs / 1000).toFixed(1)} s, ${summary.failureCount} failed`;
    tell(
      `poll of ${SERVER_COUNT} servers, ${HANGING_COUNT} hang`,
      `${freshCount} fresh after ${lastSeconds.toFixed(1)} s; ${round}`,
      '180 within 15 s',
    );
  } finally {
    await gateway.close();
    fakes.closeAllConnections();
    fakes.close();
  }
}

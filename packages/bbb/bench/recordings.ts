/**
 * How long `getRecordings` takes when there are many: of one meeting, and of 25, as Moodle asks.
 *
 * @module
 */
import { BenchGateway, quantile, tell } from './bench-gateway.ts';
import type { ScaledOut } from './scaled-out.ts';

const MEETINGS_OF_A_PAGE = 25;
const RECORDINGS_PER_MEETING = 4;

export async function benchRecordings(
  isShort: boolean,
  scaledOut: ScaledOut | null,
): Promise<void> {
  const count = isShort ? 5000 : 100_000;
  await measure('embedded', count, {}, 'p95 of at most 100 ms, 10 wished for');
  if (scaledOut === null) return;
  await measure('PostgreSQL', count, scaledOut.config, 'p95 of at most 50 ms');
  await scaledOut.empty();
}

async function measure(
  storage: string,
  count: number,
  config: ScaledOut['config'],
  aim: string,
): Promise<void> {
  const recordings = { count, perMeeting: RECORDINGS_PER_MEETING };
  const setup = { servers: [], recordCount: 0, recordings, config };
  const gateway = await BenchGateway.start(setup);
  try {
    for (const meetings of [1, MEETINGS_OF_A_PAGE]) {
      const timesMs = await times(gateway, count, meetings);
      const figure = `p50 ${quantile(timesMs, 0.5).toFixed(1)} ms, p95 ${quantile(timesMs, 0.95).toFixed(1)} ms`;
      tell(
        `getRecordings, ${meetings} of ${count / RECORDINGS_PER_MEETING}, ${storage}`,
        figure,
        aim,
      );
    }
  } finally {
    await gateway.close();
  }
}

/** One call after the other, of other meetings each time. */
async function times(gateway: BenchGateway, count: number, meetings: number): Promise<number[]> {
  const meetingCount = Math.floor(count / RECORDINGS_PER_MEETING) - 1;
  const timesMs: number[] = [];
  for (let i = 0; i < 300; i++) {
    const rooms = Array.from({ length: meetings }, (_, k) => {
      const room = 1 + ((i * 7919 + k * 104_729) % (meetingCount - 1));
      return `room-${room}`;
    });
    const path = gateway.path('getRecordings', `meetingID=${encodeURIComponent(rooms.join(','))}`);
    const startMs = performance.now();
    const { text } = await gateway.get(path);
    timesMs.push(performance.now() - startMs);
    const found = text.match(/<recording>/g)?.length ?? 0;
    if (found !== new Set(rooms).size * RECORDINGS_PER_MEETING) {
      throw new Error(`${found} recordings of ${meetings} meetings`);
    }
  }
  return timesMs;
}

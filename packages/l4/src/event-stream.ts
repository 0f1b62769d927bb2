/**
 * Events of the plane as server-sent events: `id`, `event` and a line of JSON each. A reader that names the
 * last one it saw gets what it missed, as far as that is kept; one that does not read is cut off.
 *
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * @module
 */
import type { EventFeed, NumberedEvent } from './event-feed.ts';

/** Events that wait for a reader before it is cut off. */
const WAITING_MAX = 1024;
/** So often a comment keeps the connection from looking idle. */
const BEAT_MS = 15_000;

/**
 * Answers with a stream that ends with the reader or with the plane.
 *
 * @param lastId - The last event that the reader saw.
 * @param end - Ends the stream.
 */
export function streamEvents(feed: EventFeed, lastId: number, end: AbortSignal): Response {
  const encoder = new TextEncoder();
  let stop = (): void => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (text: string): void => {
          if ((controller.desiredSize ?? 0) <= 0) finish();
          else controller.enqueue(encoder.encode(text));
        };
        const unsubscribe = feed.subscribe((event) => send(format(event)));
        const beat = setInterval(send, BEAT_MS, ': still here\n\n').unref();
        stop = (): void => {
          clearInterval(beat);
          unsubscribe();
          end.removeEventListener('abort', finish);
        };
        function finish(): void {
          stop();
          controller.close();
        }
        end.addEventListener('abort', finish);
        send(': events of the packet plane\n\n');
        for (const event of feed.since(lastId)) send(format(event));
      },
      cancel() {
        stop();
      },
    },
    { highWaterMark: WAITING_MAX },
  );
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
  });
}

function format({ id, at, event }: NumberedEvent): string {
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify({ at, ...event })}\n\n`;
}

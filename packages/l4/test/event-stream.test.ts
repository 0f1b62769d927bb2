import { describe, expect, test } from 'vitest';
import { EventFeed } from '../src/event-feed.ts';
import { streamEvents } from '../src/event-stream.ts';

const mended = (finding: string) => ({ type: 'mended', finding }) as const;

/** What a reader gets until the stream ends. */
async function readAll(response: Response): Promise<string[]> {
  const text = (await response.text()).replaceAll(/"at":"[^"]+"/g, '"at":""');
  return text.split('\n\n').filter((part) => part !== '' && !part.startsWith(':'));
}

describe('streamEvents', () => {
  test('gives a reader what it has not seen, then what comes, until the plane ends', async () => {
    const feed = new EventFeed();
    const end = new AbortController();
    for (const finding of ['one', 'two']) feed.add(mended(finding));
    const response = streamEvents(feed, 1, end.signal);
    feed.add(mended('three'));
    end.abort();
    feed.add(mended('four'));
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(await readAll(response)).toEqual([
      'id: 2\nevent: mended\ndata: {"at":"","type":"mended","finding":"two"}',
      'id: 3\nevent: mended\ndata: {"at":"","type":"mended","finding":"three"}',
    ]);
  });

  test('keeps 256 events, and cuts off a reader that does not read', async () => {
    const feed = new EventFeed();
    const response = streamEvents(feed, 0, new AbortController().signal);
    for (let i = 1; i <= 2000; i++) feed.add(mended(`${i}`));
    expect(feed.since(0).map(({ id }) => id)[0]).toBe(2000 - 255);
    const events = await readAll(response);
    expect(events).toHaveLength(1023);
    expect(events.at(-1)).toContain('id: 1023');
  });

  test('lets go of the feed when its reader leaves', async () => {
    const feed = new EventFeed();
    const response = streamEvents(feed, 0, new AbortController().signal);
    await response.body!.cancel();
    feed.add(mended('one'));
    expect(feed.since(0)).toHaveLength(1);
  });
});

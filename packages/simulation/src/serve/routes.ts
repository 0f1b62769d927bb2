/**
 * The HTTP interface of a board: JSON, one stream of events, and the files of results.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AdminContext,
  AdminRefusal,
  type AdminRoute,
  ConfigFileError,
  readJson,
} from '@balancer/kit';
import { SimulationError } from '../errors.ts';
import { EXAMPLE_EXPERIMENT } from '../experiment/example.ts';
import { collectResults } from '../report/collect.ts';
import { type Board, type BoardEntry, RESULT_FILES } from './board.ts';
import { comparePoints } from './compare.ts';

/** A report runs its own script; in a sandbox it reaches neither this page's token nor the network. */
const REPORT_POLICY =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; sandbox allow-scripts";
const EVENT_BYTES_MAX = 1 << 20;

/** Routes for an admin listener. */
export function boardRoutes(board: Board): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/simulations.json',
      handler: () => Response.json({ experiments: board.list(), example: EXAMPLE_EXPERIMENT }),
    },
    { method: 'GET', path: '/simulations/events', handler: () => eventsOf(board) },
    {
      method: 'POST',
      path: '/simulations',
      handler: async (context) => {
        const body = (await readJson(context)) as { readonly experiment?: unknown } | null;
        const text = body?.experiment;
        if (typeof text !== 'string')
          throw new AdminRefusal(400, 'experiment: must be the text of an experiment file');
        return Response.json(
          refusing(() => board.start(text)),
          { status: 201 },
        );
      },
    },
    {
      method: 'POST',
      path: '/simulations/:name/cancel',
      handler: (context) => Response.json(refusing(() => board.cancel(nameOf(context)))),
    },
    {
      method: 'GET',
      path: '/simulations/:name/files/:file',
      handler: (context) => fileOf(board, nameOf(context), context.req.param('file') ?? ''),
    },
    {
      method: 'GET',
      path: '/simulations/:name/points',
      handler: async (context) => {
        const { points } = await resultsOf(board, nameOf(context));
        return Response.json(points.map(({ index, label }) => ({ index, label })));
      },
    },
    { method: 'GET', path: '/compare.json', handler: async (context) => compare(board, context) },
  ];
}

/** All entries, then each as it changes. */
function eventsOf(board: Board): Response {
  const encoder = new TextEncoder();
  let onChange: (entry: BoardEntry) => void = () => {};
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (event: string, data: unknown): void =>
          controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
        send('all', board.list());
        onChange = (entry) => {
          // Whoever does not read gets nothing more until he does; the next event brings him up to date.
          const hasRoom = (controller.desiredSize ?? 0) > 0;
          if (controller.desiredSize !== null && (hasRoom || entry.state !== 'running'))
            send('one', entry);
        };
        board.on('change', onChange);
      },
      cancel: () => void board.off('change', onChange),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: EVENT_BYTES_MAX }),
  );
  return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
}

function fileOf(board: Board, name: string, file: string): Response {
  const contentType = Object.hasOwn(RESULT_FILES, file) ? RESULT_FILES[file]! : null;
  if (contentType === null)
    throw new AdminRefusal(
      404,
      `no such file; there may be ${Object.keys(RESULT_FILES).join(', ')}`,
    );
  const folder = refusing(() => board.folderOf(name), 404);
  try {
    const body = readFileSync(join(folder, file));
    const isReport = file === 'report.html';
    return new Response(body, {
      headers: {
        'content-type': contentType,
        ...(isReport
          ? { 'content-security-policy': REPORT_POLICY }
          : { 'content-disposition': `attachment; filename="${name}-${file}"` }),
      },
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new AdminRefusal(404, `${name} has no ${file}`);
  }
}

/** `?a=name&b=name`, and `&pointA=0&pointB=1` for others than the first. */
async function compare(board: Board, context: AdminContext): Promise<Response> {
  const side = async (key: 'a' | 'b'): Promise<Parameters<typeof comparePoints>[0]> => {
    const results = await resultsOf(board, context.req.query(key) ?? '');
    const place = Number(context.req.query(`point${key.toUpperCase()}`) ?? 0);
    const point = results.points.find(({ index }) => index === place);
    if (point === undefined) throw new AdminRefusal(404, `${key}: there is no point ${place}`);
    return { results, point };
  };
  return Response.json(comparePoints(await side('a'), await side('b')));
}

async function resultsOf(
  board: Board,
  name: string,
): Promise<Awaited<ReturnType<typeof collectResults>>> {
  const folder = refusing(() => board.folderOf(name), 404);
  try {
    return await collectResults(folder);
  } catch (error) {
    throw new AdminRefusal(409, `${name} has no results yet: ${(error as Error).message}`);
  }
}

function nameOf(context: AdminContext): string {
  return context.req.param('name') ?? '';
}

/** What the toolkit refuses, as an answer. */
function refusing<T>(action: () => T, status: 404 | 422 = 422): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof SimulationError || error instanceof ConfigFileError)
      throw new AdminRefusal(status, error.message);
    throw error;
  }
}

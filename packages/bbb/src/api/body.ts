/**
 * Bodies of POST requests by their content type.
 *
 * @module
 */
import { type ApiRequest, headerOf, readForm } from './request.ts';

export type BodyKind = 'none' | 'form' | 'multipart' | 'xml' | 'other';

/** A body as the checks and the calls need it. */
export interface ParsedBody {
  /** Parameters of a form; null for any other body. */
  readonly parameters: ReadonlyMap<string, string> | null;
  /** A form-encoded body as it came, one character per byte. */
  readonly rawForm: string | null;
  readonly xml: Buffer | null;
  /** The file that a multipart body carries; null for none, or an empty one. */
  readonly file: Uint8Array | null;
}

const KINDS: ReadonlyMap<string, BodyKind> = new Map([
  ['application/x-www-form-urlencoded', 'form'],
  ['multipart/form-data', 'multipart'],
  ['application/xml', 'xml'],
  ['text/xml', 'xml'],
]);

const FILE_FIELD = 'file';
const NO_BODY: ParsedBody = { parameters: null, rawForm: null, xml: null, file: null };

/** The kind of a body; parameters of the content type do not matter. */
export function bodyKind(request: Pick<ApiRequest, 'method' | 'headers' | 'body'>): BodyKind {
  if (request.method !== 'POST' || request.body.length === 0) return 'none';
  return contentKind(headerOf(request, 'content-type'));
}

/** The kind that a content type names. */
export function contentKind(contentType: string): BodyKind {
  return KINDS.get(contentType.split(';')[0]!.trim().toLowerCase()) ?? 'other';
}

/** Reads a body of a known kind; null if a multipart body cannot be read. */
export async function parseBody(request: ApiRequest, kind: BodyKind): Promise<ParsedBody | null> {
  if (kind === 'xml') return { ...NO_BODY, xml: request.body };
  if (kind === 'form') {
    const rawForm = request.body.toString('latin1');
    return { ...NO_BODY, rawForm, parameters: readForm(rawForm) };
  }
  if (kind !== 'multipart') return NO_BODY;
  const multipart = await readMultipart(request);
  return multipart && { ...NO_BODY, ...multipart };
}

async function readMultipart(
  request: ApiRequest,
): Promise<(Pick<ParsedBody, 'file'> & { parameters: Map<string, string> }) | null> {
  try {
    const headers = { 'content-type': headerOf(request, 'content-type') };
    const form = await new Response(new Uint8Array(request.body), { headers }).formData();
    const parameters = new Map<string, string>();
    let file: Uint8Array | null = null;
    for (const [name, value] of form) {
      if (typeof value === 'string') parameters.set(name, value);
      else if (name === FILE_FIELD && value.size > 0)
        file = new Uint8Array(await value.arrayBuffer());
    }
    return { parameters, file };
  } catch {
    return null;
  }
}

/**
 * A request as the API sees it, and its parameters. Texts of the request line and of form bodies are
 * kept as the bytes that came (one character per byte), because checksums are taken over them.
 *
 * @module
 */

/** One request, read whole. */
export interface ApiRequest {
  readonly method: string;
  /** Path with repeated slashes collapsed, still encoded. */
  readonly path: string;
  /** After the question mark, still encoded, one character per byte. */
  readonly rawQuery: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** Host that the client asked, without port, in lower case. */
  readonly host: string;
  /** Scheme and host for addresses in answers. */
  readonly origin: string;
  /** Address of the client, or of the proxy that nobody vouches for. */
  readonly remoteAddress: string;
}

/** Decoded parameters. A map, so that no name means anything to the language. */
export type ApiParameters = ReadonlyMap<string, string>;

/** Name of the parameter that signs the others. */
export const CHECKSUM = 'checksum';

/**
 * Parameters of a form-encoded text: `+` and `%20` are spaces, bytes that are no UTF-8 become U+FFFD,
 * of a repeated name the last one counts.
 *
 * @param text - One character per byte.
 */
export function readForm(text: string): Map<string, string> {
  const bytes = Buffer.from(text, 'latin1');
  return new Map(new URLSearchParams(`?${bytes.toString('utf8')}`));
}

/** The segments of a query that are not its checksum, joined as they came. */
export function withoutChecksum(rawQuery: string): string {
  return rawQuery
    .split('&')
    .filter((segment) => !isChecksum(segment))
    .join('&');
}

/** The values of the checksum segments, still encoded. */
export function checksumsIn(rawQuery: string): string[] {
  return rawQuery
    .split('&')
    .filter(isChecksum)
    .map((segment) => segment.slice(CHECKSUM.length + 1));
}

/** Form encoding of parameters in order: the bytes that are signed and sent. */
export function writeForm(parameters: Iterable<readonly [string, string]>): string {
  const pairs = [...parameters].map(([name, value]): [string, string] => [name, value]);
  return new URLSearchParams(pairs).toString();
}

/** One header; of a repeated one the first. */
export function headerOf(request: Pick<ApiRequest, 'headers'>, name: string): string {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function isChecksum(segment: string): boolean {
  return segment === CHECKSUM || segment.startsWith(`${CHECKSUM}=`);
}

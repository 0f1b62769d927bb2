/**
 * What the demonstration says when it is up.
 *
 * @module
 */
import type { Styler } from '@balancer/kit';
import { DEMO_TOKEN } from './config.ts';

export interface DemoFacts {
  readonly url: string;
  readonly statsUrl: string;
  readonly file: string;
  /** Whether key presses are seen. */
  readonly hasKeyboard: boolean;
}

/** Where everything is, and what to try. */
export function introduction(
  { url, statsUrl, file, hasKeyboard }: DemoFacts,
  style: Styler,
): string {
  const stop = hasKeyboard
    ? `press ${style('bold', '1')}, ${style('bold', '2')} or ${style('bold', '3')}, or `
    : '';
  return `
${style('bold', 'Balancer is running: three small web servers with the load balancer in front.')}

  Pages        ${style('cyan', url)}
  Statistics   ${style('cyan', statsUrl)}   (token of its buttons: ${DEMO_TOKEN})
  Config file  ${style('cyan', file)}

Try
  Ask a few times; server one gets half of the connections:
      for i in 1 2 3 4 5 6 7 8; do curl -s ${url}; done
  Stop a server and watch it leave the rotation; again brings it back:
      ${stop}curl -X POST ${url}stop/two
      ${hasKeyboard ? 'the same again, or ' : ''}curl -X POST ${url}start/two
  Edit the config file, for instance a weight, and save: it is read again at once.

${hasKeyboard ? 'Ctrl-C or q' : 'Ctrl-C'} ends everything and leaves nothing behind.

`;
}

/**
 * Kinds of tunnels, as keepalived writes them behind the method:
 * `lvs_method TUN [type {ipip|gue port NUM [nocsum|csum|remcsum]|gre [nocsum|csum]}]`.
 *
 * @module
 */
import type { FrontendTable } from '@balancer/lb';
import type { Section } from './section.ts';

type L4Table = NonNullable<FrontendTable['l4']>;

const KINDS: ReadonlySet<string> = new Set(['ipip', 'gue', 'gre']);

/** The keys of a service that is reached by tunnels; what they cannot say is noted. */
export function tunnelOf(service: Section): L4Table {
  const [method = '', ...words] = service.take('lb_kind', 'lvs_method') ?? [];
  const said = new Map<string, string>();
  const note = (what: string, why: string): void => service.note(`${method} ${what}`, why);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === 'type' || word === 'port') said.set(word, words[++i] ?? '');
    else if (word === 'csum' || word === 'nocsum') said.set('csum', word);
    else note(word, word === 'remcsum' ? 'checksums are not sent apart' : 'is not known');
  }
  const kind = said.get('type') ?? 'ipip';
  if (!KINDS.has(kind)) {
    note(`type ${kind}`, 'there are ipip, gue and gre');
    return {};
  }
  if (kind === 'gre' && said.get('csum') === 'csum') {
    note('type gre csum', 'headers of GRE have no checksum here');
  }
  return {
    ...(kind !== 'ipip' && { tunnel: kind === 'gue' ? ('gue' as const) : ('gre' as const) }),
    ...(kind === 'gue' && portOf(said.get('port'), note)),
    ...(kind === 'gue' && said.get('csum') === 'csum' && { tunnel_checksum: true }),
  };
}

function portOf(text: string | undefined, note: (what: string, why: string) => void): L4Table {
  if (text === undefined) return {};
  const port = Number(text);
  if (/^\d+$/.test(text) && port > 0 && port < 65_536) return { tunnel_port: port };
  note(`port ${text}`, 'needs a port from 1 to 65535');
  return {};
}

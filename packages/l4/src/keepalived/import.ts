/**
 * keepalived.conf as a configuration of Balancer: its services and their servers. VRRP stays where
 * it is, see docs/high-availability.md.
 *
 * @module
 */
import type { ConfigFile } from '@balancer/lb';
import { AddressGroups } from './groups.ts';
import { reasonFor } from './reasons.ts';
import { type Leftover, Section } from './section.ts';
import { type ConfigText, parseKeepalived, type SyntaxOptions } from './syntax.ts';
import { importMatch } from './match-server.ts';
import { importService } from './virtual-server.ts';

export interface ImportOptions extends SyntaxOptions {
  /** Interfaces of the packet plane; absent: those of the file's VRRP instances. */
  readonly interfaces?: readonly string[] | undefined;
}

/** What came of a file. */
export interface ImportedKeepalived {
  readonly config: ConfigFile;
  /** Everything that is not in `config`, in the order of the file. */
  readonly leftovers: readonly Leftover[];
}

/**
 * Translates a file. Whatever it says is either in the result or among the leftovers.
 *
 * @throws {KeepalivedSyntaxError} if it is no keepalived.conf.
 */
export function importKeepalived(source: ConfigText, options: ImportOptions): ImportedKeepalived {
  const statements = parseKeepalived(source, options);
  const root = new Section({ file: source.file, line: 1, words: [], block: statements });
  const vrrp = root.sections('vrrp_instance');
  const interfaces = options.interfaces ?? interfacesOf(vrrp);
  for (const instance of vrrp) {
    instance.lines();
    root.note(
      `vrrp_instance ${instance.words[0] ?? ''}`,
      reasonFor('vrrp_instance'),
      instance.place,
    );
  }
  const groups = new AddressGroups(root);
  const services = root
    .sections('virtual_server')
    .flatMap(
      (section) =>
        (section.words[0] === 'match' ? importMatch(section) : importService(section, groups)) ??
        [],
    );
  const named = services.flatMap(({ frontend }) => {
    const { iif = '', oif = '' } = frontend.l4?.match ?? {};
    return [iif, oif].filter((name) => name !== '');
  });
  return {
    config: {
      // Rules are looked at on interfaces of the plane.
      l4: { interfaces: [...new Set([...interfaces, ...named])] },
      frontends: Object.fromEntries(services.map(({ name, frontend }) => [name, frontend])),
      backends: Object.fromEntries(services.map(({ name, backend }) => [name, backend])),
    },
    leftovers: root.leftovers(reasonFor).toSorted((a, b) => a.line - b.line),
  };
}

function interfacesOf(instances: readonly Section[]): readonly string[] {
  return [...new Set(instances.flatMap((instance) => instance.word('interface') ?? []))];
}

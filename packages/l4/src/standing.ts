/**
 * Where this host stands among those that serve the same: its role, the quorum of each service, and what
 * follows for forwarding and for the addresses it has.
 *
 * @module
 */
import type { Logger } from '@balancer/kit';
import type { L4Config } from '@balancer/lb';
import type { ServiceSpec } from './desired.ts';
import { type Announcement, announcementsOf, type Presence, type Role } from './presence.ts';
import { ANY_SERVER, type QuorumRule, Quorums, type Verdict, withSorryServer } from './quorum.ts';
import type { Services } from './service-table.ts';

/** What holds at the moment. */
export interface Stand {
  /** As they are to be forwarded: sorry servers take the place of lost quorums. */
  readonly services: readonly ServiceSpec[];
  readonly presence: Presence;
  readonly announcements: readonly Announcement[];
  /** Services whose verdict is another than before, with the new one. */
  readonly turned: readonly { readonly service: string; readonly verdict: Verdict }[];
}

export class Standing {
  role: Role = 'master';
  readonly #quorums = new Quorums();
  #verdicts: ReadonlyMap<string, Verdict> = new Map();

  /** Judges the services as they are wanted now. */
  judge(
    services: Services,
    rules: ReadonlyMap<string, QuorumRule>,
    announce: L4Config['announce'],
  ): Stand {
    const before = this.#verdicts;
    const verdicts = this.#quorums.judge(services, rules);
    this.#verdicts = verdicts;
    const announcements = announcementsOf(services, verdicts, { role: this.role, announce });
    const withheld = announcements
      .filter(({ announced }) => !announced)
      .map(({ address }) => address);
    return {
      services: [...services].map(([key, service]) =>
        withSorryServer(service, rules.get(key) ?? ANY_SERVER, verdicts.get(key)),
      ),
      presence: { role: this.role, withheld },
      announcements,
      turned: [...verdicts].flatMap(([service, verdict]) =>
        verdict === before.get(service) ? [] : [{ service, verdict }],
      ),
    };
  }
}

/** Says which quorums were lost or are held again, and which addresses came or went. */
export function logTurns(logger: Logger, now: Stand, before: Stand | undefined): void {
  for (const { service, verdict } of now.turned) {
    if (verdict === 'lost') logger.warn('packet plane: quorum lost', { service });
    if (verdict === 'held') logger.info('packet plane: quorum held', { service });
  }
  const announcedBefore = new Set(announcedIn(before));
  for (const { address, announced, reason } of now.announcements) {
    if (announced && !announcedBefore.has(address)) {
      logger.info('packet plane: address taken', { address });
    } else if (!announced && announcedBefore.has(address)) {
      logger.warn('packet plane: address given up', { address, reason });
    }
  }
}

function announcedIn(stand: Stand | undefined): string[] {
  return (stand?.announcements ?? []).flatMap(({ address, announced }) =>
    announced ? [address] : [],
  );
}

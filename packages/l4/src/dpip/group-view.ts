/**
 * `dpip maddr show`: multicast addresses that interfaces listen to.
 *
 * @module
 */
import { listMulticast } from '@balancer/ebpf';
import { type DpipView, shownLinks, viewOf, type ViewSource } from './view.ts';

export interface GroupRow {
  readonly index: number;
  readonly dev: string;
  readonly groups: readonly {
    readonly family: string;
    readonly address: string;
    readonly users: number;
  }[];
}

/** The calling thread must be in the namespace that is shown. */
export function groupView(source: ViewSource): DpipView {
  const { family } = source;
  const listened = listMulticast();
  const rows = shownLinks(source).map(({ ifindex, name }): GroupRow => {
    const groups = listened
      .filter((each) => each.interfaceName === name)
      .filter((each) => family === undefined || each.family === (family === 4 ? 'inet' : 'inet6'))
      .map(({ family: kind, address, users }) => ({ family: kind, address, users }));
    return { index: ifindex, dev: name, groups };
  });
  return viewOf(rows, ({ index, dev, groups }) => [
    `${index}: ${dev}`,
    ...groups.map(
      ({ family: kind, address, users }) =>
        `    ${kind.padEnd(5)} ${address}${users > 1 ? ` users ${users}` : ''}`,
    ),
  ]);
}

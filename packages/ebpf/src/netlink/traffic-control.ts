/**
 * Traffic control: the `clsact` queueing discipline and BPF filters on it, which is how tc programs are
 * attached on kernels before TCX links (6.6).
 *
 * Source: include/uapi/linux/pkt_sched.h, pkt_cls.h and tc-bpf(8).
 *
 * @module
 */
import { constants } from 'node:os';
import { SyscallError } from '../errors.ts';
import type { Direction } from '../link.ts';
import {
  attributeString,
  attributeU32,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  PayloadBuilder,
  readAttributes,
  structView,
} from './message.ts';
import type { RouteSocket } from './route-socket.ts';

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
export const RTM_GETQDISC = 38;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
export const RTM_GETTFILTER = 46;

export const TCMSG_BYTES = 20;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
const TCA_BPF_ID = 11;
/** The program's result is the verdict. */
const DIRECT_ACTION = 1;

const CLSACT_HANDLE = 0xffff_0000;
const CLSACT_PARENT = 0xffff_fff1;
const PARENTS: Readonly<Record<Direction, number>> = {
  ingress: 0xffff_fff2,
  egress: 0xffff_fff3,
};
/** `htons(ETH_P_ALL)` as it stands in the low half of `tcm_info`. */
const ALL_PROTOCOLS = 0x0300;

export interface QueueingDiscipline {
  readonly ifindex: number;
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
}

export interface BpfFilter {
  readonly ifindex: number;
  readonly handle: number;
  readonly priority: number;
  readonly name: string | undefined;
  readonly programId: number | undefined;
}

/** Where a filter sits: 16-bit priority, 32-bit handle. */
export interface FilterPlace {
  readonly ifindex: number;
  readonly direction: Direction;
  readonly priority: number;
  readonly handle: number;
}

/** Queueing disciplines of all interfaces. */
export function listQdiscs(socket: RouteSocket): QueueingDiscipline[] {
  const request = tcmsg({ ifindex: 0 }).build();
  return socket.dump('list queueing disciplines', RTM_GETQDISC, request).map(({ payload }) => {
    const view = structView(payload, TCMSG_BYTES, 'qdisc message');
    return {
      ifindex: view.getInt32(4, true),
      handle: view.getUint32(8, true),
      parent: view.getUint32(12, true),
      kind: attributeString(readAttributes(payload, TCMSG_BYTES), TCA_KIND) ?? '',
    };
  });
}

/** Adds `clsact`; returns false if the interface has it already. */
export function addClsact(socket: RouteSocket, ifindex: number): boolean {
  const payload = tcmsg({ ifindex, handle: CLSACT_HANDLE, parent: CLSACT_PARENT });
  try {
    const what = `add clsact to interface ${ifindex}`;
    const flags = NLM_F_CREATE | NLM_F_EXCL;
    socket.change(what, RTM_NEWQDISC, payload.string(TCA_KIND, 'clsact').build(), flags);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.errno === constants.errno.EEXIST) return false;
    throw error;
  }
}

/** Removes `clsact` with all filters on it. */
export function deleteClsact(socket: RouteSocket, ifindex: number): void {
  const payload = tcmsg({ ifindex, handle: CLSACT_HANDLE, parent: CLSACT_PARENT });
  const what = `delete clsact of interface ${ifindex}`;
  socket.change(what, RTM_DELQDISC, payload.string(TCA_KIND, 'clsact').build());
}

/** BPF filters of one direction of an interface with `clsact`. */
export function listBpfFilters(
  socket: RouteSocket,
  ifindex: number,
  direction: Direction,
): BpfFilter[] {
  const request = tcmsg({ ifindex, parent: PARENTS[direction] }).build();
  const what = `list filters of interface ${ifindex}`;
  return socket.dump(what, RTM_GETTFILTER, request).flatMap(({ payload }) => {
    const view = structView(payload, TCMSG_BYTES, 'filter message');
    const attributes = readAttributes(payload, TCMSG_BYTES);
    const handle = view.getUint32(8, true);
    // Each filter chain also shows itself, without a handle.
    if (attributeString(attributes, TCA_KIND) !== 'bpf' || handle === 0) return [];
    const options = readAttributes(attributes.get(TCA_OPTIONS) ?? new Uint8Array());
    return [
      {
        ifindex: view.getInt32(4, true),
        handle,
        priority: view.getUint32(16, true) >>> 16,
        name: attributeString(options, TCA_BPF_NAME),
        programId: attributeU32(options, TCA_BPF_ID),
      },
    ];
  });
}

/** Adds a BPF filter in direct-action mode, or replaces the one in its place atomically. */
export function setBpfFilter(
  socket: RouteSocket,
  place: FilterPlace,
  program: { readonly fd: number; readonly name: string },
): void {
  const what = `attach program ${program.name} to interface ${place.ifindex} (tc ${place.direction})`;
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  socket.change(what, RTM_NEWTFILTER, filterPayload(place, program), flags);
}

export function deleteBpfFilter(socket: RouteSocket, place: FilterPlace): void {
  const what = `detach filter ${place.handle} of interface ${place.ifindex} (tc ${place.direction})`;
  const payload = filterMessage(place).string(TCA_KIND, 'bpf').build();
  socket.change(what, RTM_DELTFILTER, payload);
}

/** The message body of a filter; exported for tests. */
export function filterPayload(
  place: FilterPlace,
  program: { readonly fd: number; readonly name: string },
): Uint8Array {
  return filterMessage(place)
    .string(TCA_KIND, 'bpf')
    .nested(TCA_OPTIONS, (options) => {
      options
        .u32(TCA_BPF_FD, program.fd)
        .string(TCA_BPF_NAME, program.name)
        .u32(TCA_BPF_FLAGS, DIRECT_ACTION);
    })
    .build();
}

function filterMessage({ ifindex, direction, priority, handle }: FilterPlace): PayloadBuilder {
  const info = ((priority << 16) | ALL_PROTOCOLS) >>> 0;
  return tcmsg({ ifindex, handle, parent: PARENTS[direction], info });
}

function tcmsg(fields: {
  readonly ifindex: number;
  readonly handle?: number;
  readonly parent?: number;
  readonly info?: number;
}): PayloadBuilder {
  return new PayloadBuilder().struct(TCMSG_BYTES, (view) => {
    view.setInt32(4, fields.ifindex, true);
    view.setUint32(8, fields.handle ?? 0, true);
    view.setUint32(12, fields.parent ?? 0, true);
    view.setUint32(16, fields.info ?? 0, true);
  });
}

/**
 * What an interface can do for XDP, as its driver says: over generic netlink, where families of messages
 * have numbers that the kernel gives out.
 *
 * Source: Documentation/netlink/specs/netdev.yaml and include/uapi/linux/genetlink.h.
 *
 * @module
 */
import { SyscallError } from '../errors.ts';
import {
  attributeString,
  PayloadBuilder,
  readAttributes,
  structView,
  type NetlinkMessage,
} from './message.ts';
import { NetlinkSocket } from './netlink-socket.ts';

const NETLINK_GENERIC = 16;
const GENERIC_HEADER_BYTES = 4;

const CONTROL_FAMILY = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

const NETDEV_FAMILY = 'netdev';
const NETDEV_CMD_DEV_GET = 1;
const NETDEV_A_DEV_IFINDEX = 1;
const NETDEV_A_DEV_XDP_FEATURES = 3;

/** Bits of `xdp-features`. Some drivers have more of them once a program is attached. */
const FEATURES = {
  /** Runs programs that pass, drop or send back. */
  basic: 1n,
  /** Programs on it may redirect to other interfaces. */
  redirect: 2n,
  /** Sends frames that programs on other interfaces redirect to it. */
  send: 4n,
  /** Takes frames in several buffers. */
  fragments: 32n,
} as const;

export type XdpFeature = keyof typeof FEATURES;

class GenericSocket extends NetlinkSocket {
  static open(): GenericSocket {
    return new GenericSocket(NETLINK_GENERIC);
  }
}

/**
 * What an interface can do for XDP.
 *
 * @returns `undefined` when the kernel does not say, as before 6.3.
 * @throws {SyscallError} ENODEV if there is no such interface in this network namespace.
 */
export function readXdpFeatures(ifindex: number): ReadonlySet<XdpFeature> | undefined {
  const socket = GenericSocket.open();
  try {
    const family = findFamily(socket, NETDEV_FAMILY);
    if (family === undefined) return undefined;
    const request = generic(NETDEV_CMD_DEV_GET).u32(NETDEV_A_DEV_IFINDEX, ifindex).build();
    const what = `ask what interface ${ifindex} can do for XDP`;
    const [answer] = socket.get(what, family, request);
    const bits = answer && attributesOf(answer).get(NETDEV_A_DEV_XDP_FEATURES);
    return bits && featuresOf(structView(bits, 8, 'xdp-features').getBigUint64(0, true));
  } finally {
    socket.close();
  }
}

function featuresOf(bits: bigint): ReadonlySet<XdpFeature> {
  // The keys of the table are all of its type's.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const names = Object.keys(FEATURES) as XdpFeature[];
  return new Set(names.filter((name) => (bits & FEATURES[name]) !== 0n));
}

/** The number of a family's messages; `undefined` when this kernel has no such family. */
function findFamily(socket: GenericSocket, name: string): number | undefined {
  const request = generic(CTRL_CMD_GETFAMILY).string(CTRL_ATTR_FAMILY_NAME, name).build();
  try {
    const answers = socket.get(`look up netlink family ${name}`, CONTROL_FAMILY, request);
    const attributes = answers.map(attributesOf);
    const own = attributes.find((each) => attributeString(each, CTRL_ATTR_FAMILY_NAME) === name);
    const id = own?.get(CTRL_ATTR_FAMILY_ID);
    return id && structView(id, 2, 'family id').getUint16(0, true);
  } catch (error) {
    if (error instanceof SyscallError && error.errnoName === 'ENOENT') return undefined;
    throw error;
  }
}

/** The header of a generic message, to build the rest behind. */
function generic(command: number): PayloadBuilder {
  return new PayloadBuilder().struct(GENERIC_HEADER_BYTES, (view) => {
    view.setUint8(0, command);
    view.setUint8(1, 1);
  });
}

function attributesOf({ payload }: NetlinkMessage): ReturnType<typeof readAttributes> {
  return readAttributes(payload, GENERIC_HEADER_BYTES);
}

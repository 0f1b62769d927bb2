/**
 * What a network driver does with frames by itself: the part of ethtool that programs at the XDP hook
 * depend on.
 *
 * Source: include/uapi/linux/ethtool.h, SIOCETHTOOL of netdevice(7).
 *
 * @module
 */
import { closeSync } from 'node:fs';
import { SyscallError, ValueError } from './errors.ts';
import { Memory } from './memory.ts';
import { native } from './native.ts';

/**
 * Work that a driver takes off the kernel: checksums of sent packets, cutting sent packets into segments,
 * joining received ones (GRO in software, LRO in the card), and VLAN tags beside the frame instead of in it, received and sent.
 */
export type Offload =
  | 'tx-checksum'
  | 'tx-segmentation'
  | 'rx-gro'
  | 'rx-lro'
  | 'rx-vlan'
  | 'tx-vlan';

/** Commands that read and write a value, and the bit in that value. */
const OFFLOADS: Readonly<Record<Offload, { get: number; set: number; bit: number }>> = {
  'tx-checksum': { get: 0x16, set: 0x17, bit: 1 },
  'tx-segmentation': { get: 0x1e, set: 0x1f, bit: 1 },
  'rx-gro': { get: 0x2b, set: 0x2c, bit: 1 },
  'rx-lro': { get: 0x25, set: 0x26, bit: 1 << 15 },
  'rx-vlan': { get: 0x25, set: 0x26, bit: 1 << 8 },
  'tx-vlan': { get: 0x25, set: 0x26, bit: 1 << 7 },
};

/** `ETHTOOL_GSET` and its struct. */
const READ_SETTINGS = 1;
const SETTINGS_BYTES = 44;
const SPEED_UNKNOWN = 0xffff_ffff;

const SIOCETHTOOL = 0x8946;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0x8_0002;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;

/**
 * Whether an offload of an interface is on.
 *
 * @throws {SyscallError} ENODEV if there is no such interface here, EOPNOTSUPP if its driver does not say.
 */
export function readOffload(interfaceName: string, offload: Offload): boolean {
  const { get, bit } = OFFLOADS[offload];
  return (readValue(interfaceName, get, offload) & bit) !== 0;
}

/**
 * Turns an offload of an interface on or off.
 *
 * @throws {SyscallError} EOPNOTSUPP if its driver cannot.
 */
export function setOffload(interfaceName: string, offload: Offload, on: boolean): void {
  const { get, set, bit } = OFFLOADS[offload];
  const before = readValue(interfaceName, get, offload);
  const request = new Memory(8);
  request.view.setUint32(0, set, true);
  request.view.setUint32(4, on ? before | bit : before & ~bit, true);
  call(interfaceName, request, `turn ${offload} of ${interfaceName} ${on ? 'on' : 'off'}`);
}

/** How an interface talks to the other end of its cable. */
export interface LinkSettings {
  /** Megabits per second; `undefined` while it is not known. */
  readonly speedMbps: number | undefined;
  readonly duplex: 'half' | 'full' | 'unknown';
  /** Both ends agree on it; otherwise it is fixed. */
  readonly negotiates: boolean;
}

/**
 * Speed and duplex of an interface.
 *
 * @throws {SyscallError} ENODEV if there is no such interface here, EOPNOTSUPP if its driver does not say.
 */
export function readLinkSettings(interfaceName: string): LinkSettings {
  const request = new Memory(SETTINGS_BYTES);
  request.view.setUint32(0, READ_SETTINGS, true);
  call(interfaceName, request, `read the speed of ${interfaceName}`);
  const { view } = request;
  const speed = view.getUint16(28, true) * 0x1_0000 + view.getUint16(12, true);
  return {
    speedMbps: speed === SPEED_UNKNOWN || speed === 0xffff ? undefined : speed,
    duplex: (['half', 'full'] as const)[view.getUint8(14)] ?? 'unknown',
    negotiates: view.getUint8(18) === 1,
  };
}

function readValue(interfaceName: string, command: number, offload: Offload): number {
  const request = new Memory(8);
  request.view.setUint32(0, command, true);
  call(interfaceName, request, `read ${offload} of ${interfaceName}`);
  return request.view.getUint32(4, true);
}

function call(interfaceName: string, request: Memory, what: string): void {
  const name = Buffer.from(interfaceName);
  if (name.length >= NAME_BYTES) {
    throw new ValueError(
      `${interfaceName} is longer than ${NAME_BYTES - 1} bytes, as no interface is`,
    );
  }
  const { socket, ioctl, errno } = native();
  const ifreq = new Memory(IFREQ_BYTES);
  ifreq.bytes.set(name);
  ifreq.view.setBigUint64(NAME_BYTES, request.address, true);
  const fd = socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new SyscallError(what, errno());
  try {
    if (ioctl(fd, SIOCETHTOOL, ifreq.address) < 0) throw new SyscallError(what, errno());
  } finally {
    closeSync(fd);
  }
}

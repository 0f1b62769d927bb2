/**
 * Frames by which a host says unasked that an address is now at its MAC address, so that neighbours
 * send there at once instead of when their entry ages.
 *
 * Sources: RFC 5227 section 2.3 (ARP announcement), RFC 4861 section 7.2.6 (unsolicited neighbour
 * advertisement).
 *
 * @module
 */
import { parseIp, parseMac } from './ip-address.ts';
import { buildFrame, checksum, pseudoHeader } from './packet.ts';

const ETH_P_ARP = 0x0806;
const ARP_REQUEST = 1;
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const ALL_NODES = { mac: '33:33:00:00:00:01', address: 'ff02::1' };
const ICMPV6 = 58;
const NEIGHBOUR_ADVERTISEMENT = 136;
/** The address of a router may be its own too; what is cached shall be replaced. */
const OVERRIDE = 0x20;
const TARGET_LINK_LAYER_ADDRESS = 2;

/** The frame that announces an IPv4 or IPv6 address at a MAC address. */
export function gratuitousFrame(address: string, mac: string): Uint8Array {
  return address.includes(':') ? advertisement(address, mac) : arpAnnouncement(address, mac);
}

function arpAnnouncement(address: string, mac: string): Uint8Array {
  const ip = parseIp(address);
  const hardware = parseMac(mac);
  const head = Uint8Array.of(0, 1, 0x08, 0, hardware.length, ip.length, 0, ARP_REQUEST);
  const payload = Buffer.concat([head, hardware, ip, new Uint8Array(hardware.length), ip]);
  return buildFrame({ to: BROADCAST, from: mac, type: ETH_P_ARP, payload });
}

function advertisement(address: string, mac: string): Uint8Array {
  const ip = parseIp(address);
  const head = Uint8Array.of(NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, OVERRIDE, 0, 0, 0);
  const option = Uint8Array.of(TARGET_LINK_LAYER_ADDRESS, 1, ...parseMac(mac));
  const payload = Buffer.concat([head, ip, option]);
  const pseudo = pseudoHeader(ip, parseIp(ALL_NODES.address), {
    protocol: ICMPV6,
    length: payload.length,
  });
  payload.writeUInt16BE(checksum([pseudo, payload]), 2);
  return buildFrame({
    to: ALL_NODES.mac,
    from: mac,
    ipv6: { src: address, dst: ALL_NODES.address, nextHeader: ICMPV6, hopLimit: 255, payload },
  });
}

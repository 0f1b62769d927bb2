/**
 * Which XDP program an interface runs.
 *
 * @module
 */
import { Program } from '../program.ts';
import { listLinks } from './links.ts';
import { RouteSocket } from './route-socket.ts';

/** Id and name of the attached program, in the network namespace of the calling thread. */
export function findXdp(ifindex: number): { id: number; name: string } | undefined {
  const socket = RouteSocket.open();
  try {
    const link = listLinks(socket).find((l) => l.ifindex === ifindex);
    if (link === undefined || link.xdpProgramId === 0) return undefined;
    const program = Program.fromId(link.xdpProgramId);
    try {
      return { id: link.xdpProgramId, name: program.name };
    } finally {
      program.close();
    }
  } finally {
    socket.close();
  }
}

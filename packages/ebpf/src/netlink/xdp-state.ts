/**
 * Which XDP program an interface runs.
 *
 * @module
 */
import { constants } from 'node:os';
import { SyscallError } from '../errors.ts';
import { Program } from '../program.ts';
import { listLinks } from './links.ts';
import { RouteSocket } from './route-socket.ts';

/** Id and name of the attached program, in the network namespace of the calling thread. */
export function findXdp(ifindex: number): { id: number; name: string } | undefined {
  const socket = RouteSocket.open();
  try {
    const link = listLinks(socket).find((l) => l.ifindex === ifindex);
    if (link === undefined || link.xdpProgramId === 0) return undefined;
    const program = openProgram(link.xdpProgramId);
    if (program === undefined) return undefined;
    try {
      return { id: link.xdpProgramId, name: program.name };
    } finally {
      program.close();
    }
  } finally {
    socket.close();
  }
}

/** `undefined` when it has gone since it was listed. */
function openProgram(id: number): Program | undefined {
  try {
    return Program.fromId(id);
  } catch (error) {
    if (error instanceof SyscallError && error.errno === constants.errno.ENOENT) return undefined;
    throw error;
  }
}

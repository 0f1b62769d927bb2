/**
 * `balancer ipvsadm`: LVS's command line, talking to the running packet plane.
 *
 * @module
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { text } from 'node:stream/consumers';
import { EXIT, messageOf } from '@balancer/kit';
import {
  type IpvsAnswer,
  type IpvsCommand,
  IpvsUsageError,
  parseIpvs,
  parseRules,
} from '@balancer/l4';
import { AdminRequestError } from '../admin-client.ts';
import type { Io } from '../io.ts';
import { VERSION } from '../version.ts';
import { findPlane, type PlaneTarget, takeTarget } from './client.ts';

const HELP = `Usage: ipvsadm COMMAND [OPTIONS]

  -A -E -D  service    -t|-u host:port [-s scheduler] [-p [seconds]] [-M mask] [-b flags] [-o]
                       [--conn-timeout seconds] [--expire-quiescent] [-j enable|disable|server-first]
  -a -e -d  server     -t|-u host:port -r host[:port] [-g|-i|-m|-b|-J] [-w weight]
  -P -Q -G  local addresses of full NAT    -t|-u host:port -z address[-address]
  -U -V -B  clients that are denied        -t|-u host:port -k network|ipset:name
  -O -Y -W  clients that are allowed       -t|-u host:port -k network|ipset:name
  -L        list       [-t|-u host:port] [-n] [-c] [--stats] [--rate] [--timeout] [--persistent-conn]
                       [--thresholds] [--exact] [--nosort] [--sockpair proto:sip:sport:tip:tport] [--cpu n]
  -S -R -C  save, restore from standard input, clear
  -Z        zero counters    [-t|-u host:port]
  --set tcp tcpfin udp       time-outs in seconds; 0 keeps a value

Instead of -t|-u host:port: -1 host for ICMP echoes; for what hosts behind the balancer send, with servers of -J,
  -H proto=tcp|udp|icmp[,af=ipv6][,src-range=first-last:low-high][,dst-range=...][,iif=name][,oif=name]

schedulers: rr wrr lc wlc sed nq fo ovf sh dh mh conhash twos; flags: mh-port mh-fallback sh-port sh-fallback

Example:
  $ balancer ipvsadm -A -t 203.0.113.1:80 -s wrr
`;

/** @returns 0, or 2 with one line on stderr and nothing changed. */
export async function ipvsadm(args: readonly string[], io: Io): Promise<number> {
  const { target, rest } = takeTarget(args, io);
  try {
    const call = await parseIpvs(rest, resolve);
    if (call.op === 'help') return print(HELP, io);
    if (call.op === 'version') return print(`ipvsadm of balancer ${VERSION}\n`, io);
    if (call.op === 'restore') return await restore(target, io);
    return finish(await send([call], target, io), io);
  } catch (error) {
    return fail(error, io);
  }
}

async function restore(target: PlaneTarget, io: Io): Promise<number> {
  const { commands, problems } = await parseRules(await text(io.stdin), resolve);
  const lines = problems.map(({ line, message }) => `line ${line}: ${message}`);
  if (lines.length === 0 && commands.length > 0) {
    const orders = commands.map(({ command }) => command);
    const { errors } = await send(orders, target, io);
    lines.push(
      ...errors.map(({ command, message }) => `line ${commands[command]?.line}: ${message}`),
    );
  }
  for (const line of lines) io.stderr.write(`${line}\n`);
  return lines.length === 0 ? EXIT.ok : EXIT.usage;
}

async function send(
  commands: readonly IpvsCommand[],
  target: PlaneTarget,
  io: Io,
): Promise<IpvsAnswer> {
  const client = await findPlane(target, io);
  return (await client.post('/l4/ipvs', { commands })) as IpvsAnswer;
}

function finish({ output, errors }: IpvsAnswer, io: Io): number {
  io.stdout.write(output);
  for (const { message } of errors) io.stderr.write(`${message}\n`);
  return errors.length === 0 ? EXIT.ok : EXIT.usage;
}

function fail(error: unknown, io: Io): number {
  if (error instanceof IpvsUsageError) {
    io.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (!(error instanceof AdminRequestError)) throw error;
  const isAbsent = error.cause !== undefined;
  const reason = isAbsent ? 'no running Balancer (start "balancer l4 run")' : messageOf(error);
  io.stderr.write(`Can't initialize ipvs: ${reason}\n`);
  return EXIT.usage;
}

function print(content: string, io: Io): number {
  io.stdout.write(content);
  return EXIT.ok;
}

async function resolve(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch {
    throw new IpvsUsageError(`host not found: ${host}`);
  }
}

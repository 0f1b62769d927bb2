/**
 * What `balancer l4` does, one function for each subcommand.
 *
 * @module
 */
import { createStyler, EXIT } from '@balancer/kit';
import {
  attachDecapsulation,
  checkHostFor,
  detachDecapsulation,
  type Finding,
  type FlowView,
  type PlaneDocument,
  unload,
} from '@balancer/l4';
import { loadLoadBalancerConfig } from '@balancer/lb';
import type { Io } from '../io.ts';
import { findPlane, pinPathOf, planeMayRun, type PlaneTarget } from './client.ts';
import { renderDrops, renderFindings, renderFlows, renderPlane } from './views.ts';

export interface Output {
  readonly json: boolean;
  readonly io: Io;
}

/** `status`, `stats`, `services` and `drops`. @returns The exit code. */
export async function showPlane(
  what: 'plane' | 'services' | 'drops',
  target: PlaneTarget,
  { json, io }: Output,
): Promise<number> {
  const client = await findPlane(target, io);
  const document = (await client.get('/l4/stats')) as PlaneDocument;
  const style = createStyler(io.stdout, io.environment);
  const part = what === 'plane' ? document : document[what];
  if (json) io.stdout.write(`${JSON.stringify(part)}\n`);
  else
    io.stdout.write(what === 'drops' ? renderDrops(document.drops) : renderPlane(document, style));
  return EXIT.ok;
}

/** @returns The exit code. */
export async function showFlows(
  filter: Readonly<Record<string, string>>,
  target: PlaneTarget,
  { json, io }: Output,
): Promise<number> {
  const client = await findPlane(target, io);
  const query = new URLSearchParams(filter);
  const flows = (await client.get(`/l4/conns?${query.toString()}`)) as FlowView[];
  io.stdout.write(json ? `${JSON.stringify(flows)}\n` : renderFlows(flows));
  return EXIT.ok;
}

/** Ends flows. @returns The exit code. */
export async function killFlows(
  filter: Readonly<Record<string, string>>,
  target: PlaneTarget,
  { json, io }: Output,
): Promise<number> {
  const client = await findPlane(target, io);
  const query = new URLSearchParams(filter);
  const { removed } = (await client.delete(`/l4/conns?${query.toString()}`)) as { removed: number };
  io.stdout.write(json ? `${JSON.stringify({ removed })}\n` : `${removed} flows ended\n`);
  return EXIT.ok;
}

/** Saves what was ordered. @returns The exit code. */
export async function saveOrders(target: PlaneTarget, { json, io }: Output): Promise<number> {
  const client = await findPlane(target, io);
  const { file } = (await client.post('/l4/save', {})) as { file: string };
  io.stdout.write(json ? `${JSON.stringify({ file })}\n` : `saved in ${file}\n`);
  return EXIT.ok;
}

/** @returns The exit code. */
export async function lookUp(
  query: { readonly protocol: string; readonly service: string; readonly client: string },
  target: PlaneTarget,
  { json, io }: Output,
): Promise<number> {
  const client = await findPlane(target, io);
  const place = (await client.get(`/l4/lookup?${new URLSearchParams(query).toString()}`)) as {
    hash: number;
    slot: number;
    backend: string;
  };
  const { hash, slot, backend } = place;
  const text = `hash ${hash}, slot ${slot}: ${backend === '' ? 'no server' : backend}\n`;
  io.stdout.write(json ? `${JSON.stringify(place)}\n` : text);
  return EXIT.ok;
}

/**
 * Looks at the host, and at the running plane when there is one.
 *
 * @returns 0, or 1 when something is wrong.
 */
export async function doctor(target: PlaneTarget, { json, io }: Output): Promise<number> {
  const findings: Finding[] = [];
  if (planeMayRun(target) && target.config === undefined) {
    const client = await findPlane(target, io);
    findings.push(...((await client.get('/l4/findings')) as Finding[]));
  } else {
    const { config } = await loadLoadBalancerConfig(target.config ?? 'config.toml', io.environment);
    findings.push(...checkHostFor(config));
  }
  const style = createStyler(io.stdout, io.environment);
  io.stdout.write(json ? `${JSON.stringify(findings)}\n` : renderFindings(findings, style));
  return findings.some(({ level }) => level !== 'hint') ? EXIT.failed : EXIT.ok;
}

/** @returns The exit code. */
export async function setUpBackends(target: PlaneTarget, io: Io): Promise<number> {
  const client = await findPlane(target, io);
  io.stdout.write(await client.text('/l4/backend-setup'));
  return EXIT.ok;
}

/** @returns The exit code. */
export async function unloadPlane(
  { config, pinPath }: { readonly config?: string; readonly pinPath?: string },
  { json, io }: Output,
): Promise<number> {
  const target = config === undefined ? {} : { config };
  const path = pinPath ?? (await pinPathOf(target, io));
  const { pins, addresses, neighbours } = unload(path);
  const text =
    pins === 0
      ? `nothing is pinned at ${path}\n`
      : `removed ${pins} pins at ${path}, ${addresses.length} addresses, ${neighbours.length} neighbours\n`;
  io.stdout.write(json ? `${JSON.stringify({ path, pins, addresses, neighbours })}\n` : text);
  return EXIT.ok;
}

/** Attaches the program that takes off tunnel headers, or detaches it. @returns The exit code. */
export function decapsulate(
  options: {
    readonly interface: string;
    readonly address: readonly string[];
    readonly guePort: number;
    readonly vxlanPort: number;
    readonly pinPath: string;
    readonly off: boolean;
  },
  io: Io,
): number {
  const {
    interface: interfaceName,
    address: addresses,
    guePort,
    vxlanPort,
    pinPath,
    off,
  } = options;
  if (off) {
    const wasAttached = detachDecapsulation({ interfaceName, pinPath });
    io.stdout.write(`${interfaceName}: ${wasAttached ? 'detached' : 'nothing was attached'}\n`);
    return EXIT.ok;
  }
  attachDecapsulation({ interfaceName, addresses, guePort, vxlanPort, pinPath });
  io.stdout.write(`${interfaceName}: tunnels to ${addresses.join(', ')} end here\n`);
  return EXIT.ok;
}

/** Random frames through both builds and through a model of the path in TypeScript: all must agree. */
import { runOnCpu } from '@balancer/ebpf';
import { describe, expect, test } from 'vitest';
import { DROP_REASONS, fromMapAddress, STATES } from '../src/index.ts';
import { DataPlane } from '../tools/packets/data-plane.ts';
import { HOOKS, PacketHost, type Hook } from '../tools/packets/packet-host.ts';
import { PathModel } from './support/path-model.ts';
import { Draw, randomChange, randomFrame, randomSetup } from './support/random-traffic.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for bpf(2))';
const IS_LONG = process.env['BALANCER_TEST_LONG'] !== undefined;
const FRAMES = IS_LONG ? 100_000 : 2_000;
/** Frames through one set-up. */
const SEQUENCE = 250;
/** The long form looks for what nobody thought of. */
const SEED = Number(process.env['BALANCER_TEST_SEED'] ?? (IS_LONG ? Date.now() % 2 ** 32 : 1));

const names: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(STATES).map(([name, id]) => [id, name]),
);

/** What the maps say, in the words of the model. */
function stateOf({ loaded }: DataPlane): unknown {
  const flows = [...loaded.map('l4_ct').entries()].map(([key, flow]) => {
    const src = fromMapAddress(key.src);
    const dst = fromMapAddress(key.dst);
    const to = [
      fromMapAddress(flow.new_src),
      flow.new_sport,
      fromMapAddress(flow.new_dst),
      flow.new_dport,
    ];
    const tuple = `${src} ${key.sport} ${dst} ${key.dport}`;
    return `${tuple}: ${names[flow.state]} ${flow.backend - 1} ${flow.dir === 1} ${to.join(' ')}`;
  });
  const counters = [1, 2, 3].map((slot) => {
    const { active, inactive, persist } = loaded.map('l4_cnt').get(slot)!;
    return { active, inactive, persist };
  });
  const lips = [0, 1].map((index) => loaded.map('l4_lip').get(index)!.conns);
  const service = loaded.map('l4_scnt').get(1)!;
  return {
    flows: flows.toSorted(),
    counters,
    lips,
    conns: service.conns,
    halfOpen: service.half_open,
  };
}

function stateOfModel(model: PathModel, localAddresses: readonly string[]): unknown {
  const flows = [...model.flows].map(([key, { state, backend, isReply, to }]) => {
    const becomes = [to.src, to.sport, to.dst, to.dport].join(' ');
    return `${key}: ${state} ${backend} ${isReply} ${becomes}`;
  });
  const forward = [...model.flows.values()].filter(({ isReply }) => !isReply);
  const templates = [...model.templates.values()];
  return {
    flows: flows.toSorted(),
    counters: [0, 1, 2].map((i) => ({
      active: model.count(i, true),
      inactive: model.count(i, false),
      persist: templates.filter((backend) => backend === i).length,
    })),
    lips: [0, 1].map((i) => forward.filter(({ lip }) => lip && lip === localAddresses[i]).length),
    conns: forward.length,
    halfOpen: forward.filter(({ state }) => state === 'SYN_RECV').length,
  };
}

/** Dropped packets by reason. */
function dropsOf(plane: DataPlane): Record<string, number> {
  const counts = plane.drops();
  const reasons = Object.entries(DROP_REASONS).map(
    ([name, id]) => [name, Number(counts[id]!)] as const,
  );
  return Object.fromEntries(reasons.filter(([, count]) => count > 0));
}

/**
 * Sends a sequence of random frames; throws at the first that the two see differently.
 *
 * @returns How many were sent.
 */
function compare(seed: number, hook: Hook, host: PacketHost): number {
  const draw = new Draw(seed);
  const setup = randomSetup(draw);
  const plane = new DataPlane(setup, hook, host);
  const model = new PathModel(setup);
  const reasons = new Map<string, number>();
  try {
    for (let i = 0; i < SEQUENCE; i++) {
      if (draw.oneIn(20)) {
        const change = randomChange(draw);
        plane.change(change);
        model.change(change);
      }
      const frame = randomFrame(draw, setup);
      const wanted = model.process(frame);
      const { reason } = wanted;
      if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      const { verdict, data } = plane.send(frame);
      const output = wanted.data ?? (wanted.verdict === 'pass' ? frame : undefined);
      expect(
        { verdict, ...(output && { data: hex(data) }) },
        `${hook}, seed ${seed}, frame ${i}: ${hex(frame)}; ${JSON.stringify(setup)}`,
      ).toEqual({
        verdict: wanted.verdict,
        ...(output && { data: hex(output) }),
      });
    }
    expect(dropsOf(plane), `${hook}, seed ${seed}: drops`).toEqual(Object.fromEntries(reasons));
    expect(stateOf(plane), `${hook}, seed ${seed}: ${JSON.stringify(setup)}`).toEqual(
      stateOfModel(model, setup.localAddresses ?? []),
    );
    return SEQUENCE;
  } finally {
    plane.close();
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe.each(HOOKS)(`random frames, %s${NO_ROOT}`, (hook) => {
  test.skipIf(NO_ROOT !== '')(
    `${FRAMES} become what the model says, from seed ${SEED}`,
    () => {
      const host = new PacketHost();
      try {
        runOnCpu(() => {
          let sent = 0;
          for (let i = 0; sent < FRAMES; i++) sent += compare(SEED + i, hook, host);
          expect(sent).toBe(FRAMES);
        });
      } finally {
        host.close();
      }
    },
    600_000,
  );
});

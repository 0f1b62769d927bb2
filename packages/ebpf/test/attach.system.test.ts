import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { attachTc, attachXdp } from '../src/attach.ts';
import { mountBpfFilesystem, unmountBpfFilesystem } from '../src/bpf-filesystem.ts';
import { Link, linkTcx, linkXdp } from '../src/link.ts';
import { loadObject, type LoadedObject } from '../src/load-object.ts';
import { SyscallError } from '../src/errors.ts';
import { findLink, listLinks } from '../src/netlink/links.ts';
import { findXdp } from '../src/netlink/xdp-state.ts';
import { listBpfFilters } from '../src/netlink/traffic-control.ts';
import { BpfMap } from '../src/map.ts';
import { enableStatistics, Program } from '../src/program.ts';
import type { Selftest } from '../bpf/objects/selftest.types.ts';
import { selftestObject } from './support/objects.ts';
import { describeAsRoot, vethPair, type VethPair } from './support/root.ts';

describeAsRoot('attaching', () => {
  let pair: VethPair;
  let loaded: LoadedObject<Selftest>;

  beforeEach(() => {
    pair = vethPair();
    loaded = loadObject<Selftest>(selftestObject());
  });

  afterEach(() => {
    loaded.close();
    pair.close();
  });

  const xdpOn = (ifindex: number): number =>
    listLinks(pair.route).find((l) => l.ifindex === ifindex)!.xdpProgramId;
  const id = (name: Selftest['programs']): number => loaded.program(name).info().id;

  test.each(['link', 'netlink'] as const)('XDP by %s replaces and removes programs', (by) => {
    pair.namespace.run(() => {
      const program = loaded.program('stage_two');
      const attachment = attachXdp({ program, ifindex: pair.left, by });
      expect(xdpOn(pair.left)).toBe(id('stage_two'));
      attachment.update(loaded.program('record'));
      expect(xdpOn(pair.left)).toBe(id('record'));
      attachment.close();
      expect(xdpOn(pair.left)).toBe(0);
      attachment.close();
    });
  });

  test('takes the mode that is asked for', () => {
    pair.namespace.run(() => {
      const program = loaded.program('stage_two');
      const mode = (): string => findLink(pair.route, 'left')!.xdpMode;
      const native = attachXdp({ program, ifindex: pair.left, mode: 'native' });
      expect(mode()).toBe('native');
      native.close();
      const generic = attachXdp({ program, ifindex: pair.left, mode: 'generic' });
      expect(mode()).toBe('generic');
      generic.close();
    });
  });

  test.each(['link', 'netlink'] as const)('names the program that is in the way (%s)', (by) => {
    pair.namespace.run(() => {
      const first = attachXdp({ program: loaded.program('stage_two'), ifindex: pair.left });
      const again = (): unknown =>
        attachXdp({ program: loaded.program('record'), ifindex: pair.left, by });
      expect(again).toThrow(/EBUSY .*; program "stage_two" \(id \d+\) is attached there/);
      first.close();
    });
  });

  test('knows no program that has gone since its interface was listed', () => {
    pair.namespace.run(() => {
      const first = attachXdp({ program: loaded.program('stage_two'), ifindex: pair.left });
      expect(findXdp(pair.left)?.name).toBe('stage_two');
      const open = vi.spyOn(Program, 'fromId').mockImplementation(() => {
        throw new SyscallError('open program', constants.errno.ENOENT);
      });
      onTestFinished(() => open.mockRestore());
      expect(findXdp(pair.left)).toBeUndefined();
      first.close();
    });
  });

  test('notices when someone else replaced the program of a link', () => {
    pair.namespace.run(() => {
      const ours = linkXdp({ program: loaded.program('stage_two'), ifindex: pair.left });
      const theirs = sameLink(ours);
      theirs.update(loaded.program('record'));
      expect(() => ours.update(loaded.program('table'))).toThrow(
        /EPERM .*; program \d+ was attached/,
      );
      // The second call insists.
      ours.update(loaded.program('table'));
      expect(xdpOn(pair.left)).toBe(id('table'));
      ours.close();
      theirs.close();
    });
  });

  test('a pinned link outlives its process and is found again', () => {
    const directory = mkdtempSync(join(tmpdir(), 'balancer-bpffs-'));
    mountBpfFilesystem(directory);
    try {
      pair.namespace.run(() => {
        const program = loaded.program('stage_two');
        const link = linkXdp({ program, ifindex: pair.left });
        link.pin(join(directory, 'link'));
        link.close();
        expect(xdpOn(pair.left)).toBe(id('stage_two'));
        const again = Link.openPinned(join(directory, 'link'));
        expect(again.info()).toMatchObject({ programId: id('stage_two'), ifindex: pair.left });
        again.update(loaded.program('record'));
        expect(xdpOn(pair.left)).toBe(id('record'));
        again.detach();
        expect(xdpOn(pair.left)).toBe(0);
      });
    } finally {
      unmountBpfFilesystem(directory);
      rmSync(directory, { recursive: true });
    }
  });

  test('tc programs sit beside each other as TCX links', () => {
    pair.namespace.run(() => {
      const other = loadObject<Selftest>(selftestObject(), { programs: ['classify'] });
      const place = { ifindex: pair.left, direction: 'ingress' } as const;
      const last = linkTcx({ ...place, program: loaded.program('classify') });
      const first = linkTcx({ ...place, program: other.program('classify'), place: 'first' });
      expect(first.info()).toMatchObject({ type: 11, ifindex: pair.left });
      first.close();
      last.close();
      other.close();
    });
  });

  test('tc programs go to clsact over netlink', () => {
    pair.namespace.run(() => {
      const program = loaded.program('classify');
      const place = { program, ifindex: pair.left, direction: 'egress' } as const;
      const attachment = attachTc({ ...place, by: 'netlink' });
      const filters = (): unknown => listBpfFilters(pair.route, pair.left, 'egress');
      expect(filters()).toEqual([
        {
          ifindex: pair.left,
          handle: 1,
          priority: 1,
          name: 'classify',
          programId: id('classify'),
        },
      ]);
      attachment.update(program);
      attachment.close();
      expect(filters()).toEqual([]);
    });
  });

  test('says which interface is missing', () => {
    pair.namespace.run(() => {
      const program = loaded.program('stage_two');
      expect(() => attachXdp({ program, ifindex: 9999 })).toThrow(
        /^attach program stage_two to interface 9999 \(XDP, auto\): (ENODEV|EINVAL)/,
      );
    });
  });

  test('counts runs and their time while statistics are on', () => {
    const program = loaded.program('stage_two');
    const run = (): unknown => program.testRun({ data: new Uint8Array(60), repeat: 100 });
    const statistics = enableStatistics();
    run();
    statistics.close();
    const { runCount, runTimeNs } = program.info();
    expect(runCount).toBe(100n);
    expect(runTimeNs).toBeGreaterThan(0n);
    run();
    expect(program.info().runCount).toBe(100n);
  });
});

describeAsRoot('a handle that is lost', () => {
  test('is closed and reported when the collector finds it', async () => {
    const { collectGarbage } = await import('./support/gc.ts');
    const warned = new Promise<Error & { code?: string }>((resolve) => {
      // Not another one, which the runtime may have to say.
      process.on('warning', (each) => each.message.startsWith('map lost ') && resolve(each));
    });
    lose();
    // Finalizers run in a task of their own after a collection; try until the warning is there.
    const timer = setInterval(collectGarbage, 5);
    const warning = await warned;
    clearInterval(timer);
    expect(warning.message).toMatch(/^map lost \(file descriptor \d+\) was never closed$/);
    expect(warning.code).toBe('EBPF_LEAK');
  });
});

function lose(): void {
  BpfMap.create({ name: 'lost', type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 });
}

/** A second handle on the same link, as another process would have. */
function sameLink(link: Link): Link {
  return Link.fromId(link.info().id);
}

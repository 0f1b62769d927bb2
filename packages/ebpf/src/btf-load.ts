/**
 * Hands an object's BTF to the kernel. The compiler leaves sizes of sections and offsets of variables
 * open, because only the linker knows them; they are filled in here.
 *
 * @module
 */
import { BPF, BpfAttr, tryBpf } from './bpf-call.ts';
import type { Btf, BtfType } from './btf.ts';
import type { ElfObject, ElfSection } from './elf.ts';
import { ObjectError, VerifierError } from './errors.ts';
import { Handle } from './handle.ts';
import { variableOffsets } from './map-spec.ts';
import { Memory } from './memory.ts';
import type { ObjectFile } from './object.ts';
import { summarizeLog } from './verifier-log.ts';

const LOG_BYTES = 1 << 20;

/** Type information known to the kernel. */
export class LoadedBtf extends Handle {}

/**
 * Loads the BTF of an object.
 *
 * @throws {VerifierError} if the kernel rejects it; the message quotes the kernel.
 */
export function loadBtf(object: ObjectFile): LoadedBtf | undefined {
  if (object.btf === undefined) return undefined;
  const bytes = Memory.from(patchBtf(object.btf, object.elf));
  // A log pointer with level 0 is EINVAL: first without a log, on error again with level 1.
  const attr = new BpfAttr(28).pointer(0, bytes).u32(16, bytes.bytes.length);
  const fd = tryBpf(BPF.btfLoad, attr);
  if (fd >= 0) return new LoadedBtf(fd, 'BTF');
  const log = new Memory(LOG_BYTES);
  const result = tryBpf(BPF.btfLoad, attr.pointer(8, log).u32(20, LOG_BYTES).u32(24, 1));
  if (result >= 0) return new LoadedBtf(result, 'BTF');
  const text = Buffer.from(log.bytes.subarray(0, log.bytes.indexOf(0))).toString('latin1');
  const { reason, excerpt } = summarizeLog(text);
  throw new VerifierError(`load BTF: the kernel says: ${reason}\n${excerpt}`, {
    errno: -result,
    log: text,
  });
}

/** A copy of the BTF with section sizes and variable offsets filled in. */
export function patchBtf(btf: Btf, elf: ElfObject): Uint8Array {
  const bytes = btf.bytes.slice();
  const view = new DataView(bytes.buffer);
  for (const type of btf.types()) {
    if (type.kind !== 'section') continue;
    const section = elf.sections.find((s) => s.name === type.name);
    if (section === undefined) throw new ObjectError(`BTF names the missing section ${type.name}`);
    patchSection(btf, type, { view, elf, section });
  }
  return bytes;
}

function patchSection(
  btf: Btf,
  type: BtfType,
  target: { view: DataView; elf: ElfObject; section: ElfSection },
): void {
  const { view, elf, section } = target;
  const variables = btf.sectionVariables(type);
  const names = variables.map((v) => btf.type(v.type).name);
  const offsets = variableOffsets(elf, section, names);
  const patched = variables
    .map((v, i) => ({ ...v, offset: offsets[i] ?? v.offset }))
    .toSorted((a, b) => a.offset - b.offset);
  view.setUint32(type.at + 8, section.size, true);
  variables.forEach(({ at }, i) => {
    const { type: variable, offset, size } = patched[i]!;
    view.setUint32(at, variable, true);
    view.setUint32(at + 4, offset, true);
    view.setUint32(at + 8, size, true);
  });
}

/**
 * The types of a map's keys and values as the kernel knows them, from the BTF that the map was made with: to
 * read maps of another version of a program, whose object is not at hand.
 *
 * @module
 */
import { BPF, bpf, BpfAttr } from './bpf-call.ts';
import { Btf } from './btf.ts';
import { LoadedBtf } from './btf-load.ts';
import { type Codec, codecOf, u32Codec } from './codec.ts';
import { ObjectError } from './errors.ts';
import { type BpfMap, objectInfo } from './map.ts';
import { Memory } from './memory.ts';
import { type Shape, shapeOf } from './shape.ts';
import { TypedMap, valueCodecFor } from './typed-map.ts';

const BTF_INFO_BYTES = 32;

/** A map with the types that the kernel has for it. */
export interface KernelTypedMap {
  readonly typed: TypedMap<unknown, unknown>;
  /** `undefined` for maps that the kernel keeps no types of, such as maps of maps. */
  readonly key: Shape | undefined;
  readonly value: Shape | undefined;
}

/**
 * Reads the types of a map. Those of 4 bytes that the kernel has no types for are numbers.
 *
 * @throws {ObjectError} for others without types.
 */
export function kernelTypesOf(map: BpfMap): KernelTypedMap {
  const { btfId, keyType, valueType, keySize, valueSize } = map.info;
  const btf = btfId === 0 ? undefined : readKernelBtf(btfId);
  const shape = (type: number): Shape | undefined =>
    btf && type !== 0 ? shapeOf(btf, type) : undefined;
  const [key, value] = [shape(keyType), shape(valueType)];
  const codec = (of: Shape | undefined, bytes: number): Codec<unknown> => {
    if (of !== undefined) return codecOf(of);
    if (bytes === 4) return u32Codec;
    throw new ObjectError(`the kernel has no types for ${map.toString()}`);
  };
  const values = valueCodecFor(map, codec(value, valueSize));
  return { typed: new TypedMap(map, codec(key, keySize), values), key, value };
}

/** Type information that the kernel holds, by its number. */
function readKernelBtf(id: number): Btf {
  const what = `type information ${id}`;
  const handle = new LoadedBtf(bpf(BPF.btfById, new BpfAttr(12).u32(0, id), `open ${what}`), what);
  try {
    const size = objectInfo(handle.fd, BTF_INFO_BYTES, what).getUint32(8, true);
    const bytes = new Memory(size);
    const info = new Memory(BTF_INFO_BYTES);
    info.view.setBigUint64(0, bytes.address, true);
    info.view.setUint32(8, size, true);
    const attr = new BpfAttr(16).u32(0, handle.fd).u32(4, BTF_INFO_BYTES).pointer(8, info);
    bpf(BPF.objInfo, attr, `read ${what}`);
    return Btf.read(bytes.bytes.slice(), what);
  } finally {
    handle.close();
  }
}

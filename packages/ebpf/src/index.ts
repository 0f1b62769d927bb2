export { attachTc, attachXdp, TcNetlinkAttachment, XdpNetlinkAttachment } from './attach.ts';
export type { AttachBy, TcOptions, XdpOptions } from './attach.ts';
export { isBpfFilesystem, mountBpfFilesystem, unmountBpfFilesystem } from './bpf-filesystem.ts';
export { Btf } from './btf.ts';
export type { BtfKind, BtfMember, BtfType } from './btf.ts';
export { bytesCodec, codecOf, decode, encode, u32Codec } from './codec.ts';
export type { Codec } from './codec.ts';
export { kernelBtf } from './core.ts';
export { isClockKept } from './clock.ts';
export { possibleCpus, runOnCpu } from './cpu.ts';
export { DirectoryLock, lockDirectory } from './directory-lock.ts';
export { readElf } from './elf.ts';
export type { ElfObject, ElfSection, ElfSymbol } from './elf.ts';
export { describeTypes } from './describe-types.ts';
export {
  ClosedError,
  EbpfError,
  FormatError,
  ObjectError,
  SyscallError,
  ValueError,
  VerifierError,
} from './errors.ts';
export { readLinkSettings, readOffload, setOffload } from './ethtool.ts';
export type { LinkSettings, Offload } from './ethtool.ts';
export { gratuitousFrame } from './gratuitous.ts';
export { Handle } from './handle.ts';
export { formatIp, formatMac, parseIp, parseMac, tryParseIp } from './ip-address.ts';
export { checkLayout, layoutOf } from './layout.ts';
export type { ObjectLayout, TypeLayout } from './layout.ts';
export { Link, linkCgroup, linkTcx, linkXdp } from './link.ts';
export type { Attachment, Direction, LinkInfo, XdpMode } from './link.ts';
export { LoadedObject, loadObject } from './load-object.ts';
export type { LoadOptions, ObjectTypes } from './load-object.ts';
export type { MapSpec, VariableSpec } from './map-spec.ts';
export {
  BPF_F_INNER_MAP,
  BPF_F_MMAPABLE,
  BPF_F_NO_PREALLOC,
  BPF_F_RDONLY_PROG,
} from './map-type.ts';
export type { MapType } from './map-type.ts';
export { kernelTypesOf } from './kernel-types.ts';
export type { KernelTypedMap } from './kernel-types.ts';
export { BpfMap } from './map.ts';
export type { MapBatch, MapInfo, MapOptions, UpdateMode } from './map.ts';
export { PlatformError } from './native.ts';
export * from './netlink/index.ts';
export { NetworkNamespace } from './network-namespace.ts';
export { PacketSocket } from './packet-socket.ts';
export { buildFrame, buildIpv4, buildIpv6, checksum, pseudoHeader } from './packet.ts';
export type {
  FrameSpec,
  IcmpSpec,
  Ipv4Spec,
  Ipv6Spec,
  Payload,
  TcpFlag,
  TcpSpec,
  UdpSpec,
} from './packet.ts';
export { diffFrames, readFrame, wrongChecksums } from './packet-reader.ts';
export type { FrameFields } from './packet-reader.ts';
export { readObject } from './object.ts';
export type { FunctionSpec, ObjectFile, ProgramSpec } from './object.ts';
export type { ProgramType } from './program-type.ts';
export { enableStatistics, Program, tcContext, xdpContext } from './program.ts';
export type { ProgramInfo, ProgramOptions, TestRun, TestRunOptions } from './program.ts';
export { RingBuffer } from './ring-buffer.ts';
export type { RecordHandler } from './ring-buffer.ts';
export { shapeOf } from './shape.ts';
export type { Shape, StructShape } from './shape.ts';
export { perCpu, TypedMap } from './typed-map.ts';
export { Variable } from './variable.ts';
export type { VerifierStatistics } from './verifier-log.ts';

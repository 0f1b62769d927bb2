export { type InheritedListeners, openInherited, socketKey } from './inherited.ts';
export { type ListeningSocket, ProxyPlane, type ProxyPlaneOptions } from './plane.ts';
export { descriptorLimit } from './descriptors.ts';
export { BindError } from './listener.ts';
export { GrowingPlane, type GrowingPlaneOptions } from './workers/growing-plane.ts';
export type { Answer, InheritedDescriptor, Order, WorkerFacts } from './workers/protocol.ts';
export { WorkerHost, type WorkerHostOptions } from './workers/worker-host.ts';
export type { WorkerProcess } from './workers/worker-link.ts';
export { WorkersError, WorkersPlane, type WorkersPlaneOptions } from './workers/workers-plane.ts';

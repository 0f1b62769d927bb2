export { type InheritedHandle, InheritedListeners } from './inherited.ts';
export { type ListeningSocket, ProxyPlane, type ProxyPlaneOptions } from './plane.ts';
export { descriptorLimit } from './descriptors.ts';
export { BindError } from './listener.ts';

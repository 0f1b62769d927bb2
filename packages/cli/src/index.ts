export { main } from './program.ts';
export { type Io, type OutputStream, processIo } from './io.ts';

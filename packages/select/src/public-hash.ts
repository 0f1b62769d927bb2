export { fnv1_32, fnv1a32, murmur3 } from './hash.ts';

/**
 * The part of the Ethereum contract ABI that the Vault and its pools use: integers, addresses, booleans,
 * fixed and dynamic bytes, strings, dynamic arrays and tuples. Values are `bigint`, lower-case hex strings,
 * booleans, arrays and (for tuples) arrays in field order; decoded tuples are arrays as well.
 *
 * Source: Solidity documentation, "Contract ABI Specification".
 *
 * @module
 */
import { keccak_256 } from '@noble/hashes/sha3.js';

/** One parameter of a function, event or constructor as compilers write it. */
export interface AbiParameter {
  readonly name: string;
  readonly type: string;
  readonly components?: readonly AbiParameter[];
  readonly indexed?: boolean;
}

/** One entry of a contract's ABI. */
export interface AbiEntry {
  readonly type: string;
  readonly name?: string;
  readonly inputs?: readonly AbiParameter[];
  readonly outputs?: readonly AbiParameter[];
}

/** Anything that can be encoded. Integers may be given as `number` when they are small constants. */
export type AbiValue = bigint | number | boolean | string | readonly AbiValue[];

/** Anything that comes back. */
export type AbiResult = bigint | boolean | string | AbiResult[];

const WORD = 64;

/** Hex digits (without 0x) of the encoded values. */
export function encode(parameters: readonly AbiParameter[], values: readonly AbiValue[]): string {
  if (parameters.length !== values.length) {
    throw new Error(`expected ${parameters.length} values, got ${values.length}`);
  }
  let head = '';
  let tail = '';
  const headLength = parameters.reduce((sum, parameter) => sum + headSize(parameter), 0);
  parameters.forEach((parameter, index) => {
    const encoded = encodeOne(parameter, values[index]!);
    if (isDynamic(parameter)) {
      head += word(BigInt((headLength + tail.length) / 2));
      tail += encoded;
    } else {
      head += encoded;
    }
  });
  return head + tail;
}

/** Values that the hex digits (without 0x) hold. */
export function decode(parameters: readonly AbiParameter[], hex: string, base = 0): AbiResult[] {
  let cursor = base;
  return parameters.map((parameter) => {
    const at = isDynamic(parameter) ? base + Number(readWord(hex, cursor)) * 2 : cursor;
    cursor += headSize(parameter);
    return decodeOne(parameter, hex, at);
  });
}

/** `name(type,...)` with tuples spelled out, from which selectors and topics are hashed. */
export function signature(name: string, inputs: readonly AbiParameter[]): string {
  return `${name}(${inputs.map(typeName).join(',')})`;
}

/** Hex digits of the Keccak-256 hash of a text. */
export function keccakHex(text: string): string {
  return Buffer.from(keccak_256(Buffer.from(text))).toString('hex');
}

/** Parameter list from short type names, for encodings that no ABI file lists: `parametersOf('uint256', 'uint256[]')`. */
export function parametersOf(...types: readonly string[]): AbiParameter[] {
  return types.map((type) => ({ name: '', type }));
}

function typeName(parameter: AbiParameter): string {
  if (!parameter.type.startsWith('tuple')) return parameter.type;
  return `(${parameter.components!.map(typeName).join(',')})${parameter.type.slice('tuple'.length)}`;
}

function element(parameter: AbiParameter): AbiParameter | undefined {
  if (!parameter.type.endsWith('[]')) return undefined;
  return { ...parameter, type: parameter.type.slice(0, -2) };
}

function isDynamic(parameter: AbiParameter): boolean {
  const { type } = parameter;
  if (type === 'bytes' || type === 'string' || type.endsWith('[]')) return true;
  return type === 'tuple' && parameter.components!.some(isDynamic);
}

function headSize(parameter: AbiParameter): number {
  if (isDynamic(parameter) || parameter.type !== 'tuple') return WORD;
  return parameter.components!.reduce((sum, component) => sum + headSize(component), 0);
}

function encodeOne(parameter: AbiParameter, value: AbiValue): string {
  const item = element(parameter);
  if (item !== undefined) {
    const items = listOf(value);
    const body = encode(
      items.map(() => item),
      items,
    );
    return word(BigInt(items.length)) + body;
  }
  const { type } = parameter;
  if (type === 'tuple') return encode(parameter.components!, listOf(value));
  if (typeof value === 'object') throw new TypeError(`a list was given for ${type}`);
  if (type === 'string') return encodeBytes(Buffer.from(String(value)).toString('hex'));
  if (!type.startsWith('bytes')) return word(BigInt(value));
  const digits = String(value).replace(/^0x/u, '');
  return type === 'bytes' ? encodeBytes(digits) : digits.padEnd(WORD, '0');
}

function listOf(value: AbiValue): readonly AbiValue[] {
  if (typeof value !== 'object') throw new TypeError(`${String(value)} was given for a list`);
  return value;
}

function encodeBytes(hex: string): string {
  return word(BigInt(hex.length / 2)) + hex.padEnd(Math.ceil(hex.length / WORD) * WORD, '0');
}

function word(value: bigint): string {
  return BigInt.asUintN(256, value).toString(16).padStart(WORD, '0');
}

function readWord(hex: string, at: number): bigint {
  return BigInt(`0x${hex.slice(at, at + WORD)}`);
}

function decodeOne(parameter: AbiParameter, hex: string, at: number): AbiResult {
  const item = element(parameter);
  if (item !== undefined) {
    const length = Number(readWord(hex, at));
    return decode(
      Array.from({ length }, () => item),
      hex,
      at + WORD,
    );
  }
  const { type } = parameter;
  if (type === 'tuple') return decode(parameter.components!, hex, at);
  if (type === 'bytes' || type === 'string') {
    const length = Number(readWord(hex, at)) * 2;
    const digits = hex.slice(at + WORD, at + WORD + length);
    return type === 'bytes' ? `0x${digits}` : Buffer.from(digits, 'hex').toString();
  }
  if (type === 'address') return `0x${hex.slice(at + 24, at + WORD)}`;
  if (type === 'bool') return readWord(hex, at) !== 0n;
  if (type.startsWith('bytes')) return `0x${hex.slice(at, at + Number(type.slice(5)) * 2)}`;
  const value = readWord(hex, at);
  return type.startsWith('int') ? BigInt.asIntN(256, value) : value;
}

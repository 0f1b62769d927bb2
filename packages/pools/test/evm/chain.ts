/**
 * One in-process chain: deploy contracts at chosen addresses, call them at a chosen time and block, and
 * go back to any earlier position at once.
 *
 * @module
 */
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { createEVM, type EVM } from '@ethereumjs/evm';
import { Account, Address, createAddressFromString, createZeroAddress } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import {
  type AbiEntry,
  type AbiParameter,
  type AbiResult,
  type AbiValue,
  decode,
  encode,
  keccakHex,
  signature,
} from './abi.ts';
import type { Artifact } from './artifacts.ts';
import { speedUp } from './fast-interpreter.ts';
import { asText } from './values.ts';
import { UndoLogState } from './undo-log-state.ts';

/** A call that reverted: `code` is the reason text, or NO_DATA when there was none. */
export class EvmRevert extends Error {
  override readonly name = 'EvmRevert';
  readonly code: string;

  constructor(code: string) {
    super(`the call reverted with ${code}`);
    this.code = code;
  }
}

/** No gas was left, which is also what the interpreter says of a read past the returned data. */
export class EvmOutOfGas extends Error {
  override readonly name = 'EvmOutOfGas';
}

/** One decoded event. `args` are in declaration order, indexed or not. */
export interface ChainEvent {
  readonly address: string;
  readonly name: string;
  readonly args: AbiResult[];
}

/** What a successful call returned and emitted. */
export interface CallResult {
  readonly values: AbiResult[];
  readonly events: ChainEvent[];
}

/** Time and number of the next block, both settable at any moment. */
export interface ChainClock {
  time: bigint;
  block: bigint;
}

/** Nothing that is run here comes near it, so running out of gas is a fault of the harness. */
const GAS_LIMIT = 1n << 40n;
const ERROR_SELECTOR = '08c379a0';
const ERROR_PARAMETERS: readonly AbiParameter[] = [{ name: 'reason', type: 'string' }];

/** The EVM with its state. Every method that runs code leaves no trace when it reverts. */
export class Chain {
  readonly clock: ChainClock;
  private readonly evm: EVM;
  private readonly state: UndoLogState;
  private readonly events = new Map<string, { name: string; inputs: readonly AbiParameter[] }>();

  private constructor(evm: EVM, state: UndoLogState, clock: ChainClock) {
    this.evm = evm;
    this.state = state;
    this.clock = clock;
  }

  /** An empty chain under the rules of the London hard fork. */
  static async create(clock: ChainClock): Promise<Chain> {
    const state = new UndoLogState();
    const common = new Common({
      chain: Mainnet,
      hardfork: Hardfork.London,
      customCrypto: { keccak256: rememberedKeccak },
    });
    const evm = await createEVM({
      common,
      stateManager: state,
      allowUnlimitedContractSize: true,
      allowUnlimitedInitCodeSize: true,
    });
    // The rules of one hard fork never change, but the library looks them up at every instruction.
    const isActivated = common.isActivatedEIP.bind(common);
    const known = new Map<number, boolean>();
    common.isActivatedEIP = (eip) => {
      let answer = known.get(eip);
      if (answer === undefined) known.set(eip, (answer = isActivated(eip)));
      return answer;
    };
    const { runState } = await evm.runCode({ code: Uint8Array.of(0) });
    speedUp(runState!.interpreter);
    return new Chain(evm, state, clock);
  }

  /** Position to hand to `rollback`. */
  position(): number {
    return this.state.position();
  }

  /** Forgets everything that happened since `position`. The clock is the caller's to set back. */
  rollback(position: number): void {
    this.state.rollback(position);
  }

  /** Gives an account ether. */
  async fund(address: string, wei: bigint): Promise<void> {
    const account = (await this.state.getAccount(addressOf(address))) ?? new Account();
    account.balance += wei;
    await this.state.putAccount(addressOf(address), account);
  }

  /** Ether of an account, in wei. */
  async balance(address: string): Promise<bigint> {
    return (await this.state.getAccount(addressOf(address)))?.balance ?? 0n;
  }

  /** Number that changes whenever the storage of a contract changes. */
  version(address: string): number {
    return this.state.version(address);
  }

  /** One storage slot of a contract. */
  slot(address: string, key: string): bigint {
    return this.state.slot(address, key);
  }

  /**
   * Runs a constructor at `address` and keeps the code it returns there.
   *
   * @param creationCode - Linked code, hex digits without 0x.
   * @throws {EvmRevert} when the constructor reverts.
   */
  async deploy(
    address: string,
    { abi, creationCode }: Artifact,
    args: readonly AbiValue[],
    from: string,
  ): Promise<Contract> {
    const inputs = abi.find((entry) => entry.type === 'constructor')?.inputs ?? [];
    const to = addressOf(address);
    await this.state.checkpoint();
    await this.state.putAccount(to, new Account(1n));
    const result = await this.evm.runCode({
      code: Buffer.from(creationCode + encode(inputs, args), 'hex'),
      to,
      caller: addressOf(from),
      block: this.block(),
      gasLimit: GAS_LIMIT,
    });
    this.evm.journal.cleanJournal();
    if (result.exceptionError !== undefined) {
      await this.state.revert();
      throw revertOf(result.exceptionError.error, result.returnValue);
    }
    await this.state.putCode(to, result.returnValue);
    await this.state.commit();
    return this.at(address, abi);
  }

  /** A handle on code that is already there. */
  at(address: string, abi: readonly AbiEntry[]): Contract {
    for (const entry of abi) {
      if (entry.type !== 'event') continue;
      const inputs = entry.inputs ?? [];
      this.events.set(keccakHex(signature(entry.name!, inputs)), { name: entry.name!, inputs });
    }
    return new Contract(this, address.toLowerCase(), abi);
  }

  /** Runs one message call with raw data. @throws {EvmRevert} */
  async run(call: {
    readonly from: string;
    readonly to: string;
    readonly data: string;
    readonly value?: bigint;
  }): Promise<{ readonly output: string; readonly events: ChainEvent[] }> {
    const { execResult } = await this.evm.runCall({
      caller: addressOf(call.from),
      to: addressOf(call.to),
      data: Buffer.from(call.data, 'hex'),
      value: call.value ?? 0n,
      block: this.block(),
      gasLimit: GAS_LIMIT,
    });
    this.evm.journal.cleanJournal();
    if (execResult.exceptionError !== undefined) {
      throw revertOf(execResult.exceptionError.error, execResult.returnValue);
    }
    const output = Buffer.from(execResult.returnValue).toString('hex');
    const events = (execResult.logs ?? []).map((log) => this.decodeLog(log));
    return { output, events };
  }

  private block(): NonNullable<Parameters<EVM['runCall']>[0]['block']> {
    return {
      header: {
        number: this.clock.block,
        timestamp: this.clock.time,
        coinbase: createZeroAddress(),
        difficulty: 0n,
        prevRandao: new Uint8Array(32),
        gasLimit: GAS_LIMIT,
        baseFeePerGas: 0n,
        getBlobGasPrice: () => undefined,
      },
    };
  }

  private decodeLog([address, topics, data]: [Uint8Array, Uint8Array[], Uint8Array]): ChainEvent {
    const where = `0x${Buffer.from(address).toString('hex')}`;
    const [first, ...indexed] = topics.map((topic) => Buffer.from(topic).toString('hex'));
    const event = this.events.get(first ?? '');
    if (event === undefined) return { address: where, name: first ?? '', args: [] };
    const plain = decode(
      event.inputs.filter((input) => input.indexed !== true),
      Buffer.from(data).toString('hex'),
    );
    // Indexed arrays and strings are only hashes; none of the events here has one.
    const args = event.inputs.map((input) =>
      input.indexed === true ? decode([input], indexed.shift()!)[0]! : plain.shift()!,
    );
    return { address: where, name: event.name, args };
  }
}

/** A contract on a chain, with its functions called by name. */
export class Contract {
  readonly address: string;
  private readonly chain: Chain;
  private readonly functions = new Map<string, EncodedFunction>();
  private readonly recalled = new Map<string, { version: string; values: AbiResult[] }>();

  constructor(chain: Chain, address: string, abi: readonly AbiEntry[]) {
    this.chain = chain;
    this.address = address;
    for (const entry of abi) {
      if (entry.type !== 'function') continue;
      const inputs = entry.inputs ?? [];
      const full = signature(entry.name!, inputs);
      const found = {
        selector: keccakHex(full).slice(0, 8),
        inputs,
        outputs: entry.outputs ?? [],
      };
      this.functions.set(full, found);
      if (!this.functions.has(entry.name!)) this.functions.set(entry.name!, found);
    }
  }

  /** Whether the contract has a function of this name or full signature. */
  has(name: string): boolean {
    return this.functions.has(name);
  }

  /** First four bytes of the call data of a function, eight hex digits. */
  selector(name: string): string {
    return this.function(name).selector;
  }

  /**
   * Calls a function as `from`, for good.
   *
   * @param name - Name, or the full signature where a name is overloaded.
   * @throws {EvmRevert}
   */
  async send(
    from: string,
    name: string,
    args: readonly AbiValue[] = [],
    value = 0n,
  ): Promise<CallResult> {
    const { selector, inputs, outputs } = this.function(name);
    const data = selector + encode(inputs, args);
    const { output, events } = await this.chain.run({ from, to: this.address, data, value });
    return { values: decode(outputs, output), events };
  }

  /** What a call would return, leaving no trace. @throws {EvmRevert} */
  async read(name: string, args: readonly AbiValue[] = [], from = ZERO): Promise<AbiResult[]> {
    const position = this.chain.position();
    try {
      return (await this.send(from, name, args)).values;
    } finally {
      this.chain.rollback(position);
    }
  }

  /**
   * What a view returns that depends on nothing but the contract's own storage (and on `moment`, when
   * given): asked again only after one of them has changed.
   */
  async recall(name: string, args: readonly AbiValue[] = [], moment = 0n): Promise<AbiResult[]> {
    const key = `${name} ${args.join()}`;
    const version = `${this.chain.version(this.address)} ${moment}`;
    const kept = this.recalled.get(key);
    if (kept?.version === version) return kept.values;
    const values = await this.read(name, args);
    this.recalled.set(key, { version, values });
    return values;
  }

  private function(name: string): EncodedFunction {
    const found = this.functions.get(name);
    if (found === undefined) throw new Error(`the contract has no function ${name}`);
    return found;
  }
}

/** Storage key of `mapping(key => ...)` that stands at `slot`; nest calls for nested mappings. */
export function mappingKey(key: string, slot: bigint | string): string {
  const words = key.slice(2).padStart(64, '0') + BigInt(slot).toString(16).padStart(64, '0');
  return `0x${Buffer.from(rememberedKeccak(Buffer.from(words, 'hex'))).toString('hex')}`;
}

/** The zero address. */
export const ZERO = `0x${'0'.repeat(40)}`;

interface EncodedFunction {
  readonly selector: string;
  readonly inputs: readonly AbiParameter[];
  readonly outputs: readonly AbiParameter[];
}

const hashes = new Map<string, Uint8Array>();

/** Keccak-256 that remembers short inputs, which are the mapping keys hashed again at every call. */
function rememberedKeccak(message: Uint8Array): Uint8Array {
  if (message.length > 64) return keccak_256(message);
  const key = Buffer.from(message.buffer, message.byteOffset, message.length).toString('latin1');
  let hash = hashes.get(key);
  if (hash === undefined) {
    // Bounded: a long run over many scenarios meets ever new addresses.
    if (hashes.size > 100_000) hashes.clear();
    hashes.set(key, (hash = keccak_256(message)));
  }
  return hash;
}

const addresses = new Map<string, Address>();

function addressOf(hex: string): Address {
  let address = addresses.get(hex);
  if (address === undefined) {
    address = createAddressFromString(hex);
    addresses.set(hex, address);
  }
  return address;
}

function revertOf(kind: string, returnValue: Uint8Array): Error {
  if (kind === 'out of gas') return new EvmOutOfGas('the call ran out of gas');
  const hex = Buffer.from(returnValue).toString('hex');
  if (!hex.startsWith(ERROR_SELECTOR)) return new EvmRevert('NO_DATA');
  return new EvmRevert(asText(decode(ERROR_PARAMETERS, hex.slice(8))[0]));
}

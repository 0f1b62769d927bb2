/**
 * World state of the in-process EVM with an undo log: a checkpoint is one number, and reverting costs
 * what was written since. The state manager that comes with the EVM copies every map at each message
 * call, which is half of the run time once a pool holds a thousand price samples.
 *
 * @module
 */
import type { AccountFields, StateManagerInterface } from '@ethereumjs/common';
import { Account, type Address, bytesToHex } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';

const NO_BYTES = new Uint8Array(0);

export class UndoLogState implements StateManagerInterface {
  private readonly accounts = new Map<string, Account>();
  private readonly code = new Map<string, Uint8Array>();
  private readonly storage = new Map<string, Map<string, Uint8Array>>();
  private readonly versions = new Map<string, number>();
  private readonly undo: (() => void)[] = [];
  private readonly marks: number[] = [];

  /** Gas refunds are not compared, so the value at the start of a transaction is read as the present one. */
  readonly originalStorageCache: {
    get(address: Address, key: Uint8Array): Promise<Uint8Array>;
    clear(): void;
  } = { get: (address, key) => this.getStorage(address, key), clear: () => undefined };

  /** Position to hand to `rollback`; stays valid until the state is rolled back to an earlier one. */
  position(): number {
    return this.undo.length;
  }

  /** Undoes everything written since `position`, newest first. */
  rollback(position: number): void {
    while (this.undo.length > position) this.undo.pop()!();
  }

  /**
   * Number that changes whenever the storage of a contract changes, so that what a view returned can be
   * kept while the number stays.
   */
  version(address: string): number {
    return this.versions.get(address) ?? 0;
  }

  /** One storage slot, zero when never written. `key` is 0x and 64 digits. */
  slot(address: string, key: string): bigint {
    const bytes = this.storage.get(address)?.get(key);
    if (bytes === undefined || bytes.length === 0) return 0n;
    return BigInt(bytesToHex(bytes));
  }

  async getAccount(address: Address): Promise<Account | undefined> {
    const account = this.accounts.get(address.toString());
    if (account === undefined) return undefined;
    return new Account(
      account.nonce,
      account.balance,
      account.storageRoot,
      account.codeHash,
      account.codeSize,
    );
  }

  async putAccount(address: Address, account?: Account): Promise<void> {
    write(this.accounts, this.undo, address.toString(), account);
  }

  async deleteAccount(address: Address): Promise<void> {
    write(this.accounts, this.undo, address.toString(), undefined);
  }

  async modifyAccountFields(address: Address, fields: AccountFields): Promise<void> {
    const account = (await this.getAccount(address)) ?? new Account();
    account.nonce = fields.nonce ?? account.nonce;
    account.balance = fields.balance ?? account.balance;
    account.codeHash = fields.codeHash ?? account.codeHash;
    await this.putAccount(address, account);
  }

  async putCode(address: Address, value: Uint8Array): Promise<void> {
    write(this.code, this.undo, address.toString(), value);
    await this.modifyAccountFields(address, { codeHash: keccak_256(value) });
  }

  async getCode(address: Address): Promise<Uint8Array> {
    return this.code.get(address.toString()) ?? NO_BYTES;
  }

  async getCodeSize(address: Address): Promise<number> {
    return (await this.getCode(address)).length;
  }

  async getStorage(address: Address, key: Uint8Array): Promise<Uint8Array> {
    return this.storage.get(address.toString())?.get(bytesToHex(key)) ?? NO_BYTES;
  }

  async putStorage(address: Address, key: Uint8Array, value: Uint8Array): Promise<void> {
    const owner = address.toString();
    let slots = this.storage.get(owner);
    if (slots === undefined) this.storage.set(owner, (slots = new Map()));
    const bump = (): void => void this.versions.set(owner, this.version(owner) + 1);
    this.undo.push(bump);
    bump();
    write(slots, this.undo, bytesToHex(key), value);
  }

  async clearStorage(address: Address): Promise<void> {
    write(this.storage, this.undo, address.toString(), undefined);
  }

  async checkpoint(): Promise<void> {
    this.marks.push(this.undo.length);
  }

  async commit(): Promise<void> {
    this.marks.pop();
  }

  async revert(): Promise<void> {
    this.rollback(this.marks.pop()!);
  }

  clearCaches(): void {}

  shallowCopy(): StateManagerInterface {
    throw new Error('this state goes back with rollback, it is never copied');
  }

  getStateRoot(): Promise<Uint8Array> {
    return Promise.reject(new Error('this state has no root'));
  }

  setStateRoot(): Promise<void> {
    return Promise.reject(new Error('this state has no root'));
  }

  hasStateRoot(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

function write<V>(
  map: Map<string, V>,
  undo: (() => void)[],
  key: string,
  value: V | undefined,
): void {
  const before = map.get(key);
  undo.push(() => void (before === undefined ? map.delete(key) : map.set(key, before)));
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

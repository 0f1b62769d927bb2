/**
 * A step of a scenario together with the deployed contracts that it is about.
 *
 * @module
 */
import type { AbiResult, AbiValue } from './abi.ts';
import { type Contract, ZERO } from './chain.ts';
import { ADMIN, authorize, type DeployedPool, type Deployment } from './deployment.ts';
import { ACCOUNTS, ACTORS, type Outcome, type Step } from './scenario.ts';
import { asFields, asFlag, asInteger, asIntegers, asList, asText, asTexts } from './values.ts';

/** Runs one kind of step. */
export type Handler = (context: StepContext) => Promise<Outcome>;

/** Readers for the fields of a step, and calls in the name of who acts in it. */
export class StepContext {
  readonly d: Deployment;
  readonly step: Step;
  /** Address that acts. */
  readonly from: string;

  constructor(deployment: Deployment, step: Step) {
    this.d = deployment;
    this.step = step;
    this.from = accountOf(step.from ?? 'alice');
  }

  /** The pool that the step names. */
  get pool(): DeployedPool {
    return this.poolNamed(this.text('pool'));
  }

  poolNamed(name: string): DeployedPool {
    const pool = this.d.pools.get(name);
    if (pool === undefined) throw new Error(`no pool ${name}`);
    return pool;
  }

  has(field: string): boolean {
    return this.step[field] !== undefined;
  }

  text(field: string): string {
    return asText(this.step[field]);
  }

  flag(field: string): boolean {
    return this.has(field) && asFlag(this.step[field]);
  }

  integer(field: string, otherwise = 0n): bigint {
    return this.has(field) ? asInteger(this.step[field]) : otherwise;
  }

  integers(field: string): bigint[] {
    return asIntegers(this.step[field]);
  }

  texts(field: string): string[] {
    return asTexts(this.step[field]);
  }

  /** A list of objects, such as the hops of a batch swap. */
  entries(field: string): Readonly<Record<string, unknown>>[] {
    return asList(this.step[field]).map(asFields);
  }

  /** Address of a token, of a pool's own token, of ETH or of the zero token. */
  readonly token = (sym: string): string => {
    if (sym === 'ETH' || sym === 'ZERO') return ZERO;
    const token = this.d.tokens.get(sym) ?? this.d.pools.get(sym)?.contract;
    if (token === undefined) throw new Error(`no token ${sym}`);
    return token.address;
  };

  /** Addresses of the tokens that a field lists by symbol. */
  tokens(field: string): string[] {
    return this.texts(field).map((sym) => this.token(sym));
  }

  /** Symbol of a token address. */
  symbol(address: unknown): string {
    for (const [sym, token] of this.d.tokens) if (token.address === address) return sym;
    for (const [name, pool] of this.d.pools) if (pool.contract.address === address) return name;
    return 'ETH';
  }

  /** Who a step names in `field`, or the acting account. */
  account(field: string): string {
    return this.has(field) ? accountOf(this.text(field)) : this.from;
  }

  /** Sends a call of the acting account to the pool. */
  async poolCall(name: string, ...args: AbiValue[]): Promise<AbiResult[]> {
    return (await this.pool.contract.send(this.from, name, args)).values;
  }

  /** Sends a call that only an authorised account may make. */
  async adminCall(contract: Contract, name: string, ...args: AbiValue[]): Promise<void> {
    await authorize(this.d, contract, name);
    await contract.send(ADMIN, name, args);
  }
}

/** Address of an actor by name. */
export function accountOf(name: unknown): string {
  const actor = ACTORS.find((known) => known === name);
  if (actor === undefined) throw new Error(`no account ${String(name)}`);
  return ACCOUNTS[actor];
}

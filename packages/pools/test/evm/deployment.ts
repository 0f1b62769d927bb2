/* oxlint-disable no-await-in-loop -- one chain runs one call after the other */
/**
 * The contracts of a scenario: Vault, Authorizer and fee provider (shared by all scenarios that start
 * with the same parameters), then tokens, rate providers and pools.
 *
 * @module
 */
import { type AbiEntry, type AbiValue, parametersOf } from './abi.ts';
import { type Artifact, artifact, double, interfaceOf, link } from './artifacts.ts';
import { Chain, type Contract, ZERO } from './chain.ts';
import {
  constructorArguments,
  POOL_BUFFER_PERIOD,
  POOL_PAUSE_WINDOW,
} from './pool-constructors.ts';
import {
  ACCOUNTS,
  ACTORS,
  FORTUNE,
  type PoolKind,
  type PoolSpec,
  type Scenario,
} from './scenario.ts';
import { asText, asTexts } from './values.ts';

/** Holds the roles of the Authorizer. */
export const ADMIN = '0xadadadadadadadadadadadadadadadadadadada0';
/** Address of the Vault. */
export const VAULT = '0xba12222222228d8ba445958a75a0704d566bf2c8';
/** Address of the collector of protocol fees, which the Vault creates. */
export const COLLECTOR = '0xce88686553686da562ce7cea497ce749da109f9f';
const AUTHORIZER = '0xa331d84ec860bf466b4cdccfb4ac09a1b43f3ae6';
/** Address of the wrapped ether double. */
export const WETH = '0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2';
const FEE_PROVIDER = '0x97207b095e4d5c9a6e4cfbfcd2c3358e03b90c4a';
const HELPERS = '0x5addcca35b7a0d07c74063c48700c8590e87864e';
/** Address of the borrower of flash loans. */
export const BORROWER = '0xf1a5000000000000000000000000000000000001';
const QUERY_PROCESSOR = '0x4c00000000000000000000000000000000000001';
const CIRCUIT_BREAKER_LIB = '0x4c00000000000000000000000000000000000002';
const ADD_REMOVE_LIB = '0x4c00000000000000000000000000000000000003';
const MANAGED_POOL_FACTORY = '0x4c00000000000000000000000000000000000004';
const POOL_FACTORY = '0x4c00000000000000000000000000000000000005';

const MAX_YIELD_FEE = 10n ** 18n / 2n;
const MAX_AUM_FEE = 10n ** 18n / 2n;
const FEE_TYPE_YIELD = 2n;
const FEE_TYPE_AUM = 3n;

/** The collector is created by the Vault, so the package lists no ABI of its own for it. */
const COLLECTOR_ABI: readonly AbiEntry[] = [
  { name: 'setSwapFeePercentage', inputs: ['uint256'], outputs: [] },
  { name: 'setFlashLoanFeePercentage', inputs: ['uint256'], outputs: [] },
  { name: 'getSwapFeePercentage', inputs: [], outputs: ['uint256'] },
  { name: 'getFlashLoanFeePercentage', inputs: [], outputs: ['uint256'] },
  { name: 'getActionId', inputs: ['bytes4'], outputs: ['bytes32'] },
].map(({ name, inputs, outputs }) => ({
  type: 'function',
  name,
  inputs: parametersOf(...inputs),
  outputs: parametersOf(...outputs),
}));

/** What relayers do in the name of others. */
const RELAYED = [
  'swap',
  'batchSwap',
  'joinPool',
  'exitPool',
  'manageUserBalance',
  'setRelayerApproval',
];

type Arguments = readonly AbiValue[];

/** One deployed pool of a scenario. */
export interface DeployedPool {
  readonly spec: PoolSpec;
  readonly contract: Contract;
  readonly poolId: string;
  /** Registered tokens as symbols, in the Vault's order; the pool's own token has the pool's name. */
  registered: readonly string[];
  /** Rate providers by token symbol. */
  readonly rateProviders: ReadonlyMap<string, Contract>;
}

/** The contracts that every scenario has. */
export interface Base {
  readonly chain: Chain;
  readonly vault: Contract;
  readonly authorizer: Contract;
  readonly collector: Contract;
  readonly feeProvider: Contract;
  readonly weth: Contract;
  readonly borrower: Contract;
  /** Answers what a join or an exit would give. */
  readonly helpers: Contract;
  /** Address of the maths library contract that managed pools call. */
  readonly weightedMath: string;
}

/** Everything of one scenario. */
export interface Deployment extends Base {
  readonly tokens: ReadonlyMap<string, Contract>;
  readonly pools: ReadonlyMap<string, DeployedPool>;
  /** Whether the Vault holds tokens that belong to no pool of the scenario. */
  readonly surplus: boolean;
}

type ChainParameters = Pick<
  Scenario,
  'startTime' | 'startBlock' | 'pauseWindowDuration' | 'bufferPeriodDuration'
>;

/** Deploys what does not depend on the scenario's tokens and pools. */
export async function deployBase(parameters: ChainParameters): Promise<Base> {
  const chain = await Chain.create({
    time: BigInt(parameters.startTime),
    block: BigInt(parameters.startBlock),
  });
  const deploy = (address: string, found: Artifact, ...args: AbiValue[]): Promise<Contract> =>
    chain.deploy(address, found, args, ADMIN);

  const weth = await deploy(WETH, double('WrappedEther'));
  const authorizer = await deploy(AUTHORIZER, artifact('20210418-authorizer', 'Authorizer'), ADMIN);
  const vault = await deploy(
    VAULT,
    artifact('20210418-vault', 'Vault'),
    AUTHORIZER,
    WETH,
    BigInt(parameters.pauseWindowDuration),
    BigInt(parameters.bufferPeriodDuration),
  );
  const [collectorAddress] = await vault.read('getProtocolFeesCollector');
  if (collectorAddress !== COLLECTOR)
    throw new Error(`the collector is at ${String(collectorAddress)}`);
  const collector = chain.at(COLLECTOR, COLLECTOR_ABI);
  // carol may act for others who approve her.
  for (const name of RELAYED) {
    const [action] = await vault.read('getActionId', [vault.selector(name)]);
    await authorizer.send(ADMIN, 'grantRole', [asText(action), ACCOUNTS.carol]);
  }
  const feeProvider = await deploy(
    FEE_PROVIDER,
    artifact('20220725-protocol-fee-percentages-provider', 'ProtocolFeePercentagesProvider'),
    VAULT,
    MAX_YIELD_FEE,
    MAX_AUM_FEE,
  );
  const borrower = await deploy(BORROWER, double('FlashBorrower'));
  const helpers = await deploy(HELPERS, artifact('20210418-vault', 'BalancerHelpers'), VAULT);
  await deploy(QUERY_PROCESSOR, artifact('deprecated/20210727-meta-stable-pool', 'QueryProcessor'));
  await deploy(
    CIRCUIT_BREAKER_LIB,
    artifact('deprecated/20221021-managed-pool', 'CircuitBreakerLib'),
  );
  await deploy(
    ADD_REMOVE_LIB,
    artifact('deprecated/20221021-managed-pool', 'ManagedPoolAddRemoveTokenLib'),
  );
  const managedFactory = await deploy(
    MANAGED_POOL_FACTORY,
    linked('deprecated/20221021-managed-pool', 'ManagedPoolFactory'),
    VAULT,
    FEE_PROVIDER,
  );
  const [weightedMath] = await managedFactory.read('getWeightedMath');
  for (const actor of ACTORS) {
    await chain.fund(ACCOUNTS[actor], 2n * FORTUNE);
    await weth.send(ACCOUNTS[actor], 'deposit', [], FORTUNE);
  }
  return {
    chain,
    vault,
    authorizer,
    collector,
    feeProvider,
    weth,
    borrower,
    helpers,
    weightedMath: asText(weightedMath),
  };
}

/** Deploys the tokens and pools of a scenario and sets the protocol fees. */
export async function deployScenario(base: Base, scenario: Scenario): Promise<Deployment> {
  const { chain, collector, feeProvider } = base;
  const fees: [Contract, string, bigint[]][] = [
    [collector, 'setSwapFeePercentage', [BigInt(scenario.protocolSwapFee)]],
    [collector, 'setFlashLoanFeePercentage', [BigInt(scenario.flashLoanFee ?? 0)]],
    [feeProvider, 'setFeeTypePercentage', [FEE_TYPE_YIELD, BigInt(scenario.protocolYieldFee ?? 0)]],
    [feeProvider, 'setFeeTypePercentage', [FEE_TYPE_AUM, BigInt(scenario.protocolAumFee ?? 0)]],
  ];
  for (const [contract, name, args] of fees) {
    if (args.at(-1) === 0n) continue;
    await authorize(base, contract, name);
    await contract.send(ADMIN, name, args);
  }

  // What managers have taken out is missing from the Vault. Tokens of other pools stand in for it, as on
  // the real chain, so that a pool's own accounts say that its cash is short and not the token.
  const surplus = scenario.pools.some((pool) => pool.assetManagers !== undefined);
  const tokens = new Map<string, Contract>([['WETH', base.weth]]);
  const linear = scenario.pools.filter((pool) => pool.wrapped !== undefined);
  for (const { sym, decimals, address } of scenario.tokens) {
    const pool = linear.find(({ wrapped }) => wrapped === sym);
    const main = scenario.tokens.find((token) => token.sym === pool?.main);
    const contract =
      pool === undefined
        ? await chain.deploy(address, double('Token'), [decimals], ADMIN)
        : await chain.deploy(
            address,
            double('WrappedToken'),
            [decimals, main!.address, BigInt(pool.wrappedRate!)],
            ADMIN,
          );
    tokens.set(sym, contract);
    for (const actor of ACTORS) await contract.send(ADMIN, 'mint', [ACCOUNTS[actor], FORTUNE]);
    await contract.send(ADMIN, 'mint', [base.borrower.address, FORTUNE]);
    if (surplus) await contract.send(ADMIN, 'mint', [base.vault.address, FORTUNE]);
  }

  const pools = new Map<string, DeployedPool>();
  for (const spec of scenario.pools) pools.set(spec.name, await deployPool(base, tokens, spec));
  return { ...base, tokens, pools, surplus };
}

/** Lets the administrator call a guarded function. */
export async function authorize(base: Base, contract: Contract, name: string): Promise<void> {
  const [action] = await contract.read('getActionId', [contract.selector(name)]);
  await base.authorizer.send(ADMIN, 'grantRole', [asText(action), ADMIN]);
}

async function deployPool(
  base: Base,
  tokens: ReadonlyMap<string, Contract>,
  spec: PoolSpec,
): Promise<DeployedPool> {
  const rateProviders = new Map<string, Contract>();
  const addresses: string[] = [];
  for (const [index, sym] of spec.tokens.entries()) {
    const rate = BigInt(spec.rates?.[index] ?? 0);
    if (rate === 0n) {
      addresses.push(ZERO);
      continue;
    }
    const address = `0x7a7e${spec.address.slice(2, 36)}${index.toString(16).padStart(2, '0')}`;
    const provider = await base.chain.deploy(address, double('RateProvider'), [rate], ADMIN);
    rateProviders.set(sym, provider);
    addresses.push(provider.address);
  }
  const args = constructorArguments(spec, {
    vault: base.vault.address,
    feeProvider: base.feeProvider.address,
    weightedMath: base.weightedMath,
    tokens: spec.tokens.map((sym) => tokens.get(sym)!.address),
    rateProviders: addresses,
  });
  const contract = await base.chain.deploy(
    spec.address,
    await poolArtifact(base, spec.type),
    args,
    ADMIN,
  );
  const poolId = asText((await contract.read('getPoolId'))[0]);
  const pool: DeployedPool = { spec, contract, poolId, registered: [], rateProviders };
  await refreshRegistered(base, tokens, pool);
  return pool;
}

/** Reads again which tokens a pool has, after it has added or removed one. */
export async function refreshRegistered(
  base: Base,
  tokens: ReadonlyMap<string, Contract>,
  pool: DeployedPool,
): Promise<void> {
  const [listed] = await base.vault.read('getPoolTokens', [pool.poolId]);
  const symbols = new Map([...tokens].map(([sym, token]) => [token.address, sym]));
  symbols.set(pool.contract.address, pool.spec.name);
  pool.registered = asTexts(listed).map((address) => symbols.get(address)!);
}

interface Source {
  readonly task: string;
  readonly contract: string;
  /** Some pools come only inside their factory. */
  readonly factory?: { readonly contract: string; readonly args: (base: Base) => Arguments };
  /** Task and contract whose interface a pool has that was published without its own. */
  readonly abi?: readonly [task: string, contract: string];
}

/** Where the bytecode of a kind of pool is. */
const SOURCES: Readonly<Record<PoolKind, Source>> = {
  'weighted-1': { task: 'deprecated/20210418-weighted-pool', contract: 'WeightedPool' },
  'weighted2tokens-1': {
    task: 'deprecated/20210418-weighted-pool',
    contract: 'WeightedPool2Tokens',
  },
  'weighted-2': { task: '20220908-weighted-pool-v2', contract: 'WeightedPool' },
  'weighted-3': { task: '20230206-weighted-pool-v3', contract: 'WeightedPool' },
  'lbp-1': {
    task: 'deprecated/20210721-liquidity-bootstrapping-pool',
    contract: 'LiquidityBootstrappingPool',
  },
  'lbp-1-no-protocol-fee': {
    task: '20211202-no-protocol-fee-lbp',
    contract: 'NoProtocolFeeLiquidityBootstrappingPool',
    factory: {
      contract: 'NoProtocolFeeLiquidityBootstrappingPoolFactory',
      args: ({ vault }) => [vault.address],
    },
  },
  'investment-1': { task: 'deprecated/20210907-investment-pool', contract: 'InvestmentPool' },
  'managed-1': { task: 'deprecated/20221021-managed-pool', contract: 'ManagedPool' },
  'stable-1': { task: 'deprecated/20210624-stable-pool', contract: 'StablePool' },
  'stable-2': {
    task: '20220609-stable-pool-v2',
    contract: 'StablePool',
    factory: { contract: 'StablePoolFactory', args: ({ vault }) => [vault.address] },
  },
  'metastable-1': { task: 'deprecated/20210727-meta-stable-pool', contract: 'MetaStablePool' },
  'phantom-1': { task: 'deprecated/20211208-stable-phantom-pool', contract: 'StablePhantomPool' },
  'composable-1': { task: '20220906-composable-stable-pool', contract: 'ComposableStablePool' },
  'composable-2': {
    task: '20221122-composable-stable-pool-v2',
    contract: 'ComposableStablePool',
    factory: {
      contract: 'ComposableStablePoolFactory',
      args: ({ vault, feeProvider }) => [vault.address, feeProvider.address, '', ''],
    },
    abi: ['20230206-composable-stable-pool-v3', 'ComposableStablePool'],
  },
  'composable-3': { task: '20230206-composable-stable-pool-v3', contract: 'ComposableStablePool' },
  'linear-1': { task: 'deprecated/20211208-aave-linear-pool', contract: 'AaveLinearPool' },
  'linear-2': { task: '20220404-erc4626-linear-pool-v2', contract: 'ERC4626LinearPool' },
  'linear-3': {
    task: '20230206-erc4626-linear-pool-v3',
    contract: 'ERC4626LinearPool',
    factory: {
      contract: 'ERC4626LinearPoolFactory',
      args: ({ vault, feeProvider, helpers }) => [
        vault.address,
        feeProvider.address,
        helpers.address,
        '',
        '',
        POOL_PAUSE_WINDOW,
        POOL_BUFFER_PERIOD,
      ],
    },
    abi: ['20230213-yearn-linear-pool', 'YearnLinearPool'],
  },
};

const creationCodes = new Map<PoolKind, Artifact>();

async function poolArtifact(base: Base, kind: PoolKind): Promise<Artifact> {
  let found = creationCodes.get(kind);
  if (found !== undefined) return found;
  const { task, contract, factory, abi = [task, contract] } = SOURCES[kind];
  if (factory === undefined) {
    found = linked(task, contract);
  } else {
    const position = base.chain.position();
    const deployed = await base.chain.deploy(
      POOL_FACTORY,
      artifact(task, factory.contract),
      factory.args(base),
      ADMIN,
    );
    const [code] = await deployed.read('getCreationCode');
    base.chain.rollback(position);
    found = { abi: interfaceOf(...abi), creationCode: asText(code).slice(2) };
  }
  creationCodes.set(kind, found);
  return found;
}

function linked(task: string, contract: string): Artifact {
  const found = artifact(task, contract);
  const creationCode = link(found.creationCode, {
    '@balancer-labs/v2-pool-utils/contracts/oracle/QueryProcessor.sol:QueryProcessor':
      QUERY_PROCESSOR,
    'contracts/lib/CircuitBreakerLib.sol:CircuitBreakerLib': CIRCUIT_BREAKER_LIB,
    'contracts/managed/ManagedPoolAddRemoveTokenLib.sol:ManagedPoolAddRemoveTokenLib':
      ADD_REMOVE_LIB,
  });
  return { abi: found.abi, creationCode };
}

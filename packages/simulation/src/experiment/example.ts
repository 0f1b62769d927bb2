/**
 * What `balancer sim new` writes.
 *
 * @module
 */

/** A commented experiment that runs in a few seconds. */
export const EXAMPLE_EXPERIMENT: string = `# Which fee for an 80/20 pool? Run it with: balancer sim run <this file>
name = "which-fee"
seed = 7                  # the same seed gives the same bytes
mode = "float"            # "exact" computes every amount as the contracts do
runs = 10                 # repetitions of every point of the sweep

[pool]
kind = "weighted-3"       # or v1, v1-elastic, lbp-2, managed-2, stable-1, composable-5 ...
tokens = ["WETH", "USDC"]
weights = [0.8, 0.2]
value = 10_000_000        # in the quote currency; or balances = [..] in whole tokens
swapFee = 0.003

[time]
step = "5m"
steps = 5_000

# Tokens without a price are cash: they stay at 1.
[price.WETH]
process = "gbm"           # or merton, ouLog, garch, regime, historical, bootstrap
sigma = 0.8               # a year
start = 2000

[[agents]]
type = "arb.closedForm"   # restores the outside price as far as it pays
gas = 5

[[agents]]
type = "noise"            # trades for its own reasons
perDay = 120
meanSize = 4_000

[sweep]                   # every combination of these is a point
"pool.swapFee" = [0.0005, 0.001, 0.003, 0.01]

[output]
every = 100               # samples the curves of the report
`;

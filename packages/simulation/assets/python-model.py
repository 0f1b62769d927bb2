"""Steps the arbitrageur of the token engineers' pool model over rows of prices and times it.

Reads a JSON object from standard input (tokens, balances, denorms, swapFee, rules, rows) and writes
{"steps": ..., "seconds": ...}. The only argument is the folder of the model.
"""
import contextlib
import datetime
import io
import json
import sys
import time
from decimal import Decimal
from types import SimpleNamespace

sys.path.insert(0, sys.argv[1])
from model.parts import arbitrage_policies  # noqa: E402
from model.parts.balancer_math import BalancerMath  # noqa: E402
from model.parts.pool_method_entities import TokenAmount  # noqa: E402

arbitrage_policies.VERBOSE = False


def number(value):
    return Decimal(repr(value))


def spot_prices(pool):
    """Units of each token for one unit of each other."""
    return {
        x: {
            y: BalancerMath.calc_spot_price(
                token_balance_in=pool.tokens[x].balance,
                token_weight_in=pool.tokens[x].denorm_weight,
                token_balance_out=pool.tokens[y].balance,
                token_weight_out=pool.tokens[y].denorm_weight,
                swap_fee=pool.swap_fee,
            )
            for y in pool.tokens
            if y != x
        }
        for x in pool.tokens
    }


def main():
    given = json.load(sys.stdin)
    rules = given["rules"]
    pool = SimpleNamespace(
        swap_fee=number(given["swapFee"]),
        tokens={
            symbol: SimpleNamespace(balance=number(balance), denorm_weight=number(denorm))
            for symbol, balance, denorm in zip(given["tokens"], given["balances"], given["denorms"])
        },
    )
    params = [
        {
            "external_currency": "USD",
            "min_arb_liquidity": rules["minLiquidity"],
            "max_arb_liquidity": rules["maxLiquidity"],
            "arb_liquidity_granularity": rules["granularity"],
        }
    ]
    cost = TokenAmount(symbol="USD", amount=number(rules["txCost"]))
    rows = given["rows"][1:]
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        for step, row in enumerate(rows, 1):
            state = {
                "timestep": step,
                "pool": pool,
                "spot_prices": spot_prices(pool),
                "token_prices": dict(zip(given["tokens"], row)),
                "tx_cost": cost,
                "change_datetime": datetime.datetime(2021, 1, 1),
            }
            update = arbitrage_policies.p_arbitrageur(params, 0, [], state)["pool_update"]
            if update is None:
                continue
            paid, taken = update[0].token_in, update[1].token_out
            pool.tokens[paid.symbol].balance += paid.amount
            pool.tokens[taken.symbol].balance -= taken.amount
    json.dump({"steps": len(rows), "seconds": time.process_time() - start}, sys.stdout)


main()

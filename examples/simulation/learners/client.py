"""Drives an environment of balancer from Python: a fee that rises with the estimated volatility."""
import json
import subprocess
import sys


class Env:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self):
        self.ask(do="close")
        self.process.wait()


def episode(env, seed, policy):
    observation = env.ask(do="reset", seed=seed)["observation"]
    total = 0.0
    while True:
        result = env.ask(do="step", action=[policy(observation)])
        total += result["reward"]
        if result["truncated"] or result["terminated"]:
            return total
        observation = result["observation"]


if __name__ == "__main__":
    env = Env(sys.argv[1:] or ["balancer", "sim", "env", "fee-control", "--stdio"])
    volatility = [field["name"] for field in env.ask(do="spaces")["fields"]].index("volatility")
    for name, policy in [("constant", lambda o: 0.6), ("by volatility", lambda o: min(1.0, 0.45 + 0.15 * o[volatility]))]:
        returns = [episode(env, seed, policy) for seed in range(5)]
        print(f"{name}: {sum(returns) / len(returns):.2f}")
    env.close()

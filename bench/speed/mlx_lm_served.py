"""What serving costs mlx-lm: decode by its own HTTP server, beside decode by its generator in this process.

usage: mlx_lm_served.py MODEL TOKENS ROUNDS
Prints JSON with tokens a second of each round. On a CPU mlx-lm makes less than one: ask it for a few.
"""

import http.client
import json
import socket
import subprocess
import sys
import time

import mlx.core as mx
import mlx_lm

PROMPT = "Once"
START_SECONDS = 120


def rate(times):
    return (len(times) - 1) / (times[-1] - times[0])


def in_process(model, tokenizer, tokens):
    pieces = mlx_lm.stream_generate(model, tokenizer, PROMPT, max_tokens=tokens)
    return rate([time.perf_counter() for _ in pieces])


def served(port, model, tokens):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = {"model": model, "prompt": PROMPT, "max_tokens": tokens, "stream": True, "temperature": 0}
    connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
    times = []
    for line in connection.getresponse():
        if not line.startswith(b"data: {"):
            continue
        choices = json.loads(line[len(b"data: ") :])["choices"]
        if choices and choices[0]["text"]:
            times.append(time.perf_counter())
    connection.close()
    return rate(times)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_server(port, process):
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError("mlx_lm.server does not listen")


def main(folder, tokens, rounds):
    port = free_port()
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", folder, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        model, tokenizer = mlx_lm.load(folder)
        await_server(port, process)
        sides = {
            "inProcess": lambda count: in_process(model, tokenizer, count),
            "served": lambda count: served(port, folder, count),
        }
        rates = {name: [] for name in sides}
        for measure in sides.values():
            measure(2)
        for _ in range(rounds):
            for name, measure in sides.items():
                rates[name].append(measure(tokens))
    finally:
        process.terminate()
        process.wait()
    print(json.dumps({"version": mlx_lm.__version__, "device": str(mx.default_device()), **rates}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

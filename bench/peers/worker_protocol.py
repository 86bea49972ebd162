"""One JSON request a line on stdin, one JSON answer a line on stdout: the Python side of protocol.ts."""

import json
import os
import sys
import time


def serve(operations):
    """Answers requests until stdin ends. `operations` maps an `op` to a function of the request's other fields.

    Libraries print where they like, so stdout is moved to stderr and answers go to the original stdout.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        request_id, op = request.pop("id"), request.pop("op")
        try:
            if op not in operations:
                raise ValueError(f"unknown operation {op!r}")
            answer = {"id": request_id, "ok": True, "result": operations[op](**request)}
        except Exception as error:  # the driver decides what a failed measurement means
            answer = {"id": request_id, "ok": False, "error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


def timed(run, tokens):
    """Runs `run` and returns how long it took, as the measurement of `tokens` tokens."""
    start = time.perf_counter()
    run()
    return {"seconds": time.perf_counter() - start, "tokens": tokens}

"""Measures mlx-lm on MLX's own CPU backend, where it makes less than one token a second: ask it for a few."""

from pathlib import Path

import mlx.core as mx
import mlx_lm
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model
from worker_protocol import serve, timed


class Worker:
    def __init__(self):
        self.model = None

    def load(self, model, threads, contextLength):
        """`threads` and `contextLength` have no counterpart: MLX decides on its threads, its cache grows."""
        self.model, _ = load_model(Path(model))
        return {"version": f"mlx-lm {mlx_lm.__version__}", "details": f"mlx {mx.__version__}, {mx.default_device()}"}

    def prefill(self, tokens):
        cache = make_prompt_cache(self.model)
        return timed(lambda: self._prompt(tokens, cache), len(tokens))

    def decode(self, tokens, steps):
        cache = make_prompt_cache(self.model)
        token = self._prompt(tokens, cache)

        def run():
            nonlocal token
            for _ in range(steps):
                token = self._step(token, cache)

        return timed(run, steps)

    def _prompt(self, tokens, cache):
        """As mlx-lm's own generation does: logits for the last token alone."""
        if len(tokens) > 1:
            self.model(mx.array([tokens[:-1]]), cache=cache)
            mx.eval([layer.state for layer in cache])
        return self._step(tokens[-1], cache)

    def _step(self, token, cache):
        return self.model(mx.array([[token]]), cache=cache)[0, -1].argmax().item()


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "prefill": worker.prefill, "decode": worker.decode})

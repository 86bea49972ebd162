"""Measures llama.cpp through its C API, as its own llama-bench does: token ids in, greedy token ids out."""

import ctypes
import re

import llama_cpp as lib
import numpy as np
from worker_protocol import serve, timed

N_BATCH = 2048
N_UBATCH = 512


class Context:
    """A llama_context of `streams` sequences. Timed calls end only when the logits are there."""

    def __init__(self, model, vocab_size, length, streams, threads, flash_attention):
        params = lib.llama_context_default_params()
        params.n_ctx = length * streams
        params.n_batch = N_BATCH
        params.n_ubatch = N_UBATCH
        params.n_seq_max = streams
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = 1 if flash_attention else 0
        self.handle = lib.llama_init_from_model(model, params)
        if not self.handle:
            raise RuntimeError(f"llama.cpp made no context of {streams} x {length} tokens")
        self.memory = lib.llama_get_memory(self.handle)
        self.batch = lib.llama_batch_init(N_BATCH, 0, 1)
        self.vocab_size = vocab_size
        self.prompt = None  # what sequence 0 holds, when it can be used again
        self.first = None

    def clear(self):
        lib.llama_memory_clear(self.memory, False)
        self.prompt = None

    def prefill(self, tokens, sequence=0):
        """Runs a prompt and returns its greedy next token."""
        for start in range(0, len(tokens), N_BATCH):
            chunk = tokens[start : start + N_BATCH]
            last = start + len(chunk) == len(tokens)
            for i, token in enumerate(chunk):
                self._put(i, token, start + i, sequence, last and i == len(chunk) - 1)
            self._decode(len(chunk))
        return int(self._greedy(1)[0])

    def rewind(self, tokens):
        """Puts sequence 0 right behind the prompt `tokens`, computing it only if it is not there yet."""
        if self.prompt == tokens:
            lib.llama_memory_seq_rm(self.memory, 0, len(tokens), -1)
            return self.first
        self.clear()
        self.first = self.prefill(tokens)
        self.prompt = tokens
        return self.first

    def step(self, tokens, positions):
        """One token of each sequence; returns the next of each."""
        for i, (token, position) in enumerate(zip(tokens, positions)):
            self._put(i, token, position, i, True)
        self._decode(len(tokens))
        return self._greedy(len(tokens)).tolist()

    def _put(self, i, token, position, sequence, logits):
        batch = self.batch
        batch.token[i] = token
        batch.pos[i] = position
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
        batch.logits[i] = logits

    def _decode(self, count):
        self.batch.n_tokens = count
        status = lib.llama_decode(self.handle, self.batch)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status}")

    def _greedy(self, rows):
        logits = lib.llama_get_logits(self.handle)
        return np.ctypeslib.as_array(logits, shape=(rows, self.vocab_size)).argmax(axis=1)


class Worker:
    def __init__(self):
        self.model = None
        self.contexts = {}

    def load(self, model, threads, contextLength):
        lib.llama_log_set(_quiet, ctypes.c_void_p(0))
        lib.llama_backend_init()
        self.model = lib.llama_model_load_from_file(model.encode(), lib.llama_model_default_params())
        if not self.model:
            raise RuntimeError(f"llama.cpp could not load {model}")
        self.threads = threads
        self.context_length = contextLength
        self.vocab_size = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model))
        # "CPU : SSE3 = 1 | AVX = 1 | ...": what it was compiled with.
        features = re.findall(r"(\w+) = 1", lib.llama_print_system_info().decode())
        return {"version": f"llama-cpp-python {lib.__version__}", "details": " ".join(features)}

    def prefill(self, tokens, flashAttention):
        context = self._context(self.context_length, 1, flashAttention)
        context.clear()
        return timed(lambda: context.prefill(tokens), len(tokens))

    def decode(self, tokens, steps, flashAttention):
        context = self._context(self.context_length, 1, flashAttention)
        token = context.rewind(tokens)

        def run():
            nonlocal token
            for i in range(steps):
                (token,) = context.step([token], [len(tokens) + i])

        return timed(run, steps)

    def batch(self, prompts, steps, flashAttention):
        length = max(len(prompt) for prompt in prompts) + steps
        context = self._context(-(-length // 256) * 256, len(prompts), flashAttention)
        context.clear()
        tokens = [context.prefill(prompt, i) for i, prompt in enumerate(prompts)]

        def run():
            nonlocal tokens
            for i in range(steps):
                tokens = context.step(tokens, [len(prompt) + i for prompt in prompts])

        return timed(run, steps * len(prompts))

    def _context(self, length, streams, flash_attention):
        key = (length, streams, flash_attention)
        if key not in self.contexts:
            self.contexts[key] = Context(self.model, self.vocab_size, *key[:2], self.threads, flash_attention)
            # The first run touches buffers for the first time and starts the threads.
            self.contexts[key].prefill([1] * min(length, N_UBATCH))
        return self.contexts[key]


@lib.llama_log_callback
def _quiet(level, text, user_data):
    pass


if __name__ == "__main__":
    worker = Worker()
    serve({"load": worker.load, "prefill": worker.prefill, "decode": worker.decode, "batch": worker.batch})

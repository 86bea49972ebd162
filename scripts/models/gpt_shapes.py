"""Dimensions of real models, for random weights of the same cost. `tiny-*` are for trying the writer itself."""

import math
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Shape:
    name: str
    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    rope_theta: float
    rms_eps: float
    context_length: int
    rope_scaling: dict | None = None

    def config(self):
        """config.json. Embeddings are tied, as in both originals."""
        config = {
            "architectures": [{"llama": "LlamaForCausalLM", "qwen3": "Qwen3ForCausalLM"}[self.model_type]],
            "model_type": self.model_type,
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "rms_norm_eps": self.rms_eps,
            "rope_theta": self.rope_theta,
            "max_position_embeddings": self.context_length,
            "tie_word_embeddings": True,
            "attention_bias": False,
            "mlp_bias": False,
        }
        return config | ({"rope_scaling": self.rope_scaling} if self.rope_scaling else {})

    def rope_factors(self):
        """What llama.cpp divides each rotation frequency by, for `llama3` scaling: float32 [head_dim / 2]."""
        scaling = self.rope_scaling
        factor, low, high = (scaling[key] for key in ("factor", "low_freq_factor", "high_freq_factor"))
        original = scaling["original_max_position_embeddings"]
        wavelength = 2 * math.pi * self.rope_theta ** (np.arange(0, self.head_dim, 2) / self.head_dim)
        # 1 where the wave is short, `factor` where it is long, and in between by how often it fits the old context.
        smooth = np.clip((original / wavelength - low) / (high - low), 0, 1)
        return (1 / ((1 - smooth) / factor + smooth)).astype(np.float32)


_QWEN3 = Shape("Qwen3-0.6B", "qwen3", 151936, 1024, 3072, 28, 16, 8, 128, 1e6, 1e-6, 40960)
_LLAMA3 = Shape(
    "Llama-3.2-1B", "llama", 128256, 2048, 8192, 16, 32, 8, 64, 5e5, 1e-5, 131072,
    {
        "rope_type": "llama3",
        "factor": 32.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
)

_TINY = {"vocab_size": 512, "hidden_size": 256, "intermediate_size": 512, "layers": 2, "heads": 4, "kv_heads": 2}

SHAPES = {
    "qwen3-0.6b": _QWEN3,
    "llama-3.2-1b": _LLAMA3,
    "tiny-qwen3": replace(_QWEN3, **_TINY),
    "tiny-llama": replace(_LLAMA3, **_TINY),
}

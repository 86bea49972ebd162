"""Writes a random 4-bit model with a real model's dimensions, as an MLX folder and as a Q4_1 GGUF of the same values.

For measuring speed, which weights do not change. Needs numpy, safetensors, gguf and tokenizers.
"""

import argparse
import json
import math
from pathlib import Path

import gguf
import numpy as np
from gpt_shapes import SHAPES, Shape
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

GROUP = 32
# Root mean square of a value drawn evenly from -7.5, -6.5 ... 7.5.
LEVEL_RMS = math.sqrt((16**2 - 1) / 12)
CHAT_TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"


class QuantizedRows:
    """A matrix [rows, columns] as w = scale * level + bias, level 0..15, one scale and bias to 32 columns of a row."""

    def __init__(self, rng, rows, columns):
        # Two levels a byte, the even column low.
        self.packed = rng.integers(0, 256, (rows, columns // 2), dtype=np.uint8)
        # Outputs as large as inputs, so that activations neither fade nor grow from layer to layer.
        scale = rng.uniform(0.8, 1.2, (rows, columns // GROUP)) / (LEVEL_RMS * math.sqrt(columns))
        self.scales = scale.astype(np.float16)
        self.biases = (-7.5 * self.scales.astype(np.float32)).astype(np.float16)

    def mlx(self, name):
        return {
            f"{name}.weight": self.packed.view(np.uint32),
            f"{name}.scales": self.scales,
            f"{name}.biases": self.biases,
        }

    def q4_1(self, interleave_heads=None):
        """Blocks [rows, columns / 32 * 20 bytes]: scale, bias, then 16 bytes with column j low and j + 16 high."""
        rows = self.packed.shape[0]
        pairs = self.packed.reshape(rows, -1, GROUP // 2)
        levels = np.stack([pairs & 15, pairs >> 4], axis=-1).reshape(rows, -1, GROUP)
        nibbles = levels[..., : GROUP // 2] | levels[..., GROUP // 2 :] << 4
        head = np.stack([self.scales, self.biases], axis=-1).view(np.uint8)
        blocks = np.concatenate([head, nibbles], axis=-1).reshape(rows, -1)
        return blocks if interleave_heads is None else interleave_rows(blocks, interleave_heads)


def interleave_rows(rows, heads):
    """llama.cpp rotates neighbouring rows of a llama head together, the checkpoint the two halves."""
    return rows.reshape(heads, 2, -1, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)


def matrices(shape: Shape):
    """(MLX name, GGUF name, rows, columns, heads whose rows llama.cpp wants interleaved) of each matrix."""
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    query_heads, key_heads = (shape.heads, shape.kv_heads) if shape.model_type == "llama" else (None, None)
    yield "model.embed_tokens", "token_embd", shape.vocab_size, shape.hidden_size, None
    for i in range(shape.layers):
        mlx, ggml = f"model.layers.{i}", f"blk.{i}"
        yield f"{mlx}.self_attn.q_proj", f"{ggml}.attn_q", query, shape.hidden_size, query_heads
        yield f"{mlx}.self_attn.k_proj", f"{ggml}.attn_k", key, shape.hidden_size, key_heads
        yield f"{mlx}.self_attn.v_proj", f"{ggml}.attn_v", key, shape.hidden_size, None
        yield f"{mlx}.self_attn.o_proj", f"{ggml}.attn_output", shape.hidden_size, query, None
        yield f"{mlx}.mlp.gate_proj", f"{ggml}.ffn_gate", shape.intermediate_size, shape.hidden_size, None
        yield f"{mlx}.mlp.up_proj", f"{ggml}.ffn_up", shape.intermediate_size, shape.hidden_size, None
        yield f"{mlx}.mlp.down_proj", f"{ggml}.ffn_down", shape.hidden_size, shape.intermediate_size, None


def norms(shape: Shape):
    """(MLX name, GGUF name, length) of each norm's weight."""
    for i in range(shape.layers):
        mlx, ggml = f"model.layers.{i}", f"blk.{i}"
        yield f"{mlx}.input_layernorm.weight", f"{ggml}.attn_norm.weight", shape.hidden_size
        yield f"{mlx}.post_attention_layernorm.weight", f"{ggml}.ffn_norm.weight", shape.hidden_size
        if shape.model_type == "qwen3":
            yield f"{mlx}.self_attn.q_norm.weight", f"{ggml}.attn_q_norm.weight", shape.head_dim
            yield f"{mlx}.self_attn.k_norm.weight", f"{ggml}.attn_k_norm.weight", shape.head_dim
    yield "model.norm.weight", "output_norm.weight", shape.hidden_size


def random_matrix(seed, index, rows, columns):
    """The same matrix in both passes, so that only one format is ever in memory."""
    return QuantizedRows(np.random.default_rng([seed, index]), rows, columns)


def random_norm(seed, index, length):
    rng = np.random.default_rng([seed, 1 << 20, index])
    return rng.uniform(0.9, 1.1, length).astype(np.float16)


def write_mlx(shape: Shape, seed: int, folder: Path):
    tensors = {}
    for index, (name, _, rows, columns, _) in enumerate(matrices(shape)):
        tensors |= random_matrix(seed, index, rows, columns).mlx(name)
    for index, (name, _, length) in enumerate(norms(shape)):
        tensors[name] = random_norm(seed, index, length)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "mlx"})
    write_tokenizer(folder)
    config = shape.config() | {"quantization": {"group_size": GROUP, "bits": 4}}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_tokenizer(folder: Path):
    """One token a byte: enough to serve the model, whose answers mean nothing anyway."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={character: i for i, character in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHAT_TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_gguf(shape: Shape, seed: int, file: Path):
    writer = gguf.GGUFWriter(file, shape.model_type)
    add_metadata(writer, shape)
    for index, (_, name, rows, columns, heads) in enumerate(matrices(shape)):
        blocks = random_matrix(seed, index, rows, columns).q4_1(heads)
        writer.add_tensor(f"{name}.weight", blocks, raw_dtype=gguf.GGMLQuantizationType.Q4_1)
    for index, (_, name, length) in enumerate(norms(shape)):
        writer.add_tensor(name, random_norm(seed, index, length).astype(np.float32))
    if shape.rope_scaling:
        writer.add_tensor("rope_freqs.weight", shape.rope_factors())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_metadata(writer: gguf.GGUFWriter, shape: Shape):
    writer.add_name(f"random weights of {shape.name}'s dimensions")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_1)
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.intermediate_size)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_layer_norm_rms_eps(shape.rms_eps)
    writer.add_vocab_size(shape.vocab_size)
    writer.add_tokenizer_model("none")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("--mlx", type=Path, required=True, help="folder to write the MLX model to")
    parser.add_argument("--gguf", type=Path, help="file to write the Q4_1 GGUF to")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shape = SHAPES[options.shape]
    write_mlx(shape, options.seed, options.mlx)
    if options.gguf:
        options.gguf.parent.mkdir(parents=True, exist_ok=True)
        write_gguf(shape, options.seed, options.gguf)


if __name__ == "__main__":
    main()

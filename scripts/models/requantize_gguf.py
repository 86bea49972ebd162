"""Requantizes a GGUF to Q4_0 with llama.cpp's own quantizer, which turns the weights back into float32 first."""

import argparse
import ctypes

import llama_cpp as lib


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--pure", action="store_true", help="the embedding in Q4_0 too, not in llama.cpp's own choice")
    parser.add_argument("--threads", type=int, default=0, help="0 is one a core")
    options = parser.parse_args()
    params = lib.llama_model_quantize_default_params()
    params.ftype = lib.LLAMA_FTYPE_MOSTLY_Q4_0
    params.allow_requantize = True
    params.pure = options.pure
    params.nthread = options.threads
    status = lib.llama_model_quantize(options.source.encode(), options.target.encode(), ctypes.byref(params))
    if status != 0:
        raise SystemExit(f"llama.cpp could not requantize {options.source}: status {status}")


if __name__ == "__main__":
    main()

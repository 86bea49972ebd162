// The tensors of a checkpoint as paths, and who took which. Engine thread only. Reads no files.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mlx/mlx.h"
#include "nn/quantization.h"

namespace mlxd {
namespace mx = mlx::core;
}

namespace mlxd::nn {

/// A LoRA adapter whose tensors are among a checkpoint's.
struct Adapter {
  std::string folder;  // for messages
  int rank;
  float scale;
};

/// What a checkpoint holds. Tensors may be lazy: they are evaluated when a layer takes them.
struct Checkpoint {
  std::string folder;  // for messages
  std::unordered_map<std::string, mx::array> tensors;
  std::optional<Quantization> quantization;
  std::optional<Adapter> adapter;
  std::optional<mx::Dtype> compute_dtype;     // that layers compute in; the file's own if empty
  std::function<void(size_t bytes)> on_take;  // called with the stored size of each tensor taken
  size_t memory_bytes = 0;                    // that layers said they hold
};

/// A path into a checkpoint: `w / "layers" / 3 / "mlp"`. Copies are cheap and share the checkpoint.
class Weights {
 public:
  explicit Weights(Checkpoint checkpoint);

  Weights operator/(std::string_view name) const;
  Weights operator/(int index) const;

  /// Whether the tensor `path.name` is there.
  bool has(std::string_view name) const;

  /// The tensor `path.name`, evaluated (unless models are only measured), in the file's dtype. It
  /// leaves the checkpoint, so its memory is the taker's. Throws when it is missing, has another
  /// shape, or was taken before.
  mx::array take(std::string_view name, const mx::Shape& shape) const;

  /// The same for a small dense weight, cast to the dtype that this device computes in.
  mx::array take_dense(std::string_view name, const mx::Shape& shape) const;

  /// The dtype that this device computes in; that of the file if empty.
  std::optional<mx::Dtype> compute_dtype() const { return checkpoint_->compute_dtype; }

  /// The tensor `path.name` as it is, taken out of the checkpoint to be put back in another form;
  /// it must be there.
  mx::array pull(std::string_view name) const;

  /// Adds the tensor `path.name` to the checkpoint.
  void put(std::string_view name, const mx::array& tensor) const;

  /// Gives the module at this path the scheme of `other`.
  void quantize_like(const Weights& other) const;

  /// The scheme that the config gives the module at this path; none if it is to be dense.
  std::optional<QuantizationScheme> scheme() const;

  /// Of the checkpoint, which has one.
  const Adapter& adapter() const { return checkpoint_->adapter.value(); }

  /// Drops whatever lies at or below this path: it is known not to be used.
  void ignore() const;

  /// Adds to the count of memory that layers hold; take_dense does so itself.
  void count_memory(size_t bytes) const { checkpoint_->memory_bytes += bytes; }

  /// The count, over the whole checkpoint.
  size_t memory_bytes() const { return checkpoint_->memory_bytes; }

  /// Throws when tensors are left that nobody took or ignored (rotary `inv_freq` tables aside), of
  /// the model or of its adapter.
  void expect_all_taken() const;

  /// An error about the module at this path, for the layer that met it.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  Weights(std::shared_ptr<Checkpoint> checkpoint, std::string path);
  std::string full_name(std::string_view name) const;

  std::shared_ptr<Checkpoint> checkpoint_;
  std::string path_;
};

}  // namespace mlxd::nn

// Where the CPU kernels keep the keys and values of a layer: pages of a fixed number of positions,
// laid out for attention. Who may append to a page is the caches' affair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace mlxd::kernels::cpu {

/// How keys and values are stored. f16 rounds to nearest even; what lies beyond its largest number
/// becomes that number, 65504.
enum class KvType : uint8_t { f32, f16 };

constexpr int kPagePositions = 128;
constexpr int kBlockKeys = 16;  // keys that a query is multiplied with at once

struct KvFormat {
  int kv_heads;
  int dim;  // of a head
  KvType type;

  bool operator==(const KvFormat&) const = default;

  int element_bytes() const { return type == KvType::f32 ? 4 : 2; }
  /// Columns of a value's row: `dim`, rounded up to whole vectors. The rest are zeros.
  int value_width() const { return (dim + kBlockKeys - 1) / kBlockKeys * kBlockKeys; }
  size_t keys_bytes() const { return size_t(kPagePositions) * dim * element_bytes(); }
  size_t values_bytes() const { return size_t(kPagePositions) * value_width() * element_bytes(); }
  size_t page_bytes() const { return kv_heads * (keys_bytes() + values_bytes()); }
};

/// kPagePositions positions. For each head the keys, [kPagePositions / kBlockKeys, dim,
/// kBlockKeys], then the values, [kPagePositions, value_width].
class KvPage {
 public:
  /// Contents are not set. Throws std::bad_alloc.
  explicit KvPage(const KvFormat& format);
  ~KvPage();
  KvPage(const KvPage&) = delete;
  KvPage& operator=(const KvPage&) = delete;

  uint8_t* keys(int head) const { return data_.get() + head * head_bytes_; }
  uint8_t* values(int head) const { return keys(head) + keys_bytes_; }

  /// Takes the contents of a page of the same format.
  void copy(const KvPage& from);

  /// Several caches hold it: to append, a cache takes a copy of its own. Engine thread only.
  bool shared = false;

  /// Bytes of all pages of the process.
  static size_t total_bytes();

 private:
  struct Free {
    void operator()(uint8_t* data) const;
  };

  size_t keys_bytes_, head_bytes_, bytes_;
  std::unique_ptr<uint8_t[], Free> data_;
};

/// The pages that hold positions [first_page * kPagePositions, ...) of a sequence.
struct KvTable {
  int first_page = 0;
  std::vector<std::shared_ptr<KvPage>> pages;

  int end_page() const { return first_page + static_cast<int>(pages.size()); }
  const std::shared_ptr<KvPage>& page(int index) const { return pages[index - first_page]; }
};

}  // namespace mlxd::kernels::cpu

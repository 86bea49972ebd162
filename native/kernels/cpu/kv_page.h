// Where the CPU kernels keep the keys and values of a layer: pages of a fixed number of positions,
// laid out for attention. Who may append to a page is the caches' affair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace mlxd::kernels::cpu {

/// How keys and values are stored. f16 rounds to nearest even; what lies beyond its largest number
/// becomes that number, 65504. i8 and i4 are unsigned integers of so many bits, each scale * q +
/// bias with its group's scale and bias in float16: of a key 32 columns are a group, of a value
/// all.
enum class KvType : uint8_t { f32, f16, i8, i4 };

constexpr int kPagePositions = 128;
constexpr int kBlockKeys = 16;   // keys that a query is multiplied with at once
constexpr int kKeyGroup = 32;    // columns of a key with one scale
constexpr int kMostGroups = 32;  // of a key: how wide quantized ones may be

struct KvFormat {
  int kv_heads;
  int dim;  // of a head
  KvType type;

  bool operator==(const KvFormat&) const = default;

  bool quantized() const { return type == KvType::i8 || type == KvType::i4; }
  int bits() const {
    constexpr int kBits[] = {32, 16, 8, 4};
    return kBits[static_cast<int>(type)];
  }
  /// Columns of a value's row: `dim`, rounded up to whole vectors. The rest are zeros.
  int value_width() const { return (dim + kBlockKeys - 1) / kBlockKeys * kBlockKeys; }
  int key_groups() const { return (dim + kKeyGroup - 1) / kKeyGroup; }
  /// Bytes of a value's row, without its scale and bias.
  int value_bytes() const {
    return type == KvType::i4 ? (value_width() + 31) / 32 * 16 : value_width() * bits() / 8;
  }

  /// Where in a head's keys their scales begin; where in its values theirs do.
  size_t key_scales() const { return size_t(kPagePositions) * dim * bits() / 8; }
  size_t value_scales() const { return size_t(kPagePositions) * value_bytes(); }

  size_t keys_bytes() const { return key_scales() + (quantized() ? scales(key_groups()) : 0); }
  size_t values_bytes() const { return value_scales() + (quantized() ? scales(1) : 0); }
  size_t page_bytes() const { return kv_heads * (keys_bytes() + values_bytes()); }

 private:
  static size_t scales(int groups) { return size_t(2) * kPagePositions * groups * 2; }
};

/// kPagePositions positions. For each head the keys, [blocks, dim, kBlockKeys] with kPagePositions
/// / kBlockKeys blocks, then the values, [kPagePositions, value_width].
///
/// Of i4, columns 2 i and 2 i + 1 of a key share a byte, the first one its lower half: [blocks, dim
/// / 2, kBlockKeys]; of a value columns 32 i + j and 32 i + 16 + j do. Integers are followed by
/// their scales, then as many biases: [blocks, key_groups, kBlockKeys] and [kPagePositions].
class KvPage {
 public:
  /// All zeros. Throws std::bad_alloc.
  explicit KvPage(const KvFormat& format);
  ~KvPage();
  KvPage(const KvPage&) = delete;
  KvPage& operator=(const KvPage&) = delete;

  uint8_t* keys(int head) const { return data_ + head * head_bytes_; }
  uint8_t* values(int head) const { return keys(head) + keys_bytes_; }

  /// Takes the contents of a page of the same format.
  void copy(const KvPage& from);

  /// Bytes of all pages of the process.
  static size_t total_bytes();

 private:
  const size_t keys_bytes_, head_bytes_, bytes_;
  uint8_t* const data_;
};

/// The pages that hold positions [first_page * kPagePositions, ...) of a sequence.
struct KvTable {
  int first_page = 0;
  std::vector<std::shared_ptr<KvPage>> pages;

  int end_page() const { return first_page + static_cast<int>(pages.size()); }
  const std::shared_ptr<KvPage>& page(int index) const { return pages[index - first_page]; }
};

}  // namespace mlxd::kernels::cpu

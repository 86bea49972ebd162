// Format: uint64 header length (little endian), a JSON header, then the tensors' bytes without
// holes.
#include "loader/safetensors_header.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

#include "loader/json.h"

namespace mlxd {

namespace {

constexpr uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the format's own library
constexpr int64_t kMostDimension = std::numeric_limits<int32_t>::max();  // MLX's shapes are int32

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

uint64_t item_bytes(const std::string& tensor, const std::string& dtype) {
  static const std::map<std::string_view, uint64_t> sizes{
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"U16", 2}, {"I16", 2}, {"F16", 2},
      {"BF16", 2}, {"U32", 4}, {"I32", 4}, {"F32", 4}, {"U64", 8}, {"I64", 8}};
  const auto found = sizes.find(dtype);
  if (found == sizes.end()) fail(tensor + ": dtype \"" + dtype + "\" is not supported");
  return found->second;
}

const json::Value& member(const std::string& tensor, const json::Object& entry,
                          std::string_view key) {
  const json::Value* value = entry.find(key);
  if (value == nullptr) fail(tensor + ": " + std::string(key) + " is missing");
  return *value;
}

// The non-negative integers of an array, each at most `most`.
std::vector<int64_t> integers(const std::string& tensor, const json::Object& entry,
                              std::string_view key, int64_t most) {
  const auto* array = member(tensor, entry, key).as<json::Array>();
  std::vector<int64_t> values;
  for (const json::Value& item : array != nullptr ? *array : json::Array{json::Value()}) {
    const auto* integer = item.as<int64_t>();
    if (integer == nullptr || *integer < 0 || *integer > most) {
      fail(tensor + ": " + std::string(key) + " must be an array of integers from 0 to " +
           std::to_string(most));
    }
    values.push_back(*integer);
  }
  return values;
}

uint64_t tensor_bytes(const TensorInfo& tensor) {
  uint64_t bytes = item_bytes(tensor.name, tensor.dtype);
  for (const int64_t dimension : tensor.shape) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(dimension), &bytes)) {
      fail(tensor.name + ": shape overflows 64 bits");
    }
  }
  return bytes;
}

TensorInfo parse_tensor(const std::string& name, const json::Value& value, uint64_t data_bytes) {
  const auto* entry = value.as<json::Object>();
  if (entry == nullptr) fail(name + ": must be an object");
  const auto* dtype = member(name, *entry, "dtype").as<std::string>();
  if (dtype == nullptr) fail(name + ": dtype must be a string");
  const auto span = integers(name, *entry, "data_offsets", std::numeric_limits<int64_t>::max());
  if (span.size() != 2 || span[0] > span[1]) fail(name + ": data_offsets must be [begin, end]");
  TensorInfo tensor{name, *dtype, integers(name, *entry, "shape", kMostDimension),
                    static_cast<uint64_t>(span[0]), static_cast<uint64_t>(span[1])};
  if (tensor.end > data_bytes) {
    fail(name + ": data_offsets end at " + std::to_string(tensor.end) + " but the file holds " +
         std::to_string(data_bytes) + " bytes of data; is it cut short?");
  }
  if (tensor.end - tensor.begin != tensor_bytes(tensor)) {
    fail(name + ": dtype and shape need " + std::to_string(tensor_bytes(tensor)) +
         " bytes, data_offsets span " + std::to_string(tensor.end - tensor.begin));
  }
  return tensor;
}

// MLX itself writes null when there is no metadata.
void check_metadata(const json::Value& value) {
  if (value.is_null()) return;
  const auto* metadata = value.as<json::Object>();
  if (metadata == nullptr) fail("__metadata__ must be an object");
  for (const json::Member& member : metadata->members()) {
    if (member.value.as<std::string>() == nullptr) fail("__metadata__ may hold only strings");
  }
}

void check_coverage(std::vector<TensorInfo>& tensors, uint64_t data_bytes) {
  std::ranges::sort(tensors, {}, [](const TensorInfo& t) { return std::pair(t.begin, t.end); });
  uint64_t covered = 0;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.begin != covered) {
      fail(tensor.name + ": data_offsets begin at " + std::to_string(tensor.begin) +
           (tensor.begin < covered ? ", inside the tensor before it" : ", leaving a hole"));
    }
    covered = tensor.end;
  }
  if (covered != data_bytes) {
    fail("the tensors cover " + std::to_string(covered) + " of " + std::to_string(data_bytes) +
         " bytes of data");
  }
}

std::vector<TensorInfo> read_header(std::ifstream& stream, uint64_t file_bytes) {
  std::array<unsigned char, 8> prefix;
  if (!stream.read(reinterpret_cast<char*>(prefix.data()), prefix.size())) {
    fail("shorter than a header");
  }
  uint64_t header_bytes = 0;
  for (size_t i = 0; i < prefix.size(); ++i) header_bytes |= uint64_t{prefix[i]} << (8 * i);
  if (header_bytes > kMostHeaderBytes || header_bytes > file_bytes - prefix.size()) {
    fail("a header of " + std::to_string(header_bytes) + " bytes does not fit: the file has " +
         std::to_string(file_bytes) + " bytes, the limit is " + std::to_string(kMostHeaderBytes));
  }
  std::string json(header_bytes, '\0');
  if (!stream.read(json.data(), static_cast<std::streamsize>(header_bytes))) fail("cannot be read");
  return parse_safetensors_header(json, file_bytes - prefix.size() - header_bytes);
}

}  // namespace

std::vector<TensorInfo> parse_safetensors_header(std::string_view json, uint64_t data_bytes) {
  if (!json.starts_with('{')) fail("the header does not begin with '{'");
  const json::Value root = json::parse(json);
  std::vector<TensorInfo> tensors;
  for (const json::Member& member : root.as<json::Object>()->members()) {
    if (member.key == "__metadata__") {
      check_metadata(member.value);
    } else {
      tensors.push_back(parse_tensor(member.key, member.value, data_bytes));
    }
  }
  check_coverage(tensors, data_bytes);
  return tensors;
}

std::vector<TensorInfo> read_safetensors_header(const std::filesystem::path& file) {
  try {
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(file, error);  // of regular files only
    if (error) fail("cannot be read: " + error.message());
    std::ifstream stream(file, std::ios::binary);
    if (!stream) fail("cannot be opened");
    return read_header(stream, bytes);
  } catch (const std::exception& error) {
    throw std::runtime_error(file.string() + ": " + error.what());
  }
}

}  // namespace mlxd

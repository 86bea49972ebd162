// The check of a safetensors header: the format's rules one by one, and random damage to a real
// file.
#include <doctest/doctest.h>

#include <random>

#include "errors.h"
#include "golden.h"
#include "loader/safetensors_header.h"
#include "temp_folder.h"

namespace mlxd::test {

namespace {

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::string header_error(const std::string& entries, uint64_t bytes) {
  return error_of([&] { parse_safetensors_header("{" + entries + "}", bytes); });
}

std::string with_length(uint64_t length, const std::string& rest) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(length >> shift);
  return bytes + rest;
}

std::string file_error(const std::string& bytes) {
  const TempFolder folder;
  folder.write("model.safetensors", bytes);
  return error_of([&] { read_safetensors_header(folder.path() / "model.safetensors"); });
}

}  // namespace

TEST_CASE("a good header gives its tensors in file order") {
  const std::string json =
      "{\"__metadata__\":{\"format\":\"mlx\"}," + entry("b", "F16", "[2,3]", "[4,16]") + "," +
      entry("a", "U32", "[]", "[0,4]") + "," + entry("empty", "F32", "[0,5]", "[16,16]") + "}  ";
  const auto tensors = parse_safetensors_header(json, 16);
  REQUIRE(tensors.size() == 3);
  CHECK(tensors[0].name == "a");
  CHECK(tensors[0].shape.empty());
  CHECK(tensors[1].name == "b");
  CHECK(tensors[1].dtype == "F16");
  CHECK(tensors[1].shape == std::vector<int64_t>{2, 3});
  CHECK(tensors[1].begin == 4);
  CHECK(tensors[1].end == 16);
  CHECK(parse_safetensors_header("{\"__metadata__\":null}", 0).empty());
}

TEST_CASE("a lying header is refused with the reason") {
  CHECK(says(header_error(entry("a", "F99", "[1]", "[0,4]"), 4), "dtype \"F99\" is not supported"));
  CHECK(says(header_error(entry("a", "F32", "[2]", "[0,4]"), 4), "need 8 bytes"));
  CHECK(says(header_error(entry("a", "F32", "[1]", "[0,4]"), 3), "cut short"));
  CHECK(says(header_error(entry("a", "F32", "[1]", "[4,0]"), 4), "[begin, end]"));
  CHECK(says(header_error(entry("a", "F32", "[1]", "[0]"), 4), "[begin, end]"));
  CHECK(says(header_error(entry("a", "F32", "[1]", "[-4,0]"), 4), "data_offsets"));
  CHECK(says(header_error(entry("a", "F32", "[-1]", "[0,4]"), 4), "shape"));
  CHECK(says(header_error(entry("a", "F32", "[1.0]", "[0,4]"), 4), "shape"));
  CHECK(says(header_error(entry("a", "F32", "\"1\"", "[0,4]"), 4), "shape"));
  CHECK(says(header_error(entry("a", "F32", "[2147483648]", "[0,4]"), 4), "shape"));
  CHECK(says(header_error(entry("a", "F32", "[2147483647,2147483647,4]", "[0,4]"), 4), "overflow"));
  CHECK(says(
      header_error(entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[2,6]"), 6),
      "inside the tensor before it"));
  CHECK(says(header_error(
                 entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[8,12]"), 12),
             "leaving a hole"));
  CHECK(says(header_error(entry("a", "F32", "[1]", "[0,4]"), 8), "cover 4 of 8"));
  CHECK(says(
      header_error(entry("a", "F32", "[1]", "[0,4]") + "," + entry("a", "F32", "[1]", "[4,8]"), 8),
      "duplicate key"));
  CHECK(says(header_error("\"a\":1", 0), "must be an object"));
  CHECK(says(header_error("\"a\":{\"dtype\":\"F32\"}", 0), "is missing"));
  CHECK(says(header_error("\"__metadata__\":{\"a\":1}", 0), "__metadata__"));
}

TEST_CASE("a file that is no safetensors file is refused") {
  CHECK(says(file_error(""), "shorter than a header"));
  CHECK(says(file_error("1234567"), "shorter than a header"));
  CHECK(says(file_error(with_length(3, "{}")), "does not fit"));
  CHECK(says(file_error(with_length(~uint64_t{0}, "{}")), "does not fit"));
  CHECK(says(file_error(with_length(200'000'000, "{}")), "does not fit"));
  CHECK(says(file_error(with_length(2, "[]")), "does not begin with '{'"));
  CHECK(says(file_error(with_length(2, "{]")), "invalid JSON"));
  CHECK(file_error(with_length(2, "{}")) == "(no error)");
  const TempFolder folder;
  CHECK(says(error_of([&] { read_safetensors_header(folder.path() / "none"); }), "cannot be"));
  CHECK(says(error_of([&] { read_safetensors_header(folder.path()); }), folder.path().string()));
}

TEST_CASE("random damage to a real header gives spans inside the file, or an error") {
  const TempFolder folder;
  folder.copy_from(fixture("llama-mixed-quantized"));
  const std::string file = folder.read("model.safetensors");
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = (length << 8) | static_cast<unsigned char>(file[i]);
  const std::string header = file.substr(8, length);
  const uint64_t data_bytes = file.size() - 8 - length;
  REQUIRE(parse_safetensors_header(header, data_bytes).size() > 20);

  std::mt19937 random(11);
  for (int round = 0; round < 3'000; ++round) {
    std::string damaged = header;
    for (int edits = 1 + random() % 3; edits > 0; --edits) {
      const size_t at = random() % damaged.size();
      const char digit = static_cast<char>('0' + random() % 10);
      damaged[at] = random() % 2 ? digit : static_cast<char>(random());
    }
    error_of([&] {
      uint64_t covered = 0;
      for (const TensorInfo& tensor : parse_safetensors_header(damaged, data_bytes)) {
        CHECK(tensor.begin == covered);
        covered = tensor.end;
      }
      CHECK(covered == data_bytes);
    });
  }
}

}  // namespace mlxd::test

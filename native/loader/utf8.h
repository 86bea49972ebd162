// The two things that a reader of JSON needs of UTF-8: check a sequence, encode a code point.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mlxd::utf8 {

/// Bytes of the code point that `text` begins with; 0 when they are not valid UTF-8 (overlong
/// forms, surrogates and values above U+10FFFF included).
size_t sequence_length(std::string_view text);

/// Appends `code_point`, which is neither a surrogate nor above U+10FFFF.
void append(std::string& out, char32_t code_point);

}  // namespace mlxd::utf8

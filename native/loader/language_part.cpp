// See language_part.h.
#include "loader/language_part.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mlxd {

namespace {

using namespace std::string_view_literals;

// Towers of images and sounds, and what leads from them to the words.
constexpr std::array kOtherParts{"vision_tower"sv,
                                 "vision_model"sv,
                                 "visual"sv,
                                 "vision_encoder"sv,
                                 "multi_modal_projector"sv,
                                 "mm_projector"sv,
                                 "audio_tower"sv,
                                 "embed_vision"sv,
                                 "vision_language_adapter"sv,
                                 "patch_merger"sv,
                                 "embed_audio"sv};

// `name` without `prefix`, if it begins so.
bool strip(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<std::string> language_name(const std::string& name) {
  std::string_view rest = name;
  const bool in_model = strip(rest, "model.");
  const std::string_view part = rest.substr(0, rest.find('.'));
  if (std::ranges::find(kOtherParts, part) != kOtherParts.end()) return std::nullopt;
  if (!strip(rest, "language_model.")) return name;
  return in_model ? "model." + std::string(rest) : std::string(rest);
}

}  // namespace mlxd

// The product's loader, apart from the engine so that tests with loaders of their own need no model
// code.
#include <utility>

#include "engine/engine.h"
#include "models/load.h"

namespace mlxd {

Loader folder_loader(std::filesystem::path folder) {
  return [folder = std::move(folder)](const Progress& progress) {
    return load_model(folder, progress);
  };
}

}  // namespace mlxd

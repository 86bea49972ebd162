// The product's loader, apart from the engine so that tests with loaders of their own need no model
// code.
#include <utility>

#include "engine/engine.h"
#include "models/load.h"

namespace mlxd {

Loader folder_loader(ModelFiles files) {
  return [files = std::move(files)](const Progress& progress) {
    return load_model(files.folder, progress, files.adapter);
  };
}

}  // namespace mlxd

// The addon's exports. State lives in each environment's instances, never in globals. JavaScript
// threads.
#include "addon/convert.h"
#include "addon/engine_wrap.h"
#include "addon/grammar_wrap.h"
#include "addon/napi_setup.h"
#include "engine/device.h"
#include "engine/inspect.h"

namespace mlxd {

class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports) {
    DefineAddon(exports, {InstanceValue("Engine", EngineWrap::define(env)),
                          InstanceValue("GrammarCompiler", GrammarWrap::define(env)),
                          InstanceMethod<&Addon::runtime>("runtime"),
                          InstanceMethod<&Addon::inspect_model>("inspectModel")});
  }

 private:
  /// runtime(): {mlxVersion, gpu, grammars}, what an engine could use here.
  Napi::Value runtime(const Napi::CallbackInfo& info) {
    auto result = Napi::Object::New(info.Env());
    result["mlxVersion"] = mx::version();
    result["gpu"] = mx::is_available(mx::Device::gpu);
    result["grammars"] = GrammarCompiler::available();
    return result;
  }

  /// inspectModel(options, context): the summary of the model in options.modelPath, which an engine
  /// with these options could load. Throws what a load throws.
  Napi::Value inspect_model(const Napi::CallbackInfo& info) {
    const EngineOptions options = to_engine_options(info[0]);
    return from_summary(info.Env(),
                        mlxd::inspect_model(options, to_model_files(info[0]), to_context(info[1])));
  }
};

}  // namespace mlxd

using mlxd::Addon;
NODE_API_ADDON(Addon)

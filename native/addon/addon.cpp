// The addon's exports. State lives in each environment's instances, never in globals. JavaScript
// threads.
#include "addon/engine_wrap.h"
#include "addon/napi_setup.h"
#include "engine/device.h"

namespace mlxd {

class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports) {
    DefineAddon(exports, {InstanceValue("Engine", EngineWrap::define(env)),
                          InstanceMethod<&Addon::runtime>("runtime")});
  }

 private:
  /// runtime(): {mlxVersion, gpu}, what an engine could use here.
  Napi::Value runtime(const Napi::CallbackInfo& info) {
    auto result = Napi::Object::New(info.Env());
    result["mlxVersion"] = mx::version();
    result["gpu"] = mx::is_available(mx::Device::gpu);
    return result;
  }
};

}  // namespace mlxd

using mlxd::Addon;
NODE_API_ADDON(Addon)

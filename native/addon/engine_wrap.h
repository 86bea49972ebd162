// The JavaScript class Engine over mlxd::Engine: converts, checks types, and ties the engine's life
// to its environment's.
#pragma once

#include <memory>

#include "addon/napi_setup.h"
#include "engine/engine.h"

namespace mlxd {

// Lifetime rules
//
// 1. The thread-safe function is made before the cleanup hook. Hooks run last-in first-out, so at
//    the end of the environment the engine thread is joined while the function that it may be
//    calling still exists.
// 2. After that hook Node destroys the function itself. Our destructor runs later: releasing the
//    function there would be a use after free.
// 3. The function keeps the event loop alive only while a load, a request or a stop is in progress;
//    so long a strong reference keeps this object alive too. An idle engine lets Node exit, and a
//    forgotten one is collected.
// 4. The callback is a property of the JavaScript object. Held by the function it would be a root,
//    and keep alive forever an object that it refers to.
class EngineWrap : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  /// new Engine({modelPath, device, ...}, onWake), with all the options of convert.h
  explicit EngineWrap(const Napi::CallbackInfo& info);
  ~EngineWrap() override;

 private:
  /// What a call to JavaScript in the queue refers to: it may come after the wrap has gone.
  struct Wake {
    EngineWrap* wrap;
  };
  static void call_on_wake(Napi::Env env, Napi::Function, Wake* wake, void*);
  static void delete_wake(Napi::Env, void*, Wake* wake);
  using WakeFunction = Napi::TypedThreadSafeFunction<Wake, void, call_on_wake>;

  Napi::Value submit(const Napi::CallbackInfo& info);
  void cancel(const Napi::CallbackInfo& info);
  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value info(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void begin();
  void end();
  void end_environment();

  std::unique_ptr<Engine> engine_;
  Wake* wake_;
  WakeFunction wake_function_;
  Napi::Env::CleanupHook<void (*)(EngineWrap*), EngineWrap> cleanup_hook_;
  int in_progress_ = 0;  // a load, requests, a stop
  bool stopping_ = false;
  bool closed_ = false;  // the event `closed` was drained
  bool environment_ended_ = false;
};

}  // namespace mlxd

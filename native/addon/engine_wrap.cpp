// The methods of the JavaScript class Engine, and the two ends of its life. JavaScript threads.
#include "addon/engine_wrap.h"

#include <utility>

#include "addon/convert.h"

namespace mlxd {

Napi::Function EngineWrap::define(Napi::Env env) {
  return DefineClass(env, "Engine",
                     {
                         InstanceMethod<&EngineWrap::submit>("submit"),
                         InstanceMethod<&EngineWrap::cancel>("cancel"),
                         InstanceMethod<&EngineWrap::drain>("drain"),
                         InstanceMethod<&EngineWrap::stats>("stats"),
                         InstanceMethod<&EngineWrap::info>("info"),
                         InstanceMethod<&EngineWrap::stop>("stop"),
                         InstanceMethod<&EngineWrap::close>("close"),
                     });
}

EngineWrap::EngineWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<EngineWrap>(info), wake_(nullptr) {
  EngineOptions options = to_engine_options(info[0]);
  Loader loader = folder_loader(to_model_files(info[0]));
  info.This().As<Napi::Object>().Set("onWake", to_function(info[1], "onWake"));

  wake_ = new Wake{this};
  wake_function_ =
      WakeFunction::New(info.Env(), "mlxd", 0, 1, wake_, delete_wake, static_cast<void*>(nullptr));
  wake_function_.Unref(info.Env());
  begin();
  engine_ = std::make_unique<Engine>(std::move(options), std::move(loader),
                                     [this] { wake_function_.NonBlockingCall(); });
  cleanup_hook_ =
      info.Env().AddCleanupHook(+[](EngineWrap* wrap) { wrap->end_environment(); }, this);
}

EngineWrap::~EngineWrap() {
  if (!wake_ || environment_ended_) return;  // the constructor threw, or rule 2
  engine_.reset();
  cleanup_hook_.Remove(Env());
  wake_->wrap = nullptr;
  wake_function_.Release();
}

void EngineWrap::end_environment() {
  environment_ended_ = true;
  // Node still delivers the calls in the queue, but JavaScript no longer runs.
  wake_->wrap = nullptr;
  engine_.reset();
}

void EngineWrap::delete_wake(Napi::Env, void*, Wake* wake) { delete wake; }

void EngineWrap::call_on_wake(Napi::Env env, Napi::Function, Wake* wake, void*) {
  if (!env || !wake->wrap) return;
  const Napi::Object self = wake->wrap->Value();
  if (self.IsEmpty()) return;
  self.Get("onWake").As<Napi::Function>().Call(self, {});
}

void EngineWrap::begin() {
  if (in_progress_++ > 0) return;
  Ref();
  wake_function_.Ref(Env());
}

void EngineWrap::end() {
  if (--in_progress_ > 0) return;
  wake_function_.Unref(Env());
  Unref();
}

Napi::Value EngineWrap::submit(const Napi::CallbackInfo& info) {
  const bool taken = engine_->submit(to_request(info[0]));
  if (taken) begin();
  return Napi::Boolean::New(info.Env(), taken);
}

void EngineWrap::cancel(const Napi::CallbackInfo& info) { engine_->cancel(to_request_id(info[0])); }

Napi::Value EngineWrap::drain(const Napi::CallbackInfo& info) {
  const EventBatch events = engine_->drain();
  const Napi::Object result = from_events(info.Env(), events);
  for (uint8_t kind : events.kinds) {
    switch (static_cast<EventKind>(kind)) {
      case EventKind::token:
      case EventKind::scored_token:
      case EventKind::scored_prompt:
      case EventKind::reused:
      case EventKind::progress:
        break;
      case EventKind::closed:
        closed_ = true;
        if (stopping_) end();
        break;
      default:  // the last event of a request or of the load
        end();
    }
  }
  return result;
}

Napi::Value EngineWrap::stats(const Napi::CallbackInfo& info) {
  return from_stats(info.Env(), engine_->stats());
}

Napi::Value EngineWrap::info(const Napi::CallbackInfo& info) {
  return from_info(info.Env(), engine_->info());
}

void EngineWrap::stop(const Napi::CallbackInfo&) {
  if (stopping_ || closed_) return;
  stopping_ = true;
  begin();
  engine_->stop();
}

void EngineWrap::close(const Napi::CallbackInfo&) { engine_->close(); }

}  // namespace mlxd

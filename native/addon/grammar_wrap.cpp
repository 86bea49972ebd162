#include "addon/grammar_wrap.h"

#include <utility>

#include "addon/convert.h"

namespace mlxd {
namespace {

using Handle = std::shared_ptr<const Grammar>;

// What handles carry, so that an object of another kind is not taken for one.
constexpr napi_type_tag kHandleTag{0x6d6c78642d677261, 0x6d6d61722d763031};

/// Compiles one grammar in libuv's pool. Deletes itself.
class CompileWorker final : public Napi::AsyncWorker {
 public:
  CompileWorker(Napi::Env env, std::shared_ptr<SharedCompiler> compiler, std::string lark)
      : Napi::AsyncWorker(env, "mlxd:grammar"),
        compiler_(std::move(compiler)),
        lark_(std::move(lark)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { grammar_ = compiler_->compile(lark_); }

  void OnOK() override {
    const auto release = [](Napi::Env, Handle* handle) { delete handle; };
    auto handle = Napi::External<Handle>::New(Env(), new Handle(std::move(grammar_)), release);
    handle.TypeTag(&kHandleTag);
    deferred_.Resolve(handle);
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  std::shared_ptr<SharedCompiler> compiler_;
  std::string lark_;
  Napi::Promise::Deferred deferred_;
  Handle grammar_;
};

}  // namespace

std::shared_ptr<const Grammar> SharedCompiler::compile(const std::string& lark) {
  {
    std::lock_guard lock(mutex_);
    if (!compiler_) {
      compiler_ = GrammarCompiler::make(vocabulary_);
      vocabulary_ = {};
    }
  }
  return compiler_->compile(lark);
}

Napi::Function GrammarWrap::define(Napi::Env env) {
  return DefineClass(env, "GrammarCompiler", {InstanceMethod<&GrammarWrap::compile>("compile")});
}

GrammarWrap::GrammarWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<GrammarWrap>(info),
      compiler_(std::make_shared<SharedCompiler>(to_vocabulary(info[0]))) {}

Napi::Value GrammarWrap::compile(const Napi::CallbackInfo& info) {
  if (!info[0].IsString()) throw Napi::TypeError::New(info.Env(), "lark must be a string");
  const std::string lark = info[0].As<Napi::String>();
  auto* worker = new CompileWorker(info.Env(), compiler_, lark);
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

std::shared_ptr<const Grammar> to_grammar(const Napi::Value& value) {
  if (value.IsUndefined()) return nullptr;
  if (value.IsExternal()) {
    const auto external = value.As<Napi::External<Handle>>();
    if (external.CheckTypeTag(&kHandleTag)) return *external.Data();
  }
  throw Napi::TypeError::New(value.Env(), "grammar must be what GrammarCompiler.compile gave");
}

}  // namespace mlxd

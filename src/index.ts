// The public surface of the package; docs/library.md tells how to use it.
export { EngineError, type EngineErrorCode, type FinishReason, type ModelInfo } from './engine/types.js';
export { type ChatDelta, type ChatOptions, type LoadOptions, load, Model } from './library.js';
export { NativeLoadError } from './native/load-failure.js';
export { ModelFolderError } from './services/model-folder.js';
export {
  ImportError,
  type ImportedType,
  type ImportOptions,
  type ImportResult,
  importGguf,
} from './services/model-import.js';
export { DEFAULT_MODEL, ModelNotFoundError } from './services/model-store.js';
export type { Reply } from './services/reply.js';
export type { ChatMessage, Usage } from './services/types.js';
export { ChatTemplateError, type ChatTemplateErrorCode, TokenizerError } from './text/types.js';

// The worker thread's side of template-renderer.ts: renders one chat template at a time. It is the only thing that this
// thread runs, so that a template that never ends is ended with it.
import { parentPort } from 'node:worker_threads';
import { ChatTemplate, type TemplateContext } from '../text/chat-template.js';
import { ChatTemplateError, type ChatTemplateErrorCode } from '../text/types.js';

export interface RenderTask {
  template: string;
  context: TemplateContext;
}

export type RenderResult = { prompt: string } | { code: ChatTemplateErrorCode; message: string };

let compiled: { source: string; template: ChatTemplate } | undefined;

parentPort?.on('message', ({ template, context }: RenderTask) => {
  parentPort?.postMessage(render(template, context));
});

function render(source: string, context: TemplateContext): RenderResult {
  try {
    if (compiled?.source !== source) compiled = { source, template: new ChatTemplate(source) };
    return { prompt: compiled.template.render(context) };
  } catch (error) {
    if (error instanceof ChatTemplateError) return { code: error.code, message: error.message };
    throw error;
  }
}

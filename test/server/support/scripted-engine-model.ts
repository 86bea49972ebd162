// A whole model on the scripted engine: its replies, as text, go through tokenizer, parser, server and wire.
import { ScriptedEngine } from '../../../src/services/scripted/scripted-engine.js';
import { serveModel } from '../../../src/services/served-model.js';
import type { ModelCatalog } from '../../../src/services/types.js';
import type { ToolCallFormatName } from '../../../src/text/tool-calls/formats.js';
import { loadFixture } from '../../text/fixtures.js';

/** Thinks in tags, calls as Hermes does; tool messages and calls are written back. */
export const AGENT_TEMPLATE = `{% if tools %}<|im_start|>system
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{% if m.content is string %}{{ m.content }}{% endif %}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`;

export interface ScriptedReply {
  prompt?: string;
  tokens: string[];
}

export async function scriptedCatalog(
  replies: ScriptedReply[],
  template = AGENT_TEMPLATE,
  toolFormat?: ToolCallFormatName,
): Promise<ModelCatalog> {
  const tokenizer = await loadFixture('byte-level');
  const script = { context_length: 4096, replies: replies.map((reply) => ({ prompt: '', ...reply })) };
  const model = await serveModel({
    id: 'scripted/model',
    created: 1_700_000_000,
    engine: new ScriptedEngine(script, tokenizer),
    tokenizer,
    template: { template, specialTokens: {} },
    ...(toolFormat ? { toolFormat } : {}),
  });
  return { list: () => [model], get: (id) => (id === model.id ? model : undefined) };
}

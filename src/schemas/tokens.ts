// Wire types of POST /tokenize and POST /detokenize, names as in vLLM.
import { z } from 'zod';
import { chatMessages } from './chat-messages.js';
import { refuse, tokenIds } from './fields.js';
import { apiErrors } from './openai-errors.js';
import { jsonObject, toolDefinitions } from './tools.js';

/** More than any context holds; their text is made in one go. */
const MAX_TOKENS = 2 ** 20;

/** A text, or the conversation whose prompt is to be counted. */
export const tokenizeRequest = z
  .object({
    model: z.string(),
    prompt: z.string().nullish(),
    messages: chatMessages.nullish(),
    tools: toolDefinitions.nullish(),
    chat_template_kwargs: jsonObject.nullish(),
    /** Whether a text begins as the model's texts do. Default: true. */
    add_special_tokens: z.boolean().nullish(),
  })
  .superRefine(({ prompt, messages }, context) => {
    if (typeof prompt === 'string' && messages) {
      refuse(context, (param) => apiErrors.exclusiveParameters(param, 'messages'), ['prompt']);
    } else if (typeof prompt !== 'string' && !messages) {
      refuse(context, apiErrors.missingParameter, ['prompt']);
    }
  });

export const detokenizeRequest = z.object({ model: z.string(), tokens: tokenIds({ maximum: MAX_TOKENS }) });

export const tokenized = z.object({
  tokens: z.array(z.int()).readonly(),
  count: z.int(),
  max_model_len: z.int(),
});

export const detokenized = z.object({ prompt: z.string() });

export type Tokenized = z.output<typeof tokenized>;

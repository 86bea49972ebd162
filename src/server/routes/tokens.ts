// POST /tokenize and POST /detokenize: what a model makes of a text, and of tokens. Nothing is generated. Main thread.
import type { Tokenized } from '../../schemas/tokens.js';
import type { ModelCatalog } from '../../services/types.js';
import type { ApiInstance } from '../app.js';
import { operations } from '../operations.js';
import { toChatMessages, toTools } from './chat-messages-mapper.js';
import { readyModel } from './ready-model.js';

export function addTokens(app: ApiInstance, models: ModelCatalog): void {
  app.post('/tokenize', { schema: operations.tokenize }, async ({ body }): Promise<Tokenized> => {
    const model = readyModel(models, body.model);
    const { prompt, messages, chat_template_kwargs: templateVariables, add_special_tokens: start } = body;
    const tokens = messages
      ? await model.tokenizeChat({
          messages: toChatMessages(messages),
          tools: toTools(body),
          ...(templateVariables ? { templateVariables } : {}),
        })
      : await model.tokenize(prompt ?? '', start ?? true);
    return { tokens, count: tokens.length, max_model_len: model.info.contextLength };
  });

  app.post('/detokenize', { schema: operations.detokenize }, async ({ body }) => ({
    prompt: readyModel(models, body.model).detokenize(body.tokens),
  }));
}

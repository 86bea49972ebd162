// Finds a model's chat template and special tokens in its folder, where transformers looks for them. Reads files only.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { ChatTemplateError, TokenizerError } from './types.js';

const specialToken = z.union([z.string(), z.object({ content: z.string() }).transform((token) => token.content)]);
const namedTemplates = z.array(z.object({ name: z.string(), template: z.string() }));
const tokenizerConfig = z.looseObject({
  chat_template: z.union([z.string(), namedTemplates]).nullish(),
  bos_token: specialToken.nullish(),
  eos_token: specialToken.nullish(),
  unk_token: specialToken.nullish(),
  pad_token: specialToken.nullish(),
});
type TokenizerConfig = z.infer<typeof tokenizerConfig>;

export interface ChatTemplateFiles {
  /** The template's source; undefined for a model that has none. */
  template: string | undefined;
  /** `bos_token`, `eos_token`, `unk_token`, `pad_token`: those that the model has. */
  specialTokens: Readonly<Record<string, string>>;
}

/** Reads `folder`. Throws TokenizerError for a tokenizer_config.json that is broken. */
export async function readChatTemplateFiles(folder: string): Promise<ChatTemplateFiles> {
  const [jinja, legacy, config] = await Promise.all([
    readIfThere(join(folder, 'chat_template.jinja')),
    readIfThere(join(folder, 'chat_template.json')),
    readIfThere(join(folder, 'tokenizer_config.json')),
  ]);
  const name = (file: string) => join(basename(folder), file);
  const { chat_template, ...tokens } = parseConfig(config, name('tokenizer_config.json'));
  const inLegacy = parseConfig(legacy, name('chat_template.json')).chat_template;
  return {
    template: jinja ?? pickTemplate(inLegacy) ?? pickTemplate(chat_template),
    specialTokens: Object.fromEntries(
      (['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const).flatMap((key) => {
        const token = tokens[key];
        return typeof token === 'string' ? [[key, token]] : [];
      }),
    ),
  };
}

/** Throws ChatTemplateError `missing`. `model` is what the message calls it. */
export function requireTemplate(template: string | undefined, model: string): string {
  if (template !== undefined) return template;
  throw new ChatTemplateError(
    'missing',
    `The model ${model} has no chat template, so it cannot chat: it was probably made to complete text. ` +
      'Use a model made for chat, or put a chat_template.jinja into its folder.',
  );
}

/** Of several, the one that transformers takes when it is not told which. */
function pickTemplate(value: TokenizerConfig['chat_template']): string | undefined {
  if (value === null || value === undefined || typeof value === 'string') return value ?? undefined;
  return (value.find((entry) => entry.name === 'default') ?? value[0])?.template;
}

function parseConfig(source: string | undefined, name: string): TokenizerConfig {
  if (source === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new TokenizerError(`${name} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
  const result = tokenizerConfig.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new TokenizerError(`${name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new TokenizerError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

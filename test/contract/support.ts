// What the contract tests of other clients share: a listening server on the scripted engine, and what it says.
import { z } from 'zod';
import { probeRuntime } from '../../src/engine/runtime.js';
import { EngineError } from '../../src/engine/types.js';
import { serve } from '../server/support/requests.js';
import { type ScriptedReply, scriptedCatalog } from '../server/support/scripted-engine-model.js';
import { ScriptedModel } from '../server/support/scripted-model.js';

export const MODEL = 'scripted/model';
export const WEATHER = {
  name: 'get_weather',
  description: 'Tells the weather.',
  parameters: { type: 'object' as const, properties: { city: { type: 'string' as const } }, required: ['city'] },
};
export const QUESTION = 'Weather in Paris?';
export const RESULT = '21 degrees';
export const ANSWER = 'It is 21 degrees.';
export const THOUGHT = 'I must look.';

export const PERSON = z.object({
  name: z.string().describe('The whole name.'),
  age: z.number().int().min(0),
  email: z.email().nullable(),
  friends: z.array(z.object({ name: z.string() })),
  role: z.enum(['admin', 'user']),
});
export const WHO = 'Who is Ann?';
export const ANN: z.infer<typeof PERSON> = {
  name: 'Ann',
  age: 30,
  email: null,
  friends: [{ name: 'Zoë' }],
  role: 'user',
};
const ANN_TOKENS = ['{"name": "A', 'nn", "age": 30, "email": null, "fri', 'ends": [{"name": "Zoë"}], "role": "user"}'];

/** Whether this build can hold replies to schemas. */
export function hasGrammars(): boolean {
  const runtime = probeRuntime();
  return runtime.loads && runtime.grammars;
}

const REPLIES: ScriptedReply[] = [
  { prompt: WHO, tokens: [...ANN_TOKENS, '<|im_end|>'] },
  { prompt: RESULT, tokens: ['It is ', '21 degrees.', '<|im_end|>'] },
  {
    prompt: QUESTION,
    tokens: [
      '<think>',
      'I must',
      ' look.',
      '</think>\n\n',
      '<tool_',
      'call>\n{"name": "get_',
      'weather", "argu',
    ].concat(['ments": {"ci', 'ty": "Par', 'is"}', '}\n</tool_call>', '<|im_end|>']),
  },
  { prompt: 'Say hello', tokens: ['Hel', 'lo ', 'there.', '<|im_end|>'] },
];

/** The URL of a server that thinks, calls the tool, and answers with its result. */
export async function scriptedServer(): Promise<string> {
  const { url } = await serve(await scriptedCatalog(REPLIES));
  return `${url}/v1`;
}

/** A server whose generations the test drives. */
export async function drivenServer(): Promise<{ url: string; model: ScriptedModel }> {
  const model = new ScriptedModel();
  const { url } = await serve(model);
  return { url: `${url}/v1`, model };
}

/** A server whose generations all fail after the first word. */
export async function failingServer(): Promise<string> {
  const { url } = await serve(
    new ScriptedModel(undefined, (call) => call.say('a').fail(new EngineError('generation_failed', 'x'))),
  );
  return `${url}/v1`;
}

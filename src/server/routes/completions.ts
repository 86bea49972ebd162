// POST /v1/completions, whole or streamed: text that goes on, no template. Main thread.
import type { FastifyReply } from 'fastify';
import type { CompletionRequest } from '../../schemas/completions.js';
import { apiErrors } from '../../schemas/openai-errors.js';
import { constraintPaths } from '../../schemas/structured-output.js';
import type { CompletionInput, Echo, ModelCatalog, Usage } from '../../services/types.js';
import type { ApiInstance } from '../app.js';
import { type Choices, runChoices, withPromptParam } from '../choices.js';
import type { InFlight } from '../in-flight.js';
import { operations } from '../operations.js';
import { ReplyClock } from '../reply-clock.js';
import { toWireUsage } from './chat-completions-mapper.js';
import {
  characters,
  chooseBest,
  newCompletionHead,
  sumCompletionUsage,
  type TextChoice,
  toCompletion,
  toCompletionInputs,
  toTokenLogprobs,
} from './completions-mapper.js';
import { readyModel } from './ready-model.js';
import { refuseUnknownTokens } from './sampling-mapper.js';
import { streamed } from './streamed.js';
import type { Turn } from './turn.js';

type CompletionTurn = Turn<CompletionRequest>;

export function addCompletions(app: ApiInstance, models: ModelCatalog, inFlight: InFlight): void {
  app.post('/v1/completions', { schema: operations.completions }, async (request, reply) => {
    const { body } = request;
    const model = readyModel(models, body.model);
    refuseUnknownTokens(body, model.info.vocabSize);
    if (body.suffix && !model.fillsMiddle) {
      throw apiErrors.unsupportedByModel('suffix', 'This model was not taught to fill in text before a suffix.');
    }
    const turn: CompletionTurn = { request, reply, body, model, controller: inFlight.begin(reply) };
    return body.stream ? streamCompletion(turn) : wholeCompletion(turn);
  });
}

function textChoices({ model, body }: CompletionTurn, inputs: readonly CompletionInput[]): Choices {
  const choices = inputs.map((input) => (signal: AbortSignal) => model.complete(input, signal));
  return { model, choices, promptParam: 'prompt', grammarParam: constraintPaths(body)[0] ?? 'prompt' };
}

const NO_ECHO: Echo = { text: '' };

/** What stands before the own text of each choice. Candidates of one prompt have the same. */
async function echoesOf(
  { body, model, controller }: CompletionTurn,
  inputs: readonly CompletionInput[],
): Promise<Echo[]> {
  if (!body.echo) return inputs.map(() => NO_ECHO);
  const byGroup = new Map<object | undefined, Promise<Echo>>();
  for (const input of inputs) {
    if (!byGroup.has(input.group)) byGroup.set(input.group, model.echo(input, controller.signal));
  }
  try {
    return await Promise.all(inputs.map((input) => byGroup.get(input.group) ?? NO_ECHO));
  } catch (error) {
    controller.abort(error);
    throw withPromptParam(model, 'prompt', error);
  }
}

async function wholeCompletion(turn: CompletionTurn): Promise<FastifyReply> {
  const { request, reply, body, model, controller } = turn;
  const inputs = toCompletionInputs(body);
  const usages: Usage[] = [];
  const clock = new ReplyClock();
  const echoes = await echoesOf(turn, inputs);
  const candidates = echoes.map((echo): TextChoice => ({ echo, text: '', logprobs: [], reason: 'stop' }));
  await runChoices(textChoices(turn, inputs), controller, (index, delta) => {
    clock.tick();
    const choice = candidates[index] as TextChoice;
    if (delta.type === 'text') {
      choice.text += delta.text;
      choice.logprobs.push(...(delta.logprobs ?? []));
    } else if (delta.type === 'finish') {
      choice.reason = delta.reason;
      usages[index] = delta.usage;
    }
  });
  request.usage = sumCompletionUsage(body, usages);
  const choices = chooseBest(body, candidates).map(({ echo, text, logprobs, reason }, index) => ({
    text: echo.text + text,
    index,
    logprobs: typeof body.logprobs === 'number' ? toTokenLogprobs([...(echo.tokens ?? []), ...logprobs], 0) : null,
    finish_reason: reason,
  }));
  const timings = clock.read(request.usage, inputs.length);
  return reply.send({
    ...toCompletion(newCompletionHead(model.id), choices),
    usage: toWireUsage(request.usage),
    timings,
  });
}

function streamCompletion(turn: CompletionTurn): Promise<FastifyReply> {
  const { request, body, model, controller } = turn;
  const head = newCompletionHead(model.id);
  const inputs = toCompletionInputs(body);
  const offsets = inputs.map(() => 0);
  const clock = new ReplyClock();
  const usages: Usage[] = [];
  return streamed(turn, async (stream) => {
    const echoes = await echoesOf(turn, inputs);
    await runChoices(textChoices(turn, inputs), controller, (index, delta) => {
      clock.tick();
      const finish_reason = delta.type === 'finish' ? delta.reason : null;
      const echo = echoes[index] ?? NO_ECHO;
      echoes[index] = NO_ECHO;
      const scored = [...(echo.tokens ?? []), ...(delta.type === 'text' ? (delta.logprobs ?? []) : [])];
      const logprobs = typeof body.logprobs === 'number' ? toTokenLogprobs(scored, offsets[index] ?? 0) : null;
      const text = echo.text + (delta.type === 'text' ? delta.text : '');
      for (const token of scored) offsets[index] = (offsets[index] ?? 0) + characters(token.text);
      if (delta.type === 'finish') usages[index] = delta.usage;
      stream.send(toCompletion(head, [{ text, index, logprobs, finish_reason }]));
    });
    request.usage = sumCompletionUsage(body, usages);
    if (!body.stream_options?.include_usage) return;
    const timings = clock.read(request.usage, inputs.length);
    stream.send({ ...toCompletion(head, []), usage: toWireUsage(request.usage), timings });
  });
}

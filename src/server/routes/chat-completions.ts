// POST /v1/chat/completions, whole or streamed. One way through for both: choices run into a sink that collects or
// sends them. Main thread.
import type { FastifyReply } from 'fastify';
import type { ChatCompletionRequest } from '../../schemas/chat-completions.js';
import { constraintPaths } from '../../schemas/structured-output.js';
import type { GenerationInput, ModelCatalog, Usage } from '../../services/types.js';
import type { ApiInstance } from '../app.js';
import { type Choices, runChoices } from '../choices.js';
import type { InFlight } from '../in-flight.js';
import { operations } from '../operations.js';
import { ReplyClock } from '../reply-clock.js';
import {
  deltaChunk,
  finishChunk,
  isLegacy,
  newReplyHead,
  roleChunk,
  sumUsage,
  toChatCompletion,
  toGenerationInputs,
  usageChunk,
} from './chat-completions-mapper.js';
import { addDelta, type ChatChoice, newChoice, toFinishReason } from './chat-reply-mapper.js';
import { readyModel } from './ready-model.js';
import { refuseUnknownTokens } from './sampling-mapper.js';
import { streamed } from './streamed.js';
import type { Turn } from './turn.js';

type ChatTurn = Turn<ChatCompletionRequest>;

export function addChatCompletions(app: ApiInstance, models: ModelCatalog, inFlight: InFlight): void {
  app.post('/v1/chat/completions', { schema: operations.chatCompletions }, async (request, reply) => {
    const { body } = request;
    const model = readyModel(models, body.model);
    refuseUnknownTokens(body, model.info.vocabSize);
    const turn: ChatTurn = { request, reply, body, model, controller: inFlight.begin(reply) };
    return body.stream ? streamReply(turn) : wholeReply(turn);
  });
}

function chatChoices({ model, body }: ChatTurn, inputs: readonly GenerationInput[]): Choices {
  const choices = inputs.map((input) => (signal: AbortSignal) => model.chat(input, signal));
  return { model, choices, promptParam: 'messages', grammarParam: constraintPaths(body)[0] ?? 'tools' };
}

async function wholeReply(turn: ChatTurn): Promise<FastifyReply> {
  const { request, reply, body, model, controller } = turn;
  const inputs = toGenerationInputs(body);
  const choices = inputs.map(({ sampling }) => newChoice(sampling.logprobs !== undefined));
  const usages: Usage[] = [];
  const clock = new ReplyClock();
  await runChoices(chatChoices(turn, inputs), controller, (index, delta) => {
    clock.tick();
    const choice = choices[index] as ChatChoice;
    if (delta.type !== 'finish') return addDelta(choice, delta);
    choice.reason = delta.reason;
    usages.push(delta.usage);
  });
  request.usage = sumUsage(usages);
  const end = { usage: request.usage, timings: clock.read(request.usage, choices.length), legacy: isLegacy(body) };
  return reply.send(toChatCompletion(newReplyHead(model.id), choices, end));
}

function streamReply(turn: ChatTurn): Promise<FastifyReply> {
  const { request, body, model, controller } = turn;
  const head = newReplyHead(model.id);
  const legacy = isLegacy(body);
  const clock = new ReplyClock();
  const started = new Set<number>();
  const calling = new Set<number>();
  const usages: Usage[] = [];
  return streamed(turn, async (stream) => {
    await runChoices(chatChoices(turn, toGenerationInputs(body)), controller, (index, delta) => {
      clock.tick();
      if (!started.has(index)) {
        started.add(index);
        stream.send(roleChunk(head, index));
      }
      if (delta.type === 'tool-call') calling.add(index);
      if (delta.type !== 'finish') return stream.send(deltaChunk(head, index, delta, legacy));
      usages.push(delta.usage);
      stream.send(finishChunk(head, index, toFinishReason(delta.reason, calling.has(index), legacy)));
    });
    request.usage = sumUsage(usages);
    if (!body.stream_options?.include_usage) return;
    stream.send(usageChunk(head, request.usage, clock.read(request.usage, usages.length)));
  });
}

// `npm run bench:precision`: what the integer precisions of the CPU kernels cost in quality, against `exact`.

import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BuildError, main } from '../../scripts/build/errors.js';
import { ROOT } from '../../scripts/build/paths.js';
import { DEFAULT_MODEL, ModelStore } from '../../src/services/model-store.js';
import { makePrompt } from '../../src/services/prompt.js';
import { TemplateRenderer } from '../../src/services/template-renderer.js';
import { readChatTemplateFiles } from '../../src/text/chat-template-files.js';
import { findReplyFormat } from '../../src/text/reply-format.js';
import { loadTokenizer } from '../../src/text/tokenizer.js';
import { keepsPerplexity, keepsTokens, PRECISIONS, type Quality, qualityOf } from './agreement.js';
import { buildProbe, probe, type Sequence } from './probe.js';
import { PROMPTS } from './prompts.js';
import { type Report, reportText } from './report.js';

const HELP = `Usage: npm run bench:precision -- [options]

Measures how near the precisions balanced and fast, and keys and values in 8 and 4 bits, come to exact on a CPU: greedy
tokens, perplexity, logits.

  --model NAME|PATH   default: ${DEFAULT_MODEL}
  --threads N         default: one a physical core; changes no result
  --json              the figures as JSON
  --check             end with status 1 when balanced misses a floor
  --help`;

const ANSWER_TOKENS = 64;
const TEXT = join(ROOT, 'bench', 'precision', 'text.txt');

main('bench:precision', async () => {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: DEFAULT_MODEL },
      threads: { type: 'string' },
      json: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const report = await measure(values.model, threadsOf(values.threads));
  console.log(values.json ? JSON.stringify(report, null, 2) : reportText(report));
  const { balanced } = report.qualities;
  if (values.check && !(keepsTokens(balanced) && keepsPerplexity(balanced))) process.exitCode = 1;
});

function threadsOf(value: string | undefined): number | undefined {
  if (value === undefined || /^[1-9]\d*$/.test(value)) return value === undefined ? undefined : Number(value);
  throw new BuildError(`--threads takes a whole number from 1, not ${JSON.stringify(value)}`);
}

async function measure(model: string, threads: number | undefined): Promise<Report> {
  const { folder, name } = await new ModelStore().find(model);
  const prompts = await encodePrompts(name, folder);
  const text = await encodeText(folder);
  const options = { folder, answerTokens: ANSWER_TOKENS, threads };
  const found = await probe(await buildProbe(), [...prompts, text], options);
  const answered = found.sequences.slice(0, prompts.length);
  const read = found.sequences[prompts.length];
  if (!read) throw new Error('precision_probe left out the text');
  const qualities = Object.fromEntries(
    PRECISIONS.map((precision) => [precision, qualityOf(precision, answered, read)]),
  ) as Record<(typeof PRECISIONS)[number], Quality>;
  return {
    model: name,
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    isa: found.isa,
    threads: found.threads,
    prompts: prompts.length,
    answerTokens: ANSWER_TOKENS,
    textTokens: text.tokens.length - 1,
    qualities,
    differences: found.differences,
  };
}

async function encodePrompts(model: string, folder: string): Promise<Sequence[]> {
  const [tokenizer, template] = await Promise.all([loadTokenizer(folder), readChatTemplateFiles(folder)]);
  const renderer = new TemplateRenderer();
  try {
    const format = findReplyFormat(template.template ?? '');
    const maker = { model, tokenizer, template, format, renderer };
    return await Promise.all(
      PROMPTS.map(async (content) => ({
        kind: 'prompt' as const,
        tokens: (await makePrompt(maker, { messages: [{ role: 'user', content }] })).tokens,
      })),
    );
  } finally {
    await renderer.close();
  }
}

async function encodeText(folder: string): Promise<Sequence> {
  const tokenizer = await loadTokenizer(folder);
  return { kind: 'text', tokens: await tokenizer.encode(await readFile(TEXT, 'utf8')) };
}

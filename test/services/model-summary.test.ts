// What `mlxd show` and `mlxd doctor` say of a model: of the fixtures' checkpoints with a tokenizer and templates.
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkModel } from '../../src/services/doctor.js';
import { ModelStore } from '../../src/services/model-store.js';
import { summarizeModel } from '../../src/services/model-summary.js';
import { tinyModelPath } from '../engine/tiny-models.js';

const TOKENIZER = fileURLToPath(new URL('../fixtures/text/byte-level/tokenizer.json', import.meta.url));

let folder: string;
let store: ModelStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlxd-summary-'));
  store = new ModelStore(join(folder, 'none'));
  cpSync(tinyModelPath('llama-mixed-quantized'), folder, { recursive: true });
  copyFileSync(TOKENIZER, join(folder, 'tokenizer.json'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function editConfig(edit: object): void {
  const path = join(folder, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...config, ...edit }));
}

const writeTemplate = (template: string): void => writeFileSync(join(folder, 'chat_template.jinja'), template);

describe('summarizeModel', () => {
  it('tells shape, weights, memory and tokenizer', async () => {
    editConfig({ architectures: ['LlamaForCausalLM'] });
    const { outline, tokenizer, ...summary } = await summarizeModel(store, folder, { context: 100 });
    expect(summary).toMatchObject({ modelType: 'llama', architecture: 'LlamaForCausalLM', problems: [] });
    expect(outline).toMatchObject({ layers: 2, heads: 4, kvHeads: 2, hiddenSize: 64, contextLength: 512 });
    expect(outline?.weights.map(({ format, bits, groupSize }) => [format, bits, groupSize])).toEqual([
      ['affine', 4, 32],
      ['float16', 16, undefined],
      ['affine', 6, 32],
      ['affine', 8, 64],
    ]);
    expect(outline?.memory).toMatchObject({ context: 100, longestContext: 512 });
    expect(tokenizer?.kind).toBe('BPE');
    expect(summary).not.toHaveProperty('chat');
  });

  it.each([
    ['{{ messages[0].content }}', false, 'generic', 'written', false],
    ['{% for t in tools or [] %}<tool_call>{% endfor %}{{ messages[-1].content }}', true, 'hermes', 'ignored', false],
    [
      "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ messages[0].content }}</think>",
      false,
      'generic',
      'refused',
      true,
    ],
    ['{{ messages[0].content }}{{ tools }}<|channel|>', true, 'harmony', 'written', true],
  ])('reads what a template can do: %s', async (template, templateHasTools, toolFormat, system, thinks) => {
    writeTemplate(template);
    const { chat, problems } = await summarizeModel(store, folder);
    expect(chat).toEqual({ templateHasTools, toolFormat, system, thinks });
    expect(problems).toEqual([]);
  });

  it('says why a model cannot be used, and the rest all the same', async () => {
    editConfig({ model_type: 'mamba' });
    const { outline, problems, tokenizer } = await summarizeModel(store, folder);
    expect(problems).toEqual([expect.stringMatching(/"mamba" is not supported; supported are .*llama/)]);
    expect(outline).toBeUndefined();
    expect(tokenizer?.vocabSize).toBeGreaterThan(0);
    writeFileSync(join(folder, 'tokenizer.json'), '{}');
    expect((await summarizeModel(store, folder)).problems).toHaveLength(2);
  });
});

describe('checkModel', () => {
  it('is content with a model that fits', async () => {
    expect(await checkModel(store, folder)).toMatchObject({ status: 'ok' });
  });

  it.each([
    [1000, 'failed', /of its context of 512 tokens 0 fit/],
    [125_000, 'warning', /of its context of 512 tokens 256 fit/],
  ])('weighs it against the limit: %d bytes', async (memoryLimit, status, detail) => {
    const check = await checkModel(store, folder, { memoryLimit });
    expect(check).toMatchObject({ status, detail: expect.stringMatching(detail) });
    expect(check.fix).toContain(`mlxd show ${folder}`);
  });

  it('fails where the model cannot be loaded', async () => {
    editConfig({ model_type: 'mamba' });
    expect(await checkModel(store, folder)).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/"mamba"/),
    });
  });
});

// The results as text for a terminal. Pure.

import { table } from '../peers/report.js';
import {
  type Count,
  EQUAL_TOKENS_FLOOR,
  keepsPerplexity,
  keepsTokens,
  PERPLEXITY_CHANGE_BOUND,
  PRECISIONS,
  type Precision,
  type Quality,
  share,
} from './agreement.js';
import type { Findings } from './probe.js';

export interface Report {
  model: string;
  cpu: string;
  isa: string;
  threads: number;
  prompts: number;
  answerTokens: number;
  /** Tokens of the text that are judged: all but the first. */
  textTokens: number;
  qualities: Record<Precision, Quality>;
  differences: Findings['differences'];
}

const percent = (value: number, digits: number): string => `${(100 * value).toFixed(digits)} %`;
const counted = (count: Count): string => `${percent(share(count), 2)} (${count.equal} of ${count.of})`;
const signed = (value: number): string => `${value < 0 ? '' : '+'}${percent(value, 4)}`;
const verdict = (met: boolean): string => (met ? 'met' : 'missed');

export function reportText(report: Report): string {
  const { qualities, differences } = report;
  const row = (label: string, cell: (quality: Quality, precision: Precision) => string, floor = ''): string[] => [
    label,
    ...PRECISIONS.map((precision) => cell(qualities[precision], precision)),
    floor,
  ];
  const { balanced } = qualities;
  return [
    `${report.model} on ${report.cpu}, ${report.isa}, ${report.threads} threads`,
    `${report.prompts} prompts, up to ${report.answerTokens} greedy tokens each; a text of ${report.textTokens} tokens`,
    table([
      ['', ...PRECISIONS, 'floor of balanced'],
      row(
        'answers run freely: tokens equal',
        ({ free }) => counted(free),
        `>= ${percent(EQUAL_TOKENS_FLOOR, 0)}: ${verdict(keepsTokens(balanced))}`,
      ),
      row('  answers wholly equal', ({ answers }) => `${answers.equal} of ${answers.of}`),
      row('answers of exact read: choices equal', ({ forced }) => counted(forced)),
      row('text read: choices equal', ({ text }) => counted(text)),
      row('perplexity of the text', ({ perplexity }) => perplexity.toFixed(5)),
      row(
        '  change',
        ({ perplexityChange }) => signed(perplexityChange),
        `< ${percent(PERPLEXITY_CHANGE_BOUND, 2)}: ${verdict(keepsPerplexity(balanced))}`,
      ),
      row('largest difference of a logit', (_, precision) => differences[precision].max.toPrecision(3)),
      row('mean difference of a logit', (_, precision) => differences[precision].mean.toPrecision(3)),
    ]),
    'Run freely, every token after the first that differs counts as different.',
  ].join('\n');
}

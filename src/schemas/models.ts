// Wire types of GET /v1/models and GET /v1/models/{id}.
import { z } from 'zod';

export const modelObject = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int().describe('Unix seconds.'),
  owned_by: z.string(),
});

export const modelList = z.object({ object: z.literal('list'), data: z.array(modelObject) });

export type ModelObject = z.output<typeof modelObject>;
export type ModelList = z.output<typeof modelList>;

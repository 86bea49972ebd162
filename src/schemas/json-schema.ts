// JSON Schema of the wire types, for the API's description. Validation does not use it.
import { z } from 'zod';

const shownSchemas = new WeakMap<object, z.ZodType>();

/** Describes `schema` as `shown`: for one that says less than it takes, because code checks the rest. */
export function showAs<T extends z.ZodType>(schema: T, shown: z.ZodType): T {
  shownSchemas.set(schema, shown);
  return schema;
}

/** JSON Schema (draft 2020-12) of what a client sends (`input`) or gets (`output`). */
export function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const shown = shownSchemas.get(zodSchema);
      if (!shown) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
      Object.assign(jsonSchema, toJsonSchema(shown, io));
    },
  });
  return json;
}

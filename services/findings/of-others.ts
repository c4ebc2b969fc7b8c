import { z } from 'zod';

/** What stands in the place of a field for people who may not see the other domains that it speaks of. */
interface Instead {
  value: string | number | null | readonly [];
  /**
   * The stored summary speaks of them, too, where the field has another value: these words and the domain
   * are its summary then.
   */
  summary?: string;
}

export interface PlaceOfOthers extends Instead {
  /** From the facts on. */
  path: readonly string[];
}

const marked = z.registry<Instead>();

/** Marks a field of facts that speaks of other domains than the finding's own. */
export function ofOthers<Schema extends z.ZodType>(schema: Schema, instead: Instead): Schema {
  marked.add(schema, instead);
  return schema;
}

/** The fields of facts that are marked so. */
export function* placesOfOthers(schema: unknown, path: readonly string[] = []): Generator<PlaceOfOthers> {
  if (!(schema instanceof z.ZodType)) return;
  const instead = marked.get(schema);
  if (instead !== undefined) yield { path, ...instead };
  else if (schema instanceof z.ZodObject)
    for (const [name, field] of Object.entries(schema.shape)) yield* placesOfOthers(field, [...path, name]);
  else if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    yield* placesOfOthers(schema.unwrap(), path);
}

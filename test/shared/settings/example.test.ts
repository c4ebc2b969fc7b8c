import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { DEFAULT_LIMITS } from '../../../services/report/limits.ts';
import { settingsSchema } from '../../../services/shared/settings/settings-schema.ts';

const text = readFileSync(path.resolve(import.meta.dirname, '../../../ruawatch.example.yaml'), 'utf8');

/** The names of all settings, those inside others as well; upper-case ones are of the environment. */
function namesOf(schema: z.ZodType): string[] {
  const { def } = schema as unknown as {
    def: { type: string; innerType?: z.ZodType; element?: z.ZodType; shape?: Record<string, z.ZodType>; in?: z.ZodType };
  };
  const inner = def.innerType ?? def.element ?? def.in;
  const own = Object.entries(def.shape ?? {}).flatMap(([name, value]) => [name, ...namesOf(value)]);
  return [...own, ...(inner === undefined ? [] : namesOf(inner))];
}

test('ruawatch.example.yaml names every setting, a secret by its file', () => {
  const names = [...new Set(namesOf(settingsSchema))];
  expect(names.length).toBeGreaterThan(60);
  expect(names.filter((name) => !new RegExp(`\\b${name}(?:_file|_FILE)?\\b`).test(text))).toEqual([]);
});

test('its limits of reading are the defaults', () => {
  const section = /\n# ?limits:\n([\s\S]*?)\n\n/.exec(text)?.[1] ?? '';
  const shown = [...section.matchAll(/^#? +(\w+): (\d+)/gm)].map(([, name, value]) => [name!, Number(value)] as const);
  expect(shown.length).toBe(Object.keys(DEFAULT_LIMITS).length);
  for (const [name, value] of shown) expect((DEFAULT_LIMITS as unknown as Record<string, unknown>)[name], name).toBe(value);
});

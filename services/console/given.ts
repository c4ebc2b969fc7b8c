import { z } from 'zod';
import { isBlank } from '../shared/escape.ts';
import { words } from './page-words/en.ts';
import { Refusal } from './routes.ts';

/**
 * What a schema reads of a request. Text that Postgres cannot hold is refused for all of them: the character
 * 0, and halves of surrogate pairs, which JSON can write and UTF-8 cannot.
 * @param status of what is wrong: 404 for a path, which then leads nowhere
 * @throws Refusal `no_page`, `wrong_parameter`, `wrong_body` for what is no object
 */
export function readGiven(schema: z.ZodObject | undefined, given: unknown, status: 400 | 404): Record<never, never> {
  const unreadable = unreadableIn(given, []);
  if (unreadable !== null) throw refusal(status, unreadable, words.problems.unreadable);
  if (schema === undefined) return {};
  const read = schema.safeParse(given, { error: whyWrong });
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  if (status === 400 && issue!.code === 'unrecognized_keys') throw unknownField([...issue!.path, issue!.keys[0]!].join('.'));
  if (status === 400 && issue!.path.length === 0 && issue!.code === 'invalid_type')
    throw new Refusal(400, 'wrong_body', words.problems.no_object);
  throw refusal(status, issue!.path.map(String), issue!.message);
}

/** Values that a choice has, up to which all are named. */
const NAMED = 12;

/** What is wrong with a value of which its schema says nothing itself, in few words. */
function whyWrong(issue: z.core.$ZodRawIssue): string {
  const w = words.problems.value;
  switch (issue.code) {
    case 'invalid_type':
      if (issue.expected === 'int') return w.whole;
      if (issue.expected === 'number') return w.number;
      if (issue.input === undefined) return w.missing;
      return issue.expected === 'string' ? w.once : w.wrong;
    case 'too_big':
      return (issue.origin === 'string' ? w.longest : w.most)(String(issue.maximum));
    case 'too_small':
      return issue.origin === 'string' ? w.empty : w.least(String(issue.minimum));
    case 'invalid_value':
      return issue.values.length <= NAMED ? w.one_of(issue.values.map(String)) : w.wrong;
    default:
      return w.wrong;
  }
}

function refusal(status: 400 | 404, at: readonly string[], why: string): Refusal {
  if (status === 404) return new Refusal(404, 'no_page', words.problems.no_page);
  return wrongField(at.join('.'), why);
}

/** That a field or parameter is wrong. @param why in few words */
export function wrongField(name: string, why: string): Refusal {
  return new Refusal(400, 'wrong_parameter', words.problems.wrong_parameter(name, why), { field: name, why });
}

/** A misspelled name would otherwise be passed over. */
function unknownField(name: string): Refusal {
  const why = words.problems.value.unknown;
  return new Refusal(400, 'wrong_parameter', words.problems.unknown_field(name), { field: name, why });
}

/**
 * What somebody says of what they do, which others read later. @param missing what is said where nothing can
 * be read
 */
export const reason = (most: number, missing: string) =>
  z
    .string()
    .trim()
    .refine((text) => !isBlank(text), missing)
    .max(most);

/** The number of a row, in an address or a form. */
export const byKey = z.object({ key: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });

/** Whether Postgres can hold a text. */
export const isReadable = (text: string): boolean => !text.includes('\0') && !/\p{Surrogate}/u.test(text);

/** Nothing that a page or program sends is nested as deeply. */
const DEEPEST = 20;

/** Where an unreadable text stands, by the names that lead there; null where there is none. */
function unreadableIn(given: unknown, at: readonly string[]): readonly string[] | null {
  if (typeof given === 'string') return isReadable(given) ? null : at;
  if (typeof given !== 'object' || given === null) return null;
  if (at.length >= DEEPEST) return at.slice(0, 1);
  for (const [name, value] of Object.entries(given)) {
    if (!isReadable(name)) return at;
    const found = unreadableIn(value, [...at, name]);
    if (found !== null) return found;
  }
  return null;
}

const YEARS = { least: '1900', most: '2999' };
const hasYear = (text: string): boolean => text >= YEARS.least && text.slice(0, 4) <= YEARS.most;
const wrongYear = `must be of a year from ${YEARS.least} to ${YEARS.most}`;

/** A day of a year that JavaScript and Postgres both count with: neither knows the year 0. */
export const day = z.iso.date('must be a day such as 2026-11-28').refine(hasYear, wrongYear);

const time = z.iso.datetime({ offset: true }).refine(hasYear, wrongYear);

/** A moment with its offset from UTC, which Postgres knows up to 15:59 alone. */
export const moment = time.transform((text) => new Date(text));

/** A moment, or a date, which is its first moment in UTC. */
export const dayOrMoment = z.union([time, day]).transform((text) => new Date(text));

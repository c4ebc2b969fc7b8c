import { Parts } from '../lines/partial.ts';
import type { Raw } from '../lines/raw.ts';
import { rawOf } from '../lines/record.ts';

/** Records of one request. */
const MOST_RECORDS = 50_000;

/** A body that is no JSON, as far as it was read. */
export class BodyError extends Error {}

/**
 * The lines in the body of a request: a JSON array (Fluent Bit's `json`, Vector), one value a line
 * (`json_lines`, NDJSON), values one after the other (`json_stream`), or text, a line each. A record may hold
 * records in `events`, as some shippers wrap them.
 * @param options.now milliseconds since the epoch
 * @param options.parts of lines that began in an earlier body; without it, what has not ended with this body
 *   is as it is
 * @throws BodyError when it begins as JSON and is not
 */
export function linesOfBody(
  body: string,
  { now, most = MOST_RECORDS, parts: given }: { now: number; most?: number; parts?: Parts },
): { raws: Raw[]; over: number } {
  const raws: Raw[] = [];
  let over = 0;
  const parts = given ?? new Parts();
  const push = (raw: Raw) => {
    if (raws.length >= most) over++;
    else raws.push(raw);
  };
  const add = (value: unknown) => {
    if (Array.isArray(value)) for (const one of value) add(one);
    else {
      const raw = rawOf(value, now);
      const whole = raw === null ? null : parts.add(raw);
      if (whole !== null) push(whole);
    }
  };
  const text = body.replace(/^\ufeff/, '');
  const begin = /\S/.exec(text)?.[0];
  // "[pod/…] text" of kubectl is text; no array of records begins so.
  if ((begin !== '[' && begin !== '{' && begin !== '"') || /^\s*\[[A-Za-z]/.test(text)) {
    for (const line of text.split('\n')) if (line.trim() !== '') add(line.replace(/\r$/, ''));
  } else {
    const whole = parsed(text);
    if (whole !== undefined) add(whole);
    else for (const value of values(text)) add(value);
  }
  if (given === undefined) for (const raw of parts.rest()) push(raw);
  return { raws, over };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON values, one a line or one after the other. */
function* values(text: string): Generator<unknown> {
  let from = 0;
  while (from < text.length) {
    const newline = text.indexOf('\n', from);
    const line = text.slice(from, newline === -1 ? text.length : newline);
    if (line.trim() !== '') {
      const value = parsed(line);
      if (value === undefined) yield* concatenated(line);
      else yield value;
    }
    from = newline === -1 ? text.length : newline + 1;
  }
}

/** Objects without anything between them: they are distinguished by their brackets. */
function* concatenated(line: string): Generator<unknown> {
  let from = 0;
  while (from < line.length) {
    const end = endOfValue(line, from);
    const value = end === -1 ? undefined : parsed(line.slice(from, end));
    if (value === undefined) throw new BodyError(`What follows character ${from} of a line is no JSON.`);
    yield value;
    from = end;
  }
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth++;
    else if ((char === '}' || char === ']') && --depth <= 0) return at + 1;
  }
  return -1;
}

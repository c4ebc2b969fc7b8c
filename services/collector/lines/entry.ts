import { hash as digest } from 'node:crypto';
import type { LogEvent } from '../events.ts';
import { type HashName, printable, redact } from '../privacy.ts';
import { isService, type Program, programOf, readProgram } from '../programs/index.ts';
import { type Line, readLine } from './line.ts';
import type { Place, Raw } from './raw.ts';
import { rawOf } from './record.ts';
import { lineWithin, type Within } from './wrapped.ts';

/** A line that is stored: redacted, with the key that joins it to others of its message. */
export interface Entry {
  at: number;
  hash: string;
  host: string;
  program: Program;
  tag: string;
  /** '' when it speaks of no single message. */
  queueId: string;
  text: string;
  place?: Place;
  /** What a name server says; such lines are rows of their own. */
  change?: Extract<LogEvent, { kind: 'dns_change' }>;
}

/** What became of a line. */
export type Taken =
  | { kept: Entry }
  /**
   * known: it says nothing of a message; foreign: a program that is not read; unparsed: one that is, and the
   * line is not known.
   */
  | { kept: null; why: 'known' | 'foreign' }
  | { kept: null; why: 'unparsed'; program: Program; redacted: string };

export interface TakeOptions {
  now: number;
  hash: HashName;
  programs: ReadonlySet<Program>;
  /** For lines that name no host. */
  host: string;
}

/**
 * Lines may be ahead by as much, by a clock that is wrong; a line of a later time is given the time at which
 * it came.
 */
const MOST_AHEAD_MS = 10 * 60_000;
const MOST_HOST = 253;

/**
 * Lines that lie in each other: a line in a container's JSON, in a record, in a syslog line of the node, and
 * one more.
 */
const MOST_DEPTH = 4;

interface Found {
  raw: Raw;
  line: Line;
  tag: string;
  program: Program | null;
}

/** Finds the line of a program that is read, which may be within another line, or within JSON. */
function findLine(given: Raw, now: number): Found {
  let raw = given;
  for (let depth = 0; ; depth++) {
    const text = printable(raw.text);
    const line = readLine(text, now);
    const tag = programOf(line.tag) === null && raw.tag !== undefined ? raw.tag : line.tag;
    const program = programOf(tag);
    const found = { raw, line, tag, program };
    if (depth >= MOST_DEPTH) return found;
    const inner = line.text.startsWith('{') && !isService(program) ? recordWithin(raw, line, now) : null;
    // The name of the program, cut off by rsyslog, or of a container whose lines name the daemon: what is
    // within counts first.
    const whole = program !== 'postfix' || tag.includes('/');
    if (inner === null && program !== null && whole) return found;
    const next = inner ?? wrapped(raw, lineWithin(text, line));
    if (next === null) return found;
    raw = next;
  }
}

/** What JSON in a line says; null: it is none. */
function recordWithin(outer: Raw, line: Line, now: number): Raw | null {
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch {
    return null;
  }
  const inner = rawOf(value, now);
  if (inner === null) return null;
  const at = inner.at ?? line.at ?? outer.at;
  const host = inner.host ?? line.host ?? outer.host;
  return {
    ...outer,
    ...inner,
    ...(at === undefined ? {} : { at }),
    ...(host === undefined ? {} : { host }),
    ...placeOf(inner.place, outer.place),
  };
}

function wrapped(outer: Raw, inner: Within | null): Raw | null {
  if (inner === null) return null;
  const { text, pod, container, ...rest } = inner;
  const place = pod === undefined ? undefined : { pod, ...(container === undefined ? {} : { container }) };
  const tag = outer.tag ?? container;
  return { ...outer, ...rest, text, ...(tag === undefined ? {} : { tag }), ...placeOf(place, outer.place) };
}

/** The outermost place is that of the shipper, who knows best. */
const placeOf = (inner: Place | undefined, outer: Place | undefined): { place?: Place } =>
  inner === undefined && outer === undefined ? {} : { place: { ...inner, ...outer } };

/**
 * Reads a line and decides whether it is kept. Nothing of a line that is not kept is stored, but for samples.
 */
export function takeLine(given: Raw, { now, hash, programs, host }: TakeOptions): Taken {
  const { raw, line, tag, program } = findLine(given, now);
  if (program === null || !programs.has(program)) return { kept: null, why: 'foreign' };
  const text = redact(line.text, hash);
  const reading = readProgram(program, tag, text);
  if (reading === null) return { kept: null, why: 'unparsed', program, redacted: text };
  const change = reading.events.find((event) => event.kind === 'dns_change');
  const fault = reading.events.some((event) => event.kind === 'fault');
  if (reading.queueId === null && change === undefined && !fault) return { kept: null, why: 'known' };
  if (reading.events.length === 0) return { kept: null, why: 'known' };
  const at = line.at ?? raw.at ?? now;
  return {
    kept: {
      at: at > now + MOST_AHEAD_MS ? now : at,
      hash: hashLine(line, raw),
      host: (raw.place?.pod ?? line.host ?? raw.host ?? host).toLowerCase().slice(0, MOST_HOST),
      program,
      tag,
      queueId: reading.queueId ?? '',
      text,
      ...(raw.place === undefined ? {} : { place: raw.place }),
      ...(change === undefined ? {} : { change }),
    },
  };
}

/**
 * By which a line is known again that comes twice: its time, program, process and text, or its place in a
 * file when it has no time.
 */
function hashLine(line: Line, raw: Raw): string {
  const when = line.stamp !== '' ? line.stamp : (raw.position ?? String(raw.at ?? ''));
  // In one call: an object for each hash costs more to collect than the hash itself.
  return digest('sha1', `${when}\0${line.tag}\0${line.pid}\0${line.text}`, 'base64url').slice(0, 11);
}

import type { Line } from './line.ts';

/** What a line was found in says of it: where it was written, and when, unless the line itself says so. */
export interface Within {
  text: string;
  /** Milliseconds since the epoch. */
  at?: number;
  host?: string;
  pod?: string;
  container?: string;
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const month = (name: string): string => String(MONTHS.indexOf(name) / 3 + 1).padStart(2, '0');
const day = (text: string): string => text.padStart(2, '0');
const ISO = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)`;

/**
 * Forms in which a line is found within another, or in which few programs write; each leads to a shorter or a
 * usual one.
 */
const FORMS: readonly [RegExp, (found: RegExpExecArray, rest: string) => Within][] = [
  // kubectl logs --prefix
  [/^\[pod\/([^/\]\s]{1,253})\/([^\]\s]{1,253})\] /, ([, pod, container], text) => ({ text, pod: pod!, container: container! })],
  // docker compose logs
  [/^([a-z0-9][\w.-]{0,99}) +\| /, ([, host], text) => ({ text, host: host! })],
  // kubectl logs --timestamps, docker logs --timestamps, files of a container runtime (CRI)
  [new RegExp(`^(${ISO}) (?:std(?:out|err) [FP] )?(?=\\S)`), ([, at], text) => ({ text, at: Date.parse(at!) })],
  // journalctl --output short-full or with-unit; a zone by name is taken for UTC, as a time without one is
  [
    /^[A-Z][a-z]{2} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) (?:[A-Z]{3,5}|([+-]\d\d)(\d\d)?) /,
    ([, on, at, hours, minutes], rest) => ({
      text: `${on}T${at}${hours === undefined ? 'Z' : `${hours}${minutes ?? '00'}`} ${rest}`,
    }),
  ],
  // journalctl --output short-unix
  [/^(\d{10}\.\d{3,9}) /, ([, at], rest) => ({ text: `${new Date(Number(at) * 1000).toISOString()} ${rest}` })],
  // logread of OpenWrt
  [
    /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d) (\d{4}) (?:[\w-]+\.\w+ )?/,
    ([, of, on, at, year], rest) => ({ text: `${year}-${month(of!)}-${day(on!)}T${at}Z - ${rest}` }),
  ],
  // With a year, as some relays write
  [
    /^(?:<\d{1,3}>)?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{4}) (\d\d:\d\d:\d\d)(?::? )/,
    ([, of, on, year, at], rest) => ({ text: `${year}-${month(of!)}-${day(on!)}T${at}Z ${rest}` }),
  ],
  // With facility and severity: "<mail.info> host" of FreeBSD, "host mail.info" of BusyBox
  [
    /^((?:<\d{1,3}>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )(?:<\w+\.\w+> |(\S+ )\w+\.(?:debug|info|notice|warn(?:ing)?|err(?:or)?|crit|alert|emerg) )/,
    ([, head, host = ''], rest) => ({ text: head! + host + rest }),
  ],
];

/**
 * A whole line begins so, where one stands in the text of another: a shipper that is given lines and makes
 * its own of them.
 */
const BEGINS = /^(?:<\d{1,3}>|[A-Z][a-z]{2} [ \d]\d \d\d:|\d{4}-\d\d-\d\d[T ]|#\d+\(|[\w./-]+\/[\w-]+\[\d+\]: |\{)/;

/**
 * The line that a line of no known program holds; null: none.
 * @param text the whole of it
 * @param line what was read of it
 */
export function lineWithin(text: string, line: Line): Within | null {
  for (const [form, read] of FORMS) {
    const found = form.exec(text);
    if (found !== null) return read(found, text.slice(found[0].length));
  }
  if (line.text === text || !BEGINS.test(line.text)) return null;
  return {
    text: line.text,
    ...(line.at === null ? {} : { at: line.at }),
    ...(line.host === null ? {} : { host: line.host }),
  };
}

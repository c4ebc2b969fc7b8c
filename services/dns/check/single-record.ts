import { textsOf } from '../client/texts.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { asTyped, unseen } from '../copied.ts';
import type { Code } from './codes.ts';
import { type Finding, finding } from './finding.ts';

/** A kind of record of which a name holds one at most. */
export interface SingleRecord {
  name: string;
  /** As people call it. */
  what: string;
  isRecord(text: string): boolean;
  unknown: Code;
  several: Code;
  /** What several of them cause; the end of a sentence. */
  consequence: string;
  /** The one of several to keep; the first by default. */
  keep?(texts: readonly string[]): string | undefined;
  /** Records that are meant to be one and are not: how to know them, and what to publish instead. */
  misspelt?: { code: Code; like: RegExp; begin: string; correct(text: string): string };
}

/**
 * Asks for the one record of a kind.
 * @returns its text; a finding when it cannot be used or asked for; null when the name holds none
 */
export async function askSingle(
  domain: string,
  kind: SingleRecord,
  dns: Dns,
  options: AskOptions,
): Promise<{ text: string } | { finding: Finding } | null> {
  const { name, what, misspelt } = kind;
  const answer = await dns.ask(name, 'TXT', options);
  if (answer.state === 'unknown') return { finding: finding(kind.unknown, { domain, message: answer.message }) };
  const texts = textsOf(answer);
  const valid = texts.filter((text) => kind.isRecord(text));
  const [text] = valid;
  if (text !== undefined && valid.length === 1) return { text };
  if (text !== undefined) {
    const message = `${name} holds ${valid.length} ${what} records, so ${kind.consequence}. Keep one.`;
    const publish = { name, value: kind.keep?.(valid) ?? text };
    return { finding: finding(kind.several, { domain, message, record: { name, text: valid.join('\n') }, publish }) };
  }
  const meant = misspelt && texts.find((one) => misspelt.like.test(asTyped(one)));
  if (misspelt === undefined || meant === undefined) return null;
  const message = `${name} holds a record that looks like ${what} and is not: it must begin with "${misspelt.begin}", in exactly these letters.${unseen(meant)}`;
  const publish = { name, value: misspelt.correct(asTyped(meant)) };
  return { finding: finding(misspelt.code, { domain, message, record: { name, text: meant }, publish }) };
}

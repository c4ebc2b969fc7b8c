import { percent } from '../../shared/format.ts';
import { type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';

/** "2026-11-27" of a moment in UTC. */
export const day = (moment: Date): string => moment.toISOString().slice(0, 10);
/** "2026-11-27 04:05" in UTC. */
export const minute = (moment: Date): string => moment.toISOString().slice(0, 16).replace('T', ' ');

/** The share as people read it; empty where there is no mail. */
export const share = (part: number, whole: number): string => (whole === 0 ? '' : percent(part / whole));

/** A severity as a label: the word, and a color beside it. */
export function severity(name: string): Html {
  return html`<span class="severity ${name}">${words.findings.severities[name] ?? name}</span>`;
}

/** A sentence that names kinds of findings, with their names for people. */
export const kindsNamed = (sentence: string): string =>
  sentence.replace(/\b[a-z]+(?:_[a-z]+)+\b/g, (kind) => (Object.hasOwn(words.kinds, kind) ? `“${words.kinds[kind]}”` : kind));

/** A name of a host, which a line may break after its dots, so that it does not break within a label. */
export function hostName(name: string): Html {
  if (!/^[\w-]+(?:\.[\w-]+)*\.[a-z][\w-]*$/i.test(name)) return html`${name}`;
  return html`${name.split('.').map((label, i) => (i === 0 ? label : html`.<wbr>${label}`))}`;
}

import { percent } from '../../shared/format.ts';
import { line } from '../form.ts';
import { type Address, type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';

/** "2026-11-27" of a moment in UTC. */
export const day = (moment: Date): string => moment.toISOString().slice(0, 10);
/** "2026-11-27 04:05" in UTC. */
export const minute = (moment: Date): string => moment.toISOString().slice(0, 16).replace('T', ' ');

/** A day, written as everywhere here: a field of type `date` would show it as the browser's language does. */
export function dayField(label: string, name: string, value: string): Html {
  const as = { class: 'day', inputmode: 'numeric', pattern: '[0-9]{4}-[0-9]{2}-[0-9]{2}', maxlength: 10, size: 10 } as const;
  return line({ label, name, value, placeholder: words.domain.day_form, ...as });
}

/** The share as people read it; empty where there is no mail. */
export const share = (part: number, whole: number): string => (whole === 0 ? '' : percent(part / whole));

/**
 * The parts of a whole as people read them, such that they add up to 100%: whole numbers where those are near
 * enough, else tenths. What is neither nothing nor all never looks like it.
 */
export function shares(parts: readonly number[]): string[] {
  const all = parts.reduce((sum, part) => sum + part, 0);
  if (all === 0) return parts.map(() => '');
  const fine = parts.some((part) => part > 0 && part / all < 0.1);
  const unit = fine ? 1000 : 100;
  const exact = parts.map((part) => (part / all) * unit);
  const rounded = exact.map(Math.floor);
  // The largest remainders get what is missing.
  const byRest = exact.map((value, i) => ({ i, rest: value - Math.floor(value) })).sort((a, b) => b.rest - a.rest);
  const missing = unit - rounded.reduce((sum, value) => sum + value, 0);
  for (const { i } of byRest.slice(0, missing)) rounded[i]! += 1;
  return parts.map((part, i) => {
    if (part > 0 && rounded[i] === 0) return 'under 0.1%';
    if (part < all && rounded[i] === unit) return 'over 99.9%';
    return `${(rounded[i]! * 100) / unit}%`;
  });
}

/** A severity as a label: the word, and a color beside it. */
export function severity(name: string): Html {
  return html`<span class="severity ${name}">${words.findings.severities[name] ?? name}</span>`;
}

const A_DAY = /(\b\d{4}-\d{2}-\d{2}\b)/;

/** A sentence as it is, but no line of it ends within a day: browsers break "2026-11-20" at its hyphens. */
export const dated = (sentence: string): Html =>
  html`${sentence.split(A_DAY).map((part, i) => (i % 2 === 0 ? part : html`<time>${part}</time>`))}`;

/** A name of a host, which a line may break after its dots, so that it does not break within a label. */
export function hostName(name: string): Html {
  if (!/^[\w-]+(?:\.[\w-]+)*\.[a-z][\w-]*$/i.test(name)) return html`${name}`;
  return html`${name.split('.').map((label, i) => (i === 0 ? label : html`.<wbr>${label}`))}`;
}

/** Links to the pages of a list before and after one, if any. @param said what stands between them */
export function pageLinks(to: (page: number) => Address, at: number, more: boolean, said: Html | null = null): Html | null {
  if (at === 1 && !more) return null;
  return html`<nav class="pages" aria-label="${words.reports.pages}">${at > 1 && html`<a class="button" href="${to(at - 1)}">${words.findings.newer}</a>`}
${said}
${more && html`<a class="button" href="${to(at + 1)}">${words.findings.older}</a>`}</nav>`;
}

import { type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';
import { dated, minute } from './format.ts';

/** A decision that holds about a source, as pages tell it. */
export interface Decision {
  /** Its source, or the service that it is about. */
  named: string;
  sender: string;
  /** About more than a source of the domain: it is taken back by itself. */
  wider: boolean;
  verdict: 'approved' | 'denied';
  by_name: string;
  why: string;
  since: Date;
  until: Date | null;
}

/** Decisions that one person took at once, about a source or about all sources of a sender. */
export function byPerson<One extends Decision>(decisions: readonly One[]): One[][] {
  const groups = new Map<string, One[]>();
  for (const one of decisions) {
    const { named, sender, wider, verdict, by_name, why, since, until } = one;
    const key = JSON.stringify([wider && named, sender, verdict, by_name, why, since, until]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

/** Sources that are named one by one. */
const NAMED = 3;

/** The first of some sources, and how many more there are; `more` is empty where all are named. */
export const shortList = (sources: readonly string[]): { named: string; more: string } => ({
  named: sources.slice(0, NAMED).join(', '),
  more: sources.length > NAMED ? ` ${words.domain.more(sources.length - NAMED)}` : '',
});

/** Who decided what, when and why. @param of so many sources are all of the page, and are not named */
export function decidedNotices(decisions: readonly Decision[], of: number | null = null): Html[] {
  return byPerson(decisions).map((some) => {
    const [{ verdict, by_name, since, why, until }] = some as [Decision];
    const { named, more } = shortList(some.map((one) => one.named));
    const which = some.length === of ? null : html`<span class="name">${named}</span>${more}: `;
    return html`<p class="notice ${verdict}">${which}${dated(words.sender.decided[verdict](by_name, minute(since), why, until && minute(until)))}</p>`;
  });
}

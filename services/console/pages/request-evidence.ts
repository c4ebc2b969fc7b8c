import { type DnsChange, type Plan, readPlan, type SenderChange } from '../../requests/plan.ts';
import { stringsIn } from '../../requests/plans/members.ts';
import { number, percent } from '../../shared/format.ts';
import type { RequestStory } from '../../store/alerts/request-mails.ts';
import { type EvidenceNow, entryOf, evidenceNow } from '../../store/console/request-evidence.ts';
import type { Reader } from '../../store/console/scope.ts';
import { type Address, type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Table, tableOf } from '../tables.ts';
import { dated, hostName, minute } from './format.ts';

/** Something that a request rests on, when it was asked for and now. */
export interface Compared {
  what: string;
  was: string[];
  now: string[];
  /** Whether the two differ so that whoever decides should look. */
  differs: boolean;
}

/** The evidence of a request as it was and as it is, with who may decide. */
export async function evidenceOf(reader: Reader, story: RequestStory): Promise<Compared[]> {
  const { request } = story;
  const plan = readPlan({ text: request.plan, digest: request.digest });
  const now = await evidenceNow(reader, plan);
  return [
    ...findingRow(plan, now),
    ...plan.changes.flatMap((change) =>
      change.target === 'dns' || change.target === 'senders' ? [changeRow(change, now, request.state)] : [],
    ),
    ...peopleRow(story),
  ];
}

function findingRow({ finding }: Plan, now: EvidenceNow): Compared[] {
  if (finding === null || now.finding === null) return [];
  const w = words.evidence;
  const was = [finding.summary, `${finding.severity}, ${w.open}`];
  const present = [now.finding.summary, `${now.finding.severity}, ${now.finding.state}`];
  return [{ what: w.finding(finding.key), was, now: present, differs: was.join('\n') !== present.join('\n') }];
}

const APPLIED = ['active', 'handed_over', 'done', 'returned', 'ended'];

function changeRow(change: DnsChange | SenderChange, now: EvidenceNow, state: string): Compared {
  const w = words.evidence;
  if (change.target === 'senders') {
    const at = entryOf(change.domain, change.source);
    const entry = now.entries.get(at) ?? null;
    const mail = now.mail.get(at);
    const said = (verdict: string | null) => verdict ?? w.no_entry;
    const volume =
      mail === undefined || mail.messages === 0
        ? []
        : [w.mail(number(mail.messages), percent(mail.passed / mail.messages), mail.class)];
    const expected = APPLIED.includes(state) ? change.after : change.before;
    return { what: change.source, was: [said(change.before)], now: [said(entry), ...volume], differs: entry !== expected };
  }
  const texts = (members: typeof change.before) =>
    members.map((member) => (change.type === 'TXT' ? stringsIn(member).join('') : member.text));
  const was = texts(change.before);
  const seen = change.type === 'TXT' ? now.records.get(change.name) : undefined;
  const expected = state === 'returned' || !APPLIED.includes(state) ? was : texts(change.after);
  return {
    what: `${change.type} ${change.name}`,
    was: was.length === 0 ? [w.none] : was,
    now: seen === undefined ? [w.not_seen] : seen.length === 0 ? [w.none] : seen,
    differs: seen !== undefined && !same(seen, expected),
  };
}

const same = (a: readonly string[], b: readonly string[]) => [...a].sort().join('\n') === [...b].sort().join('\n');

/** Who was asked when the stage began, and who may decide now: people join groups and leave them. */
function peopleRow({ request, decisions, asked, stage_asked }: RequestStory): Compared[] {
  if (request.state !== 'pending') return [];
  const decided = new Set(decisions.map(({ person }) => person));
  const left = stage_asked.filter((person) => !decided.has(person));
  const now = [...asked].sort();
  return [
    { what: words.evidence.people, was: left, now: now.length === 0 ? [words.evidence.nobody] : now, differs: !same(left, now) },
  ];
}

/** A table of it; what differs is marked by a word as well. */
export function evidenceTable(rows: readonly Compared[]): Table {
  const w = words.evidence;
  const lines = (texts: readonly string[]) => texts.map((text) => html`<div class="name">${dated(text)}</div>`);
  return tableOf<Compared>(
    'evidence',
    [
      {
        key: 'what',
        label: w.what,
        as: 'head',
        of: (one) => one.what,
        show: (one) => html`${one.what.split(' ').map((word, i) => html`${i > 0 && ' '}${hostName(word)}`)}`,
      },
      { key: 'was', label: w.was, of: (one) => one.was.join('; '), show: (one) => lines(one.was) },
      {
        key: 'now',
        label: w.now,
        of: (one) => one.now.join('; '),
        show: (one) => html`${lines(one.now)}${one.differs && html`<strong>${w.changed}</strong>`}`,
      },
    ],
    rows,
  );
}

/** @param differs what is said where something has changed; false where nothing has */
export function evidenceSection(table: Table, differs: string | false, here: Address): Html {
  const w = words.evidence;
  return html`<section><h2>${w.title}</h2>${differs && html`<p class="notice bad" role="status">${differs}</p>`}
${table.html(here)}</section>`;
}

/** What happened to a request, the oldest first. */
export function historyOf({ history }: RequestStory): Html {
  return html`<section><h2>${words.evidence.history}</h2><ol class="history">${history.map(
    ({ at, says, actor }) =>
      html`<li><time datetime="${at.toISOString()}">${minute(at)}</time><div>${dated(says)} <span class="quiet">${actor}</span></div></li>`,
  )}</ol></section>`;
}

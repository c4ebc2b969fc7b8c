import { actionsOn } from '../findings/sentences/commands.ts';
import { counted, list, number, sentenceCase } from '../shared/format.ts';
import { SEVERITIES } from '../shared/severity.ts';
import type { FindingEvent } from '../store/alerts/outbox.ts';
import type { Step } from '../store/findings/findings.ts';
import { actionLines, actionsHtml, belowFold } from './actions.ts';
import { badge, linkedTo, page } from './finding-html.ts';
import { type Content, contentOf } from './finding-words.ts';
import { atMost, escapeHtml as e, inlineHtml as i, wrap } from './plain-text.ts';
import type { Rendered } from './render-finding.ts';
import { TAG } from './subject.ts';

export interface DigestItem {
  event: FindingEvent;
  step: Step;
}

export interface Digest {
  /** The gravest first. */
  items: DigestItem[];
  /** How many more findings it represents, and how many domains all of them are about. */
  beyond: number;
  domains: number;
  perHour: number;
  perDomain: number;
  /** The setting `console.url`, when it is set. */
  console?: string | null | undefined;
  /** It is what stood when the domains were first analyzed; absent: what the hourly cap held back. */
  standing?: true;
  /** How many of all there are of each severity, if more than the items; from countsOf. */
  counts?: Record<string, number>;
}

const WIDTH = 78;
/** Of the lines below a finding. */
const BELOW = WIDTH - 4;
const STATES: Record<Step, string> = {
  opened: '',
  changed: 'changed, ',
  reopened: 'again, ',
  reminded: 'still open, ',
  resolved: 'resolved, ',
};

/** Renders what the hourly cap held back, or what stood at a first start: two to four lines a finding. */
export function renderDigest(digest: Digest): Rendered {
  const { items, beyond } = digest;
  const { texts, rows, contents } = entriesOf(items, digest.console ?? null);
  const all = items.length + beyond;
  const gravest = contents[0]!.severity;
  const subject = `${TAG}${counted(all, 'finding')} in ${counted(digest.domains, 'domain')}, ${digest.standing ? 'at the first analysis' : 'combined'} (${gravest})`;
  const why = digest.standing ? whyStanding(digest) : whyCombined(digest);
  const more = beyond === 0 ? null : `and ${counted(beyond, 'more finding')}: "ruawatch findings" lists all that are open.`;
  const query =
    beyond === 0
      ? `select * from dmarc.findings where finding_key in (${items.map((item) => item.event.finding_key).join(', ')});`
      : "select * from dmarc.findings where state = 'open' order by changed_at desc;";

  // Of one finding as of any other.
  const actions = actionsOn(items[0]!.event, {});
  const about = `, such as about finding ${contents[0]!.key}`;

  const text = [
    ...wrap(why, WIDTH),
    '',
    ...texts,
    ...(more === null ? [] : [more]),
    '',
    ...actionLines(actions, null, about),
    ...belowFold(query),
  ];
  const html = page(
    subject,
    `<h1 class="ink" style="margin:0 0 4px;font-size:19px;line-height:26px;font-weight:600;color:#16202a;">${e(counted(all, 'finding'))}</h1>
<p class="soft" style="margin:0 0 14px;font-size:14px;color:#5b6875;">${e(why)}</p>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${rows.join('\n')}
</table>
${more === null ? '' : `<p class="soft" style="margin:10px 0 0;font-size:14px;color:#5b6875;">${e(more)}</p>\n`}<p class="ink" style="margin:18px 0 6px;font-size:14px;color:#16202a;">In ruawatch${e(about)}:</p>
${actionsHtml(actions, null)}`,
  );
  return { subject, text: `${text.join('\n')}\n`, html };
}

/** Findings in two to four lines of a text each, and in rows of a table. */
export function entriesOf(
  items: readonly DigestItem[],
  console: string | null,
): { texts: string[]; rows: string[]; contents: Content[] } {
  const entries = items.map(({ event, step }) => ({ step, content: contentOf(event, step, console) }));
  return {
    contents: entries.map(({ content }) => content),
    texts: entries.flatMap(({ content, step }) => [
      ...atMost(wrap(`${sentenceCase(content.severity)}: ${content.headline}`, WIDTH), 2, WIDTH),
      ...atMost(wrap(detail(content, step), BELOW), 2, BELOW).map((line) => `    ${line}`),
      ...(content.page === null ? [] : [`    ${content.page}`]),
    ]),
    rows: entries.map(
      ({ content, step }) =>
        `<tr><td class="line" style="padding:9px 0;border-top:1px solid #e7ecf0;">${badge(content.severity)} <span class="ink" style="font-size:14px;line-height:20px;color:#16202a;">${linkedTo(content.page, i(content.headline))}</span><br><span class="soft" style="font-size:13px;line-height:19px;color:#5b6875;">${i(detail(content, step))}</span></td></tr>`,
    ),
  };
}

function whyCombined({ perHour, perDomain }: Digest): string {
  // A budget of a domain that is no smaller than that of all says nothing.
  const few = perDomain < perHour ? `, or more than ${perDomain} about one domain` : '';
  return `More than ${counted(perHour, 'alert')} were due within an hour${few}; the rest are combined here.`;
}

/** By need: the gravest first, with how many there are of each. */
function whyStanding({ items, counts }: Digest): string {
  const all = counts ?? countsOf(items.map(({ event }) => event.severity));
  const parts = Object.entries(all).map(([severity, n]) => `${number(n)} ${severity}`);
  return `This history is analyzed for the first time. What was over by then is not mailed; what stands is listed here once, the gravest first: ${list(parts)}. Whatever changes is mailed by itself.`;
}

/** How many findings have each severity, the gravest first. */
export function countsOf(severities: readonly string[]): Record<string, number> {
  const found = [...SEVERITIES].reverse().map((one): [string, number] => [one, severities.filter((s) => s === one).length]);
  return Object.fromEntries(found.filter(([, n]) => n > 0));
}

function detail(content: Content, step: Step): string {
  const parts = [content.many, content.since === null ? null : `since ${content.since}`].filter((part) => part !== null);
  return `finding ${content.key}; ${STATES[step]}${[...parts, content.sure].join('; ')}`;
}

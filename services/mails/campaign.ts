import { endingTitle } from '../findings/sentences/end-reasons.ts';
import { counted, number } from '../shared/format.ts';
import { actionLines, actionsHtml, belowFold } from './actions.ts';
import { type DigestItem, entriesOf } from './digest.ts';
import { page } from './finding-html.ts';
import { adviceLines, labelled } from './finding-text.ts';
import { escapeHtml as e, inlineHtml as i, wrap } from './plain-text.ts';
import type { Rendered } from './render-finding.ts';
import { LONGEST, PREFIXES, TAG } from './subject.ts';

const WIDTH = 78;
const MOST_LINES = 14;

/**
 * Renders what the same networks did to several domains as one mail: what it is of each, what to do once, and
 * a command for each finding.
 * @param items of one step, the gravest first
 */
export function renderCampaign(items: readonly DigestItem[], console: string | null = null): Rendered {
  const { texts, rows, contents } = entriesOf(items, console);
  const lead = contents[0]!;
  const domains = counted(items.length, 'domain');
  const headline = headlineOf(items, lead.severity);
  const subject = `${TAG}${headline}`;
  const over = items[0]!.step === 'resolved';
  const why = over
    ? `The same networks sent as ${domains} of yours. Each is a finding of its own.`
    : `The same networks send as ${domains} of yours without authentication, so this is one mail. Each is a finding of its own, to be acknowledged or resolved by its number.`;
  const query = `select * from dmarc.findings where finding_key in (${contents.map(({ key }) => key).join(', ')});`;
  const actions = over
    ? contents.flatMap((one) => one.actions)
    : contents.flatMap(({ actions: of }) => of.filter(({ command }) => command.startsWith('ruawatch findings ack ')));
  // None of what is over.
  const said = lead.advice;
  const text = [
    ...wrap(why, WIDTH),
    '',
    ...texts,
    ...(said.length === 0 ? [] : ['', ...labelled('What to do', adviceLines(said, MOST_LINES))]),
    '',
    ...actionLines(actions, null),
    ...belowFold(query),
  ];
  const html = page(
    subject,
    `<h1 class="ink" style="margin:0 0 4px;font-size:19px;line-height:26px;font-weight:600;color:#16202a;">${e(headline)}</h1>
<p class="soft" style="margin:0 0 14px;font-size:14px;color:#5b6875;">${e(why)}</p>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${rows.join('\n')}
</table>
${said.map((sentence) => `<p class="ink" style="margin:10px 0 0;font-size:14px;line-height:20px;color:#16202a;">${i(sentence)}</p>\n`).join('')}<p class="ink" style="margin:18px 0 6px;font-size:14px;color:#16202a;">In ruawatch:</p>
${actionsHtml(actions, null)}`,
  );
  return { subject, text: `${text.join('\n')}\n`, html };
}

function headlineOf(items: readonly DigestItem[], severity: string): string {
  const { event, step } = items[0]!;
  const before =
    step === 'resolved' ? `${endingTitle(event.evidence.ended ?? null)}: unauthenticated` : `${PREFIXES[step]}Unauthenticated`;
  const after = step === 'resolved' ? '' : ` (${severity})`;
  // A name that would be cut says less than how many there are: the text lists them.
  const named = `${before} mail as ${event.domain} and ${number(items.length - 1)} more${after}`;
  return [...named].length <= LONGEST - TAG.length ? named : `${before} mail as ${counted(items.length, 'domain')}${after}`;
}

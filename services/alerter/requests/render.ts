import { badge, page, row } from '../../mails/finding-html.ts';
import { labelled } from '../../mails/finding-text.ts';
import { escapeHtml as e, inlineHtml as i, wrap } from '../../mails/plain-text.ts';
import type { Rendered } from '../../mails/render-finding.ts';
import { TAG } from '../../mails/subject.ts';
import { number, sentenceCase } from '../../shared/format.ts';
import type { RequestContent } from './content.ts';

const WIDTH = 78;
const LABEL = 12;
const MONO = 'font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace';
const DECIDES_NOTHING = 'The link decides nothing, nor does an answer to this mail: sign in there.';
const NO_CONSOLE = 'It is decided in the console; "console.url" of the settings would put its address here.';

/** A mail about one request. Pure. */
export function renderRequest(content: RequestContent): Rendered {
  const subject = `${TAG}${content.title}`;
  return { subject, text: textOf(content), html: page(subject, htmlOf(content)) };
}

/** What more an hour has no room for, together; each request with all that a mail of its own says. */
export function renderRequests(contents: readonly RequestContent[]): Rendered {
  const asked = contents.filter(({ wanted }) => wanted !== null).length;
  const subject = `${TAG}${number(contents.length)} requests${asked > 0 ? `, ${number(asked)} to decide` : ''}`;
  const line = '_'.repeat(WIDTH);
  return {
    subject,
    text: contents.map(textOf).join(`\n${line}\n\n`),
    html: page(
      subject,
      contents.map(htmlOf).join('<div class="line" style="margin:24px 0;border-top:3px solid #dde3e9;"></div>'),
    ),
  };
}

function textOf(content: RequestContent): string {
  const { first, headline, label, risk, wanted, changes, rows, page: link, command, digest, head } = content;
  const lines = [
    ...wrap(first, WIDTH),
    '',
    ...wrap(headline, WIDTH),
    ...wrap(`${sentenceCase(risk)} risk: ${label}`, WIDTH),
    ...(wanted === null ? [] : wrap(wanted, WIDTH)),
    '',
    ...(changes.length === 0
      ? []
      : [wanted === null ? 'What it asks for:' : 'What changes:', ...changes.map((one) => `  ${one}`), '']),
    ...rows.flatMap((each) => labelled(each.label, listed(each.sentences))),
    '',
    `  ${link ?? command}`,
    ...(wanted === null ? [] : wrap(link === null ? NO_CONSOLE : DECIDES_NOTHING, WIDTH)),
    '',
    'SHA-256 of the plan:',
    `  ${digest}`,
    'Head of the audit chain, for "ruawatch audit verify --head":',
    `  ${head}`,
  ];
  return `${lines.join('\n')}\n`;
}

function listed(sentences: readonly string[]): string[] {
  const [only] = sentences;
  if (sentences.length === 1) return wrap(only!, WIDTH - LABEL);
  return sentences.flatMap((one) => wrap(one, WIDTH - LABEL - 2).map((line, n) => `${n === 0 ? '- ' : '  '}${line}`));
}

function htmlOf(content: RequestContent): string {
  const { first, bad, headline, label, risk, wanted, changes, rows, digest, head } = content;
  const cells = [
    changes.length === 0 ? '' : row(wanted === null ? 'Asked for' : 'Changes', changesHtml(changes)),
    ...rows.map((each) => row(each.label, sentencesHtml(each.sentences))),
    wanted === null ? row('In ruawatch', linkHtml(content)) : '',
    row('Proof', proofHtml(digest, head)),
  ];
  return `<p class="${bad ? 'gone' : 'ink'}" style="margin:0 0 12px;font-size:15px;line-height:22px;font-weight:600;color:${bad ? '#a12a12' : '#16202a'};">${i(first)}</p>
${badge(risk, 'risk')}
<h1 class="ink" style="margin:10px 0 4px;font-size:19px;line-height:26px;font-weight:600;color:#16202a;overflow-wrap:anywhere;">${i(headline)}</h1>
<p class="soft" style="margin:0 0 10px;font-size:13px;line-height:19px;color:#5b6875;">${i(label)}</p>
${wanted === null ? '' : `<p class="ink" style="margin:0 0 12px;font-size:14px;line-height:20px;color:#16202a;"><strong>${i(wanted)}</strong></p>\n<div style="margin:0 0 12px;">${linkHtml(content)}</div>`}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${cells.filter(Boolean).join('\n')}
</table>`;
}

const INKS: Record<string, { name: string; ink: string }> = {
  '-': { name: 'gone', ink: '#a12a12' },
  '+': { name: 'come', ink: '#12683f' },
};

/** Signs and colours say the same: the colours alone would not be seen by everybody. */
function changesHtml(changes: readonly string[]): string {
  const lines = changes.map((line) => {
    const { name, ink } = INKS[line.charAt(0)] ?? { name: 'soft', ink: '#5b6875' };
    return `<div class="${name}" style="padding-left:14px;text-indent:-14px;color:${ink};">${e(line.startsWith(' ') ? `\u00a0${line.slice(1)}` : line)}</div>`;
  });
  return `<div class="code" style="padding:6px 8px;background:#f3f5f7;border:1px solid #dde3e9;border-radius:4px;${MONO};font-size:12px;line-height:18px;overflow-wrap:anywhere;">${lines.join('')}</div>`;
}

function sentencesHtml(sentences: readonly string[]): string {
  return sentences
    .map(
      (one) =>
        `<p class="ink" style="margin:0 0 4px;font-size:14px;line-height:20px;color:#16202a;overflow-wrap:anywhere;">${i(one)}</p>`,
    )
    .join('');
}

/** Where it is read, and decided where the mail asks for that. */
function linkHtml({ page: link, command, wanted }: RequestContent): string {
  const how = wanted === null ? '' : soft(link === null ? NO_CONSOLE : DECIDES_NOTHING);
  if (link === null) return `${codeHtml(command)}${how}`;
  return `<p style="margin:0;font-size:14px;line-height:20px;"><a class="link" href="${e(link)}" style="color:#1d66b8;">Open the request in the console</a></p>${how}`;
}

const soft = (text: string) =>
  `<p class="soft" style="margin:2px 0 0;font-size:13px;line-height:18px;color:#5b6875;">${e(text)}</p>`;
const codeHtml = (text: string) =>
  `<p class="code" style="margin:0 0 4px;padding:4px 8px;background:#f3f5f7;border:1px solid #dde3e9;border-radius:4px;color:#26313c;${MONO};font-size:12px;line-height:17px;overflow-wrap:anywhere;">${e(text)}</p>`;

function proofHtml(digest: string, head: string): string {
  const one = (what: string, value: string) =>
    `<p class="soft" style="margin:0 0 4px;font-size:12px;line-height:17px;color:#5b6875;">${e(what)}<br><span style="${MONO};font-size:11px;overflow-wrap:anywhere;word-break:break-all;">${e(value)}</span></p>`;
  return `${one('SHA-256 of the plan', digest)}${one('Head of the audit chain, for "ruawatch audit verify --head"', head)}`;
}

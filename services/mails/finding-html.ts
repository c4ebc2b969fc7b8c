import { sentenceCase } from '../shared/format.ts';
import { actionsHtml, pageLink } from './actions.ts';
import { overLines } from './finding-text.ts';
import { awaited, type Content } from './finding-words.ts';
import { escapeHtml as e, inlineHtml as i } from './plain-text.ts';

/** Severity as a colour of the mark, dark enough for white text in both schemes. */
const COLOURS: Record<string, string> = {
  critical: '#b3123a',
  high: '#c2410c',
  medium: '#96690a',
  low: '#1d66b8',
  info: '#52606d',
};

const FONT = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/**
 * A mail program that knows dark schemes follows the style block; one that strips it (or inverts by itself)
 * shows the inline light colours, which work on their own. Nothing is fetched from anywhere.
 */
const HEAD = `<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<style>
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background: #14181d !important; }
  .card { background: #1d2329 !important; border-color: #333c46 !important; }
  .ink { color: #e8ecf0 !important; }
  .soft { color: #a3afbb !important; }
  .link { color: #7fb2ee !important; }
  .line { border-color: #333c46 !important; }
  .track { background: #333c46 !important; }
  .pass { background: #3fa873 !important; }
  .fail { background: #1d2329 !important; border-color: #ff9a66 !important; }
  .fail.thin { background: #ff9a66 !important; }
  .old { background: #2b5a43 !important; }
  .old-fail { background: #1d2329 !important; border-color: #a8684a !important; }
  .old-fail.thin { background: #a8684a !important; }
  .gone { color: #ff9a80 !important; }
  .come { color: #6fcf9f !important; }
  .code { background: #14181d !important; color: #d5dde5 !important; border-color: #333c46 !important; }
}
@media (max-width: 480px) {
  .label { display: block !important; width: auto !important; padding-bottom: 0 !important; }
  .value { display: block !important; border-top: 0 !important; padding-top: 0 !important; }
}
</style>`;

/** The frame of every mail around its parts, which must be escaped already. */
export function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
${HEAD}
<title>${e(title)}</title>
</head>
<body class="page" style="margin:0;padding:0;background:#f3f5f7;">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f5f7;">
<tr><td align="center" style="padding:20px 12px;">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" style="max-width:640px;background:#ffffff;border:1px solid #dde3e9;border-radius:8px;">
<tr><td style="padding:22px 24px 24px;${FONT};">
${body}
</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}

/** @param of what the word is about, shown behind it: "risk" */
export function badge(severity: string, of = ''): string {
  const colour = COLOURS[severity] ?? COLOURS.info!;
  return `<span style="display:inline-block;padding:2px 9px;border-radius:10px;background:${colour};color:#ffffff;font-size:12px;font-weight:600;line-height:18px;">${e(`${sentenceCase(severity)} ${of}`.trim())}</span>`;
}

/** Escaped words as a link to a page, if there is one. */
export function linkedTo(page: string | null, html: string): string {
  return page === null ? html : `<a class="link" href="${e(page)}" style="color:#1d66b8;">${html}</a>`;
}

/** The HTML of a finding: the same content in the same order as the text. */
export function findingHtml(title: string, content: Content): string {
  if (content.over !== null)
    return page(
      title,
      [
        ...overLines({ ...content, page: null }).map((line) => paragraph(line)),
        ...(content.page === null ? [] : [pageLink(content.page, 'Open it in the console')]),
      ].join('\n'),
    );
  const missing = awaited(content, Number.POSITIVE_INFINITY);
  const rows = [
    row('Who', who(content)),
    content.many === null ? '' : row('How many', i(content.many)),
    content.since === null ? '' : row('Since', i(content.since)),
    row('How sure', i(content.sure)),
    missing === null ? '' : row('Not heard', i(missing)),
    row('What to do', content.advice.map((sentence) => paragraph(sentence, content.links)).join('')),
    row('In ruawatch', actionsHtml(content.actions, content.page)),
  ];
  return page(
    title,
    `${content.lead === null ? '' : `<p class="soft" style="margin:0 0 10px;font-size:14px;color:#5b6875;">${i(content.lead)}</p>\n`}${badge(content.severity)}
<h1 class="ink" style="margin:10px 0 4px;font-size:19px;line-height:26px;font-weight:600;color:#16202a;">${i(content.headline)}</h1>
${content.what === '' ? '' : `<p class="ink" style="margin:0 0 6px;font-size:14px;line-height:20px;color:#16202a;">${i(content.what)}</p>\n`}<p class="soft" style="margin:0 0 14px;font-size:13px;color:#5b6875;">${e(content.label)}</p>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">
${rows.filter(Boolean).join('\n')}
</table>`,
  );
}

/** A row of a mail: what it is about, and what is said; empty without anything said. */
export function row(label: string, html: string): string {
  if (html === '') return '';
  const cell = 'padding:7px 0;vertical-align:top;border-top:1px solid #e7ecf0;font-size:14px;line-height:20px';
  return `<tr><td class="soft line label" width="92" style="${cell};color:#5b6875;width:92px;padding-right:8px;">${label}</td><td class="ink line value" style="${cell};color:#16202a;overflow-wrap:anywhere;">${html}</td></tr>`;
}

function who(content: Content): string {
  if (content.who.length === 0) return '';
  const lines = content.who.map(
    (source) =>
      `<tr><td class="ink" style="vertical-align:top;font-size:14px;line-height:20px;color:#16202a;overflow-wrap:anywhere;">${e(source.source)}${source.whose === '' ? '' : `<br><span class="soft" style="font-size:13px;color:#5b6875;">${e(source.whose)}</span>`}</td><td class="ink" align="right" style="vertical-align:top;padding-left:12px;font-size:14px;line-height:20px;color:#16202a;white-space:nowrap;">${e(source.amount)}</td></tr>`,
  );
  if (content.others !== null) {
    lines.push(
      `<tr><td class="soft" colspan="2" style="font-size:14px;line-height:20px;color:#5b6875;">${e(content.others)}</td></tr>`,
    );
  }
  return `<table role="presentation" width="100%" cellpadding="0" cellspacing="0">${lines.join('')}</table>`;
}

function paragraph(sentence: string, links: readonly string[] = []): string {
  return `<p class="ink" style="margin:0 0 6px;font-size:14px;line-height:20px;color:#16202a;">${linked(sentence, links)}</p>`;
}

/** Escaped, with the links as links. */
function linked(text: string, links: readonly string[]): string {
  const [link, ...others] = links;
  if (link === undefined) return i(text);
  const anchor = `<a class="link" href="${e(link)}" style="color:#1d66b8;">${e(link)}</a>`;
  return text
    .split(link)
    .map((part) => linked(part, others))
    .join(anchor);
}

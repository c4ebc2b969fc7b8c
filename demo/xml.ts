import type { ReportRow } from './report.ts';

/** An element: text, child elements, or nothing. Children that are null are left out. */
export interface Element {
  name: string;
  attributes?: Record<string, string>;
  content: string | number | null | (Element | null)[];
}

/** How a reporter lays its XML out. */
export interface Layout {
  declaration: string | null;
  indent: string;
  eol: string;
  /** An element without content: `<sp></sp>` or `<sp />`. */
  empty: 'pair' | 'self-closed';
}

export function el(name: string, content: Element['content'], attributes?: Record<string, string>): Element {
  return attributes ? { name, content, attributes } : { name, content };
}

/** Text as the content of an element or the value of an attribute. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c] ?? '&quot;');
}

function lines(element: Element, layout: Layout, depth: number, out: string[]): void {
  const pad = layout.indent.repeat(depth);
  const attributes = Object.entries(element.attributes ?? {}).map(([name, value]) => ` ${name}="${escapeXml(value)}"`);
  const open = `${element.name}${attributes.join('')}`;
  const { content } = element;
  if (content === null || content === '') {
    out.push(layout.empty === 'pair' ? `${pad}<${open}></${element.name}>` : `${pad}<${open} />`);
  } else if (!Array.isArray(content)) {
    out.push(`${pad}<${open}>${escapeXml(String(content))}</${element.name}>`);
  } else {
    out.push(`${pad}<${open}>`);
    for (const child of content) if (child) lines(child, layout, depth + 1, out);
    out.push(`${pad}</${element.name}>`);
  }
}

/** The document as text, ending with the layout's line end. */
export function renderXml(root: Element, layout: Layout): string {
  const out = layout.declaration === null ? [] : [layout.declaration];
  lines(root, layout, 0, out);
  return out.join(layout.eol) + layout.eol;
}

/** The order in which a reporter writes the parts of a record; what is not listed is not written. */
export interface RecordStyle {
  identifiers: ('envelope_to' | 'envelope_from' | 'header_from')[];
  dkim: ('domain' | 'selector' | 'result')[];
  spf: ('domain' | 'scope' | 'result')[];
  /** The word for the disposition: RFC 9990 has `pass` for mail that passed, RFC 7489 has `none`. */
  disposition?: (row: ReportRow) => string;
}

/** A `<record>` of RFC 7489 appendix C; RFC 9990 section 3.1.1 keeps its shape. */
export function record(row: ReportRow, style: RecordStyle): Element {
  const { auth } = row;
  const spf = { domain: auth.spf.domain, scope: 'mfrom', result: auth.spf.result };
  return el('record', [
    el('row', [
      el('source_ip', row.source_ip),
      el('count', row.count),
      el('policy_evaluated', [
        el('disposition', style.disposition?.(row) ?? row.disposition),
        el('dkim', row.dkim),
        el('spf', row.spf),
        ...row.reasons.map((reason) => el('reason', [el('type', reason.type), el('comment', reason.comment)])),
      ]),
    ]),
    el(
      'identifiers',
      style.identifiers.map((name) => el(name, row[name])),
    ),
    el('auth_results', [
      ...auth.dkim.map((signature) =>
        el(
          'dkim',
          style.dkim.map((name) => el(name, signature[name])),
        ),
      ),
      el(
        'spf',
        style.spf.map((name) => el(name, spf[name])),
      ),
    ]),
  ]);
}

import type { RecordRow, SortedRecord } from '../../store/console/reports.ts';
import { type Html, html, path } from '../html.ts';
import { words } from '../page-words/en.ts';
import type { Column } from '../tables.ts';
import { hostName } from './format.ts';

const w = words.reports;
/** Whose mail a record is. */
export function senderColumns(domain: string): Column<SortedRecord>[] {
  return [
    {
      key: 'sender',
      label: words.domain.sender,
      as: 'head',
      of: (one) => one.sender_name ?? one.source,
      show: (one) =>
        html`${one.sender === null ? hostName(one.source) : html`<a href="${path`/domains/${domain}/senders/${one.sender}`}">${hostName(one.sender_name ?? one.source)}</a>`}${one.class !== null && html`<span class="why"><span class="key ${one.class}"></span>${words.domain.classes[one.class] ?? one.class}</span>`}${one.contradicts && html`<strong class="why">${w.contradicts(one.dkim_result ?? w.no_verdict, one.spf_result ?? w.no_verdict)}</strong>`}`,
    },
  ];
}

const verdict = (passes: boolean) => (passes ? w.passes : w.fails);

/**
 * The columns of records, wherever they are listed.
 * @param domain what the page is about: where all mail names it as its author's, no column says so
 */
export function recordColumns<Row extends RecordRow>(domain: string): Column<Row>[] {
  return [
    {
      key: 'address',
      label: w.address,
      as: 'head',
      of: (one) => one.source_ip,
      show: (one) => html`<span class="name address">${one.source_ip ?? '–'}</span>`,
    },
    { key: 'messages', label: w.messages, as: 'number', of: (one) => one.count },
    {
      key: 'from',
      label: w.from,
      as: 'name',
      sparse: (one) => one.header_from !== domain,
      of: (one) => one.header_from,
      show: (one) => (one.header_from === null ? null : hostName(one.header_from)),
    },
    { key: 'dmarc', label: 'DMARC', of: (one) => verdict(one.dmarc_pass) },
    {
      key: 'dkim',
      label: 'DKIM',
      of: (one) => [verdict(one.dkim_aligned), ...dkim(one)].join(' | '),
      show: (one) => html`${verdict(one.dkim_aligned)}${dkim(one).map(quiet)}`,
    },
    {
      key: 'spf',
      label: 'SPF',
      of: (one) => [verdict(one.spf_aligned), ...spf(one)].join(' | '),
      show: (one) => html`${verdict(one.spf_aligned)}${spf(one).map(quiet)}`,
    },
    {
      key: 'disposition',
      label: w.done,
      of: (one) => one.disposition,
      show: (one) => w.dispositions[one.disposition ?? ''] ?? one.disposition,
    },
  ];
}

const quiet = (text: string): Html =>
  html`<br><span class="quiet name">${text.split(' ').map((word, i) => html`${i > 0 && ' '}${hostName(word)}`)}</span>`;
const dkim = ({ auth }: RecordRow): string[] =>
  (auth.dkim ?? []).map(({ domain, selector, result }) => [domain, selector, result].filter(Boolean).join(' '));
const spf = ({ auth }: RecordRow): string[] =>
  (auth.spf ?? []).map(({ domain, result }) => [domain, result].filter(Boolean).join(' '));

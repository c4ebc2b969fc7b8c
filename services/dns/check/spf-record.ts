import { asTyped, unseen } from '../copied.ts';
import type { SpfRecord } from '../spf/record.ts';
import type { SpfTreeNode } from '../spf/tree.ts';
import type { Code } from './codes.ts';
import { type Finding, finding, type Given } from './finding.ts';
import { allAtEnd, merged, replaced, respelled, withoutTerm } from './spf-correct.ts';

/** Octets of a record that fit into an answer of 512 octets (RFC 7208 section 3.4). */
export const MOST_OCTETS = 450;

/** Whether the domain has one SPF record. */
export function* rootFindings(domain: string, root: SpfTreeNode): Generator<Finding> {
  const found = (code: Code, given: Omit<Given, 'domain'>) => finding(code, { domain, ...given });
  switch (root.state) {
    case 'unknown':
      yield found('spf_unknown', { message: root.message! });
      return;
    case 'nxdomain':
      yield found('spf_missing', { message: `${domain} does not exist, and so has no SPF record.` });
      return;
    case 'several':
      yield found('spf_several', {
        message: `${domain} has ${root.texts.length} SPF records, so receivers use none of them. Keep one, with all terms.`,
        record: { name: domain, text: root.texts.join('\n') },
        publish: { name: domain, value: merged(root.texts) },
      });
      return;
    case 'none': {
      const meant = root.others.find((text) => /^\s*["']?\s*v?\s*=?\s*spf\s*-?\s*[12]/i.test(asTyped(text)));
      if (meant === undefined) {
        yield found('spf_missing', {
          message: `${domain} has no SPF record: receivers cannot know who may send as it. A domain that sends no mail publishes the record below.`,
          publish: { name: domain, value: 'v=spf1 -all' },
        });
      } else {
        yield found('spf_misspelt', {
          message: `${domain} has a record that looks like SPF but is not: it must begin with "v=spf1" and a space.${unseen(meant)}`,
          record: { name: domain, text: meant },
          publish: {
            name: domain,
            value: respelled(meant),
          },
        });
      }
    }
  }
}

/**
 * What a record says of all other senders is what the record says that its redirect leads to (RFC 7208
 * section 6.1). That one may be another's, so that its owner has to correct it.
 */
function* redirectedEnd(domain: string, record: SpfRecord, node: SpfTreeNode): Generator<Finding> {
  let last = node;
  for (let next = innerOf(last); next !== null; next = innerOf(last)) last = next;
  if (last === node || last.record === null || last.record.errors.length > 0 || last.record.redirect !== null) return;
  const all = last.record.mechanisms.find(({ kind }) => kind === 'all');
  if (all !== undefined && all.qualifier !== '?') return;
  const { at, text } = record.redirect!;
  const where = `record of ${last.domain}, to which ${text} leads,`;
  const message =
    all === undefined
      ? `The ${where} does not say how to treat all other senders: the result is "neutral", as without a record.`
      : `${all.text} in the ${where} says nothing about all other senders: receivers treat that like no record.`;
  yield finding(all === undefined ? 'spf_no_all' : 'spf_neutral_all', {
    domain,
    message,
    record: { name: domain, text: record.text },
    place: { at, text },
  });
}

/** The record that the redirect of a record leads to; null where none decides, as behind "all". */
function innerOf({ record, terms }: SpfTreeNode): SpfTreeNode | null {
  if (record === null || record.redirect === null || record.mechanisms.some(({ kind }) => kind === 'all')) return null;
  return terms.find(({ term }) => term === record.redirect)?.inner ?? null;
}

/** What is wrong with the domain's own record, apart from its terms. */
export function* ownFindings(domain: string, record: SpfRecord, node: SpfTreeNode): Generator<Finding> {
  const found = (code: Code, message: string, term: { at: number; text: string } | null, value: string | null) =>
    finding(code, {
      domain,
      message,
      record: { name: domain, text: record.text },
      place: term && { at: term.at, text: term.text },
      publish: value === null ? null : { name: domain, value },
    });
  const { mechanisms, redirect } = record;
  const end = mechanisms.findIndex(({ kind }) => kind === 'all');
  const all = mechanisms[end];
  if (all === undefined) {
    if (redirect !== null) yield* redirectedEnd(domain, record, node);
    else if (record.errors.length === 0)
      yield found(
        'spf_no_all',
        'The record does not say how to treat all other senders: the result is "neutral", as without a record.',
        null,
        `${record.text.trimEnd()} ~all`,
      );
  } else {
    if (all.qualifier === '?')
      yield found(
        'spf_neutral_all',
        `${all.text} says nothing about all other senders: receivers treat that like no record.`,
        all,
        replaced(record, all, '~all'),
      );
    const behind = mechanisms.slice(end + 1);
    if (behind.length > 0)
      yield found(
        'spf_after_all',
        `Terms after ${all.text} are never evaluated: ${behind.map(({ text }) => text).join(' ')}.`,
        behind[0]!,
        allAtEnd(record, all),
      );
    if (redirect !== null)
      yield found(
        'spf_redirect_ignored',
        `${redirect.text} has no effect next to ${all.text}.`,
        redirect,
        withoutTerm(record, redirect),
      );
  }
  if (record.text.length > MOST_OCTETS)
    yield found(
      'spf_long',
      `The record has ${record.text.length} octets; above ${MOST_OCTETS} an answer may not fit into a packet. Move a part into a record of its own and include it.`,
      null,
      null,
    );
  const seen = new Set<string>();
  for (const mechanism of mechanisms) {
    const key = mechanism.text.toLowerCase();
    if (seen.has(key) && node.terms.length > 0)
      yield found('spf_twice', `${mechanism.text} appears twice in the record.`, mechanism, withoutTerm(record, mechanism));
    seen.add(key);
  }
}

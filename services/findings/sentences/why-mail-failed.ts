import { counted, list, short } from '../../shared/format.ts';

/** A message as one server saw it: a row of dmarc.sent_messages. */
export interface MessageHop {
  message_key: number;
  source: string;
  cluster: string;
  environment: string;
  workload: string;
  domain: string;
  header_domain: string | null;
  envelope_domain: string | null;
  host: string;
  queue_id: string;
  message_id: string | null;
  started_at: Date;
  direction: 'out' | 'in' | 'internal' | 'unknown';
  client_name: string | null;
  client_ip: string | null;
  signatures: { domain: string; selector: string }[];
  sign_fault: string[];
  verify: { program: string; method: string; result: string; domain: string | null; selector: string | null }[];
  recipients: {
    domain: string;
    relay: string | null;
    status: 'sent' | 'deferred' | 'bounced' | 'expired';
    dsn: string | null;
    dmarc_words: boolean;
    words: string | null;
    outside: boolean;
  }[];
  bounces: {
    recipient_domain: string;
    action: 'failed' | 'delayed';
    status: string;
    words: string;
    dmarc_words: boolean;
    received_at: string;
    /**
     * The logs show that the mail was sent to that domain; otherwise it was forwarded, or the bounce is made
     * up.
     */
    expected: boolean;
  }[];
  networks: string[];
  leads_to: number | null;
}

/** What the watcher knows of a key: `value` is null when it never saw one. */
export interface SeenKey {
  name: string;
  value: string | null;
  first_seen: Date | null;
  gone_at: Date | null;
}

/** All that is known of one mail. */
export interface MessageFacts {
  hops: MessageHop[];
  domain: string;
  keys: SeenKey[];
  /**
   * The domain of MAIL FROM, the networks that it left from, and the SPF records of then; null: MAIL FROM is
   * not known.
   */
  spf: { domain: string; networks: string[]; records: { name: string; type: string; value: string }[] } | null;
  /** What reports of the day and its neighbours count from these networks. */
  reported: {
    reporter: string;
    day: string;
    address: string;
    dkim_aligned: boolean;
    spf_aligned: boolean;
    disposition: string;
    messages: number;
  }[];
  /** Failure reports about the message; `counts`: its sender is proven, or was never asked for a proof. */
  failure_reports: { reporter: string | null; source_ip: string | null; auth_failure: string[]; counts: boolean }[];
  around: { at: Date; what: string; event: string; subject: string; summary: string | null }[];
}

/** What DNS makes of a mail, as far as that needs its records read. */
export interface DnsVerdicts {
  /** Of each key: usable as it was published then; null: it was never seen. */
  keys: ReadonlyMap<string, 'usable' | 'revoked' | 'gone' | null>;
  /** Of each network: the term that admits it, or null; null: there was no SPF record. */
  spf: ReadonlyMap<string, string | null> | null;
  /** The signatures that are aligned with the domain, and whether MAIL FROM is. */
  aligned: ReadonlySet<string>;
  spfAligned: boolean;
}

/** One reason, and whether it says that something is wrong. */
export interface Reason {
  part: 'delivery' | 'signature' | 'key' | 'spf' | 'report';
  wrong: boolean;
  says: string;
}

const NAMED = 3;
const LONGEST_WORDS = 300;

/** Why a mail failed, or that nothing shows that it did: what is wrong comes first. */
export function whyWords(facts: MessageFacts, dns: DnsVerdicts): Reason[] {
  const reasons = [...delivery(facts), ...signature(facts, dns), ...keys(facts, dns), ...spf(facts, dns), ...reports(facts)];
  return [...reasons.filter(({ wrong }) => wrong), ...reasons.filter(({ wrong }) => !wrong)];
}

function delivery({ hops }: MessageFacts): Reason[] {
  const outside = hops.flatMap((hop) => hop.recipients.filter((one) => one.outside));
  const of = (status: string) => outside.filter((one) => one.status === status);
  const reasons: Reason[] = [];
  const refused = [...of('bounced'), ...of('expired')];
  for (const one of refused.slice(0, NAMED))
    reasons.push({
      part: 'delivery',
      wrong: true,
      says: `${short(one.relay ?? one.domain)} ${one.status === 'expired' ? 'never took' : 'refused'} it for a recipient at ${short(one.domain)}${one.dmarc_words ? ', with words about DMARC, SPF or DKIM' : ''}${one.words === null ? '.' : `: "${short(one.words, LONGEST_WORDS)}".`}`,
    });
  for (const one of of('deferred').slice(0, NAMED))
    reasons.push({
      part: 'delivery',
      wrong: true,
      says: `${short(one.relay ?? one.domain)} has not taken it yet for a recipient at ${short(one.domain)}${one.words === null ? '.' : `: "${short(one.words, LONGEST_WORDS)}".`}`,
    });
  for (const one of bouncesOf(hops).slice(0, NAMED)) reasons.push({ part: 'delivery', wrong: one.expected, says: bounced(one) });
  const taken = list([...new Set(of('sent').map((one) => short(one.domain)))], NAMED);
  if (taken !== '') reasons.push({ part: 'delivery', wrong: false, says: `The servers of ${taken} took it.` });
  if (outside.length === 0) reasons.push({ part: 'delivery', wrong: false, says: 'The logs show no delivery to the outside.' });
  return reasons;
}

/**
 * The bounces of a mail, each once: every server that the mail went through shows them. Those that the logs
 * bear out come first.
 */
function bouncesOf(hops: readonly MessageHop[]): MessageHop['bounces'] {
  const once = new Map<string, MessageHop['bounces'][number]>();
  for (const one of hops.flatMap(({ bounces }) => bounces)) {
    const key = JSON.stringify([one.recipient_domain, one.action, one.status, one.words]);
    if (!once.has(key) || one.expected) once.set(key, one);
  }
  return [...once.values()].sort((a, b) => Number(b.expected) - Number(a.expected));
}

function bounced({ recipient_domain, action, status, words, dmarc_words, expected }: MessageHop['bounces'][number]): string {
  const what = action === 'delayed' ? 'not been delivered yet' : 'not been delivered';
  const code = status === '' ? '' : ` (${short(status, 20)})`;
  const about = dmarc_words ? ', with words about DMARC, SPF or DKIM' : '';
  const quoted = words === '' ? '.' : `: "${short(words, LONGEST_WORDS)}".`;
  const says = `A bounce says that it has ${what} at ${short(recipient_domain)}${code}${about}${quoted}`;
  return expected ? says : `${says} No log shows that it was sent there: it was forwarded, or the bounce is made up.`;
}

function signature({ hops, domain }: MessageFacts, { aligned }: DnsVerdicts): Reason[] {
  const all = [...new Set(hops.flatMap((hop) => hop.signatures.map(({ selector, domain: d }) => `${selector}._domainkey.${d}`)))];
  const faults = [...new Set(hops.flatMap(({ sign_fault }) => sign_fault))];
  const why =
    faults.length === 0
      ? ''
      : ` The signer says: ${list(
          faults.map((fault) => short(fault)),
          NAMED,
        )}.`;
  const named = (some: readonly string[]) =>
    list(
      some.map((one) => short(one)),
      NAMED,
    );
  const good = all.filter((name) => aligned.has(name));
  const reasons: Reason[] = [];
  if (all.length === 0)
    reasons.push({ part: 'signature', wrong: true, says: `No signer logged a signature, so DMARC rests on SPF alone.${why}` });
  else if (good.length === 0)
    reasons.push({
      part: 'signature',
      wrong: true,
      says: `It was signed with ${named(all)}, which is not aligned with ${short(domain)}: DMARC rests on SPF alone.${why}`,
    });
  else reasons.push({ part: 'signature', wrong: false, says: `It was signed with ${named(good)}.${why}` });
  for (const { program, method, result } of hops.flatMap(({ verify }) => verify).slice(0, 6))
    if (method === 'dkim' || method === 'dmarc')
      reasons.push({
        part: 'signature',
        wrong: result === 'fail' || result === 'permerror',
        says: `Our own ${short(program, 30)} found ${method.toUpperCase()}: ${short(result, 20)}.`,
      });
  return reasons;
}

function keys(facts: MessageFacts, { keys: states }: DnsVerdicts): Reason[] {
  const minute = (at: Date | null) => (at === null ? '' : `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`);
  return facts.keys.map(({ name, first_seen, gone_at }) => {
    switch (states.get(name)) {
      case 'usable':
        return { part: 'key', wrong: false, says: `The key at ${short(name)} was seen in DNS, first at ${minute(first_seen)}.` };
      case 'revoked':
        return {
          part: 'key',
          wrong: true,
          says: `The key at ${short(name)} was revoked (p= is empty): the signature cannot pass.`,
        };
      case 'gone':
        return {
          part: 'key',
          wrong: true,
          says: `The key at ${short(name)} was gone from DNS since ${minute(gone_at)}: the signature cannot pass.`,
        };
      default:
        return {
          part: 'key',
          wrong: true,
          says: `No key was ever seen at ${short(name)}: it is not published, or the watcher has not asked for it.`,
        };
    }
  });
}

function spf({ spf: asked, domain }: MessageFacts, { spf: terms, spfAligned }: DnsVerdicts): Reason[] {
  if (asked === null) return [];
  const of = short(asked.domain);
  const reasons: Reason[] = [];
  if (!spfAligned)
    reasons.push({
      part: 'spf',
      wrong: true,
      says: `MAIL FROM was at ${of}, which is not aligned with ${short(domain)}: SPF cannot make DMARC pass.`,
    });
  if (terms === null) {
    reasons.push({ part: 'spf', wrong: true, says: `The watcher knows no SPF record of ${of} at that time.` });
    return reasons;
  }
  for (const [network, term] of terms)
    reasons.push(
      term === null
        ? {
            part: 'spf',
            wrong: true,
            says: `The SPF record of ${of} did not admit ${short(network)}, from which the mail leaves.`,
          }
        : { part: 'spf', wrong: false, says: `The SPF record of ${of} admits ${short(network)} by ${short(term)}.` },
    );
  return reasons;
}

function reports({ reported, failure_reports }: MessageFacts): Reason[] {
  const reasons: Reason[] = reported.map((one) => ({
    part: 'report',
    wrong: !one.dkim_aligned && !one.spf_aligned,
    says: `${short(one.reporter, 60)} reports for ${one.day} ${counted(one.messages, 'message')} from ${one.address}: DKIM ${one.dkim_aligned ? 'passes' : 'does not pass'}, SPF ${one.spf_aligned ? 'passes' : 'does not pass'}${one.disposition === '' ? '' : `, disposition ${short(one.disposition, 20)}`}.`,
  }));
  for (const counts of [true, false]) {
    const some = failure_reports.filter((one) => one.counts === counts);
    if (some.length > 0) reasons.push({ part: 'report', wrong: counts, says: failed(some, counts) });
  }
  if (reasons.length === 0)
    reasons.push({ part: 'report', wrong: false, says: 'No report about that day and these networks has come yet.' });
  return reasons;
}

function failed(some: MessageFacts['failure_reports'], counts: boolean): string {
  const names = (values: readonly (string | null)[]) =>
    list(
      [...new Set(values)].flatMap((one) => (one === null ? [] : [short(one, 60)])),
      NAMED,
    );
  const [by, from, about] = [
    names(some.map(({ reporter }) => reporter)),
    names(some.map(({ source_ip }) => source_ip)),
    names(some.flatMap(({ auth_failure }) => auth_failure)),
  ];
  const what = `${counted(some.length, 'failure report')} about this message${by === '' ? '' : ` by ${by}`}`;
  const says = `${about === '' ? '' : `: ${about}`}${from === '' ? '' : `, from ${from}`}.`;
  return counts
    ? `There ${some.length === 1 ? 'is' : 'are'} ${what}${says}`
    : `There ${some.length === 1 ? 'is' : 'are'} ${what}, which nobody vouches for${says}`;
}

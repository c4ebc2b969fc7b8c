import type { Random } from '../../demo/random.ts';
import { arrange, leaf, some } from './parts.ts';
import type { Receiver } from './receivers.ts';
import { address, canonical, label, lang, otherDomain, prose, spelled } from './words.ts';
import type { Branch, Part } from './xml.ts';

/** The policy record of a domain as the receiver found it. */
export interface Policy {
  domain: string;
  p: string;
  /** What holds for subdomains, written out or not. */
  sp: string;
  adkim: string;
  aspf: string;
  /** RFC 9989's `t=y`: what fails is treated one step milder than asked. */
  testing: boolean;
}

interface Signature {
  domain: string;
  result: string;
}

/** What happened to one bundle of messages, before a receiver has written it down. */
interface Bundle {
  from: string;
  /** Null is the empty reverse path of a bounce. */
  envelope: string | null;
  spf: string;
  signatures: Signature[];
  dkimAligned: boolean;
  spfAligned: boolean;
}

const DKIM_FAILURES = ['fail', 'none', 'policy', 'neutral', 'temperror', 'permerror'];
const SPF_FAILURES = ['fail', 'softfail', 'none', 'neutral', 'temperror', 'permerror'];

/**
 * RFC 9989 section 4.4, where the organizational domain of all mail is known: the one the policy is published
 * at.
 */
function aligned(domain: string, from: string, mode: string, organization: string): boolean {
  const name = canonical(domain);
  return mode === 's' ? name === canonical(from) : name === organization || name.endsWith(`.${organization}`);
}

function bundle({ rfc }: Receiver, { domain, adkim, aspf }: Policy, random: Random): Bundle {
  const own = (): string => (random.chance(0.3) ? `${label(random)}.${domain}` : domain);
  const from = random.chance(0.2) ? own() : domain;
  const envelope = random.chance(0.08) ? null : random.chance(0.5) ? own() : otherDomain(random);
  const spf = random.chance(0.7) ? 'pass' : random.pick(rfc === 9990 ? [...SPF_FAILURES, 'policy'] : SPF_FAILURES);
  const signatures = Array.from({ length: random.int(2, 6) }, () => ({
    domain: random.chance(0.5) ? (random.chance(0.6) ? from : own()) : otherDomain(random),
    result: random.chance(0.65) ? 'pass' : random.pick(DKIM_FAILURES),
  }));
  return {
    from,
    envelope,
    spf,
    signatures,
    dkimAligned: signatures.some((one) => one.result === 'pass' && aligned(one.domain, from, adkim, domain)),
    spfAligned: spf === 'pass' && envelope !== null && aligned(envelope, from, aspf, domain),
  };
}

/** The disposition with the reasons that RFC 7489 and RFC 9990 ask for where it is not the policy's. */
function evaluated(receiver: Receiver, policy: Policy, { from, dkimAligned, spfAligned }: Bundle, random: Random): Part {
  const modern = receiver.rfc === 9990;
  const asked = from === policy.domain ? policy.p : policy.sp;
  const passes = dkimAligned || spfAligned;
  let disposition = passes ? (modern && asked !== 'none' && random.chance(0.8) ? 'pass' : 'none') : asked;
  let reasons = random.chance(0.2) ? random.int(1, 4) : 0;
  if (!passes && asked !== 'none' && random.chance(0.3)) {
    disposition = asked === 'reject' && random.chance(0.4) ? 'quarantine' : 'none';
    reasons = random.int(1, 4);
  }
  const test = policy.testing && !passes && asked !== 'none';
  if (test) disposition = asked === 'reject' ? 'quarantine' : 'none';
  const types = ['local_policy', 'mailing_list', 'other', 'trusted_forwarder'];
  if (!modern) types.push('forwarded', 'sampled_out');
  const comment = (): Part => leaf('comment', random.chance(0.1) ? '' : prose(random), 'free', modern ? lang(random) : undefined);
  const reason = (type: string): Branch => {
    const parts = [leaf('type', type, 'word'), ...some(random, [[0.6, comment]])];
    return { tag: 'reason', parts: arrange(receiver, parts, random) };
  };
  const parts: Part[] = [
    leaf('disposition', disposition, 'word'),
    leaf('dkim', dkimAligned ? 'pass' : 'fail', 'word'),
    leaf('spf', spfAligned ? 'pass' : 'fail', 'word'),
    ...(test ? [reason('policy_test_mode')] : []),
    ...Array.from({ length: reasons }, () => reason(random.pick(types))),
  ];
  return { tag: 'policy_evaluated', parts: receiver.order === 'loose' ? random.shuffle(parts) : parts };
}

/**
 * DKIM and SPF as they were found. RFC 7489 has the result of the host's name beside the sender's; RFC 9990
 * has not.
 */
function results(receiver: Receiver, { envelope, spf, signatures }: Bundle, random: Random): Part {
  const modern = receiver.rfc === 9990;
  const human = (): Part =>
    leaf('human_result', random.chance(0.1) ? '' : prose(random), 'free', modern ? lang(random) : undefined);
  const selector = (): Part =>
    leaf('selector', random.pick([`s${random.int(1, 99)}`, `k1._x${random.hex(4)}`, '20230601', 'Sel-ä']), 'name');
  const dkim = signatures.map(({ domain, result }): Part => {
    const parts = [
      leaf('domain', spelled(domain, random), 'name'),
      ...some(random, [[modern ? 1 : 0.7, selector]]),
      leaf('result', result, 'word'),
      ...some(random, [[0.3, human]]),
    ];
    return { tag: 'dkim', parts: arrange(receiver, parts, random) };
  });
  const host = `mx${random.int(1, 30)}.${otherDomain(random)}`;
  const check = (domain: string, scope: string, result: string): Part => {
    const parts = [
      leaf('domain', spelled(domain, random), 'name'),
      ...some(random, [[modern || scope === 'mfrom' ? 0.6 : 1, () => leaf('scope', scope, 'word')]]),
      leaf('result', result, 'word'),
      ...some(random, [[modern ? 0.3 : 0, human]]),
    ];
    return { tag: 'spf', parts: arrange(receiver, parts, random) };
  };
  const checks = [check(envelope ?? host, envelope === null && !modern ? 'helo' : 'mfrom', spf)];
  if (!modern && envelope !== null && random.chance(0.4)) {
    checks.push(check(host, 'helo', random.chance(0.5) ? 'pass' : random.pick(SPF_FAILURES)));
  }
  const parts = [...dkim, ...checks];
  return { tag: 'auth_results', parts: receiver.order === 'loose' ? random.shuffle(parts) : parts };
}

/** RFC 9990's elements of extensions at the end of a record: they share local names with the report's own. */
function extensions(receiver: Receiver, random: Random): Part[] {
  if (!receiver.extends || !random.chance(0.3)) return [];
  const place = { xml: `<e:place e:zone='&lt;none> "x"'/>` };
  const row = { xml: `<e:row><e:count>${random.int(100, 900)}</e:count><e:result>fail</e:result></e:row>` };
  const note = { xml: `<e:identifiers><e:header_from>${otherDomain(random)}</e:header_from></e:identifiers>` };
  return random.shuffle<Part>([place, row, note]).slice(0, random.int(1, 3));
}

function counted(random: Random): number {
  if (random.chance(0.7)) return random.int(1, 3);
  return random.chance(0.97) ? random.int(4, 400) : random.int(401, 90_000);
}

/** A record, and how many messages it counts. */
export function record(receiver: Receiver, policy: Policy, random: Random): { branch: Branch; count: number } {
  const facts = bundle(receiver, policy, random);
  const count = counted(random);
  const row = [
    leaf('source_ip', address(random), 'name'),
    leaf('count', receiver.zeros ? String(count).padStart(receiver.zeros, '0') : count, 'number'),
    evaluated(receiver, policy, facts, random),
  ];
  const envelope = (): Part => leaf('envelope_from', facts.envelope === null ? '' : spelled(facts.envelope, random), 'name');
  const identifiers = [
    ...some(random, [
      [0.3, () => leaf('envelope_to', random.chance(0.5) ? receiver.domain : otherDomain(random), 'name')],
      [receiver.rfc === 9990 ? 0.6 : 0.9, envelope],
    ]),
    leaf('header_from', spelled(facts.from, random), 'name'),
  ];
  const parts: Part[] = [
    { tag: 'row', parts: arrange(receiver, row, random) },
    { tag: 'identifiers', parts: arrange(receiver, identifiers, random) },
    results(receiver, facts, random),
  ];
  const arranged = receiver.order === 'loose' ? random.shuffle(parts) : parts;
  return { branch: { tag: 'record', parts: [...arranged, ...extensions(receiver, random)] }, count };
}

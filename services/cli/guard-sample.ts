import type { DomainCheck } from '../dns/check/check.ts';
import { type GuardFinding, guardFinding, type Place } from '../dns/guard/codes.ts';
import { partName, spfOver } from '../dns/guard/egress.ts';
import type { GuardedDomain } from '../dns/guard/file.ts';
import { type GuardedWorkload, signersAs } from '../dns/guard/workloads.ts';
import type { SpfResult } from '../dns/spf/evaluate.ts';
import { Aligner } from '../report/aggregate/alignment.ts';
import { type SelectorTrial, signersOf, type Trying, trialKey, trySelector } from './guard-signing.ts';

/**
 * How mail of a workload would do that leaves by an address, or by any of a network for which SPF says the
 * same.
 */
export interface EgressTrial {
  egress: string;
  /** An address, a network, or "A to B". */
  address: string;
  spf: SpfResult;
  spfAligned: boolean;
  /** False: of the addresses some were tried, since the record asks about the address itself. */
  exact: boolean;
}

/** How mail of a workload would do. */
export interface WorkloadTrial {
  workload: string;
  envelopeFrom: string;
  selectors: readonly string[];
  /** Null: no selector could be tried. */
  dkimAligned: boolean | null;
  egress: readonly EgressTrial[];
  /** What DMARC says; null where neither SPF nor DKIM could be tried. */
  dmarc: 'pass' | 'fail' | null;
}

export interface Trials {
  selectors: SelectorTrial[];
  workloads: WorkloadTrial[];
  findings: GuardFinding[];
}

/**
 * Signs a sample with each key that the file names, and evaluates SPF and DMARC for each workload's ways out.
 */
export async function tryDomain(guarded: GuardedDomain, check: DomainCheck, trying: Trying): Promise<Trials> {
  const findings: GuardFinding[] = [];
  const tried = new Map<string, SelectorTrial>();
  for (const signer of signersOf(guarded)) {
    const { trial, found } = await trySelector(guarded, signer, trying);
    tried.set(trialKey(signer), trial);
    findings.push(...found);
  }
  const workloads: WorkloadTrial[] = [];
  for (const workload of guarded.workloads) {
    const { trial, found } = await tryWorkload(guarded, workload, { check, tried }, trying);
    workloads.push(trial);
    findings.push(...found);
  }
  return { selectors: [...tried.values()], workloads, findings };
}

async function tryWorkload(
  { environment, domain }: GuardedDomain,
  workload: GuardedWorkload,
  { check, tried }: { check: DomainCheck; tried: ReadonlyMap<string, SelectorTrial> },
  trying: Trying,
): Promise<{ trial: WorkloadTrial; found: GuardFinding[] }> {
  const signers = signersAs(workload, domain);
  const envelopeFrom = workload.envelope_from ?? domain;
  const who = `${workload.name} (${environment})`;
  const place: Place = { environment, domain, name: domain, text: check.spf?.tree.root.record?.text ?? null };
  const found: GuardFinding[] = [];
  const say = (code: GuardFinding['code'], message: string) => found.push(guardFinding(code, place, { message }));
  if (signers.length === 0)
    say('guard_unsigned', `${who} sends as ${domain} and has no selector to sign with: its mail is unsigned.`);
  const aligner = alignedBy(check);
  const aligned = signers.filter((signer) => aligner.dkim(signer.domain, domain));
  if (signers.length > 0 && aligned.length === 0) say('guard_unaligned', unaligned(who, domain, signers, check));
  const dkimAligned = aligned.length === 0 ? false : verified(aligned.map((signer) => tried.get(trialKey(signer))!));
  if (workload.egress.length === 0)
    say('guard_egress_none', `No egress is declared for ${who}, so SPF was not evaluated for its mail as ${domain}.`);
  const egress: EgressTrial[] = [];
  for (const way of workload.egress) {
    const tries = await tryEgress(way, { who, envelopeFrom, place, aligned: aligner.spf(envelopeFrom, domain) }, trying);
    egress.push(...tries.egress);
    found.push(...tries.found);
  }
  const dmarc = verdictOf(dkimAligned, egress, workload);
  if (dmarc === 'fail') {
    const way = egress.find(({ spfAligned }) => !spfAligned);
    const from = way === undefined ? '' : ` from ${way.address}`;
    say(
      'guard_dmarc',
      `Mail of ${who} as ${domain} fails DMARC${from}: no signature of ${domain} verifies, and SPF does not pass for a domain that aligns. Under p=reject it is lost.`,
    );
  }
  return {
    trial: {
      workload: workload.name,
      envelopeFrom,
      selectors: signers.map(({ selector }) => selector),
      dkimAligned,
      egress,
      dmarc,
    },
    found,
  };
}

/** Evaluates SPF for the addresses of a way out. @param from.aligned whether the envelope sender aligns */
async function tryEgress(
  { name: way, addresses }: GuardedWorkload['egress'][number],
  { who, envelopeFrom, place, aligned }: { who: string; envelopeFrom: string; place: Place; aligned: boolean },
  { dns, now }: Trying,
): Promise<{ egress: EgressTrial[]; found: GuardFinding[] }> {
  const egress: EgressTrial[] = [];
  const found: GuardFinding[] = [];
  const say = (code: GuardFinding['code'], message: string) => found.push(guardFinding(code, place, { message }));
  if (addresses.length === 0)
    say(
      'guard_egress_unknown',
      `The addresses of the egress ${way} of ${who} are known in the cluster only, so SPF was not evaluated for it.`,
    );
  const identity = { helo: envelopeFrom, mailFrom: `sample@${envelopeFrom}` };
  for (const network of addresses)
    for (const part of await spfOver(network, identity, dns, { now: () => now })) {
      const { spf, reason, exact } = part;
      const address = partName(part);
      if (!exact)
        say(
          'guard_egress_sampled',
          `The SPF record of ${envelopeFrom} asks about the address itself (ptr, exists), so only some addresses of ${address} (${way} of ${who}) were tried: others may do otherwise.`,
        );
      egress.push({ egress: way, address, spf, spfAligned: spf === 'pass' && aligned, exact });
      if (spf === 'temperror') say('guard_unknown', reason ?? `SPF of ${envelopeFrom} could not be evaluated.`);
      else if (spf !== 'pass') found.push(notAdmitted(place, { who, way, address, envelopeFrom, spf, reason }));
    }
  return { egress, found };
}

/** Whether a receiver finds a signature that verifies; null when that was not tried. */
function verified(trials: readonly SelectorTrial[]): boolean | null {
  if (trials.some(({ result }) => result === 'pass')) return true;
  return trials.every(({ result }) => result === 'fail') ? false : null;
}

function alignedBy({ domain, dmarc }: DomainCheck): Aligner {
  const record = dmarc?.discovery.state === 'found' ? dmarc.discovery.record : null;
  return new Aligner({ domain, adkim: record?.adkim ?? 'r', aspf: record?.aspf ?? 'r', discovery_method: 'treewalk' });
}

function unaligned(who: string, domain: string, signers: readonly { domain: string }[], { dmarc }: DomainCheck): string {
  const strict = dmarc?.discovery.state === 'found' && dmarc.discovery.record.adkim === 's';
  const by = [...new Set(signers.map((signer) => signer.domain))].join(', ');
  const why = strict ? ` (adkim=s: d= must be ${domain} itself)` : '';
  return `${who} sends as ${domain} and signs as ${by}, which does not align${why}: for DMARC its mail is unsigned.`;
}

function notAdmitted(
  place: Place,
  {
    who,
    way,
    address,
    envelopeFrom,
    spf,
    reason,
  }: {
    who: string;
    way: string;
    address: string;
    envelopeFrom: string;
    spf: SpfResult;
    reason: string | null;
  },
): GuardFinding {
  const why = reason === null ? '.' : `: ${reason}${reason.endsWith('.') ? '' : '.'}`;
  return guardFinding(
    'guard_egress',
    { ...place, name: envelopeFrom, text: envelopeFrom === place.domain ? place.text : null },
    {
      message: `Mail of ${who} that leaves by ${address} (${way}) gets ${spf} from SPF of ${envelopeFrom}${why}`,
      wanted: address.includes(' ') ? address : `${address.includes(':') ? 'ip6' : 'ip4'}:${address}`,
      published: spf,
    },
  );
}

/** What DMARC says of the mail by every way out; null where that was not tried. */
function verdictOf(
  dkimAligned: boolean | null,
  egress: readonly EgressTrial[],
  workload: GuardedWorkload,
): WorkloadTrial['dmarc'] {
  if (dkimAligned === true) return 'pass';
  const known = egress.filter(({ spf }) => spf !== 'temperror');
  if (known.length > 0 && known.length === egress.length && egress.every(({ spfAligned }) => spfAligned)) return 'pass';
  if (dkimAligned === null) return null;
  return known.some(({ spfAligned }) => !spfAligned) || workload.egress.length === 0 ? 'fail' : null;
}

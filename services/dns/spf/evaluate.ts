import { BlockList, isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { lowerName } from '../client/name.ts';
import { textsOf } from '../client/texts.ts';
import type { Answer, Budget, Dns, RecordType } from '../client/types.ts';
import { expand, type MacroValues, nibbles, type Piece, parseMacros, reverseName, toName } from './macro.ts';
import { isSpf, type Mechanism, parseSpf, type Qualifier, type SpfRecord } from './record.ts';

export type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';

/** Terms that query DNS, over the whole evaluation (RFC 7208 section 4.6.4). */
export const MOST_LOOKUPS = 10;
/** Of those, how many may find nothing. */
export const MOST_VOIDS = 2;
/** Hosts of one mx, names of one ptr. */
const MOST_NAMES = 10;
/** A whole evaluation: ten terms, each with its ten hosts, and the record of each include. */
const MOST_QUESTIONS = 150;
/** Section 4.6.4 wants at least 20 s. */
const TIMEOUT_MS = 20_000;

export interface SpfMail {
  /** The address of the SMTP client. */
  ip: string;
  /** The name it gave in HELO or EHLO. */
  helo: string;
  /**
   * The address in MAIL FROM without angle brackets; empty for a bounce, where postmaster at the HELO name is
   * checked.
   */
  mailFrom: string;
}

export interface SpfOptions {
  signal?: AbortSignal;
  timeoutMs?: number;
  budget?: Budget;
  /** For %{r}: the name of the host that checks. */
  receiver?: string;
  /** For %{t}. */
  now?: () => Date;
}

/** One term that was looked at. */
export interface SpfStep {
  text: string;
  at: number;
  /** The number of its look-up in the whole evaluation, from 1; null for a term that asks nothing. */
  lookup: number | null;
  /** Whether its query found no records. */
  void: boolean;
  outcome: 'match' | 'no match' | 'temperror' | 'permerror';
  /** Of include and redirect: what was evaluated there. */
  inner: SpfNode | null;
}

/** The evaluation of one record. */
export interface SpfNode {
  domain: string;
  record: string | null;
  steps: readonly SpfStep[];
  result: SpfResult;
}

export interface SpfEvaluation {
  result: SpfResult;
  /**
   * The domain's explanation (exp=), on fail only; a foreign text of visible ASCII and spaces. Null when
   * there is none that counts.
   */
  explanation: string | null;
  /** The term that decided; null when none did. */
  decidedBy: string | null;
  /** Why it is none, a temperror or a permerror: a sentence. */
  reason: string | null;
  lookups: number;
  voids: number;
  tree: SpfNode;
}

/**
 * A name with letters beyond ASCII, and without what ends or changes a host in a URL: `domainToASCII` takes
 * its argument for one.
 */
const U_NAME = /^(?=.*[^\x00-\x7f])[^\x00-\x20\x7f#%/:<>?@[\\\]^|]+$/;

/**
 * Evaluates SPF for a mail: check_host() of RFC 7208 section 4, with all that was looked at on the way.
 * @throws TypeError when `mail.ip` is not an address
 */
export async function evaluateSpf(mail: SpfMail, dns: Dns, options: SpfOptions = {}): Promise<SpfEvaluation> {
  if (isIP(mail.ip) === 0) throw new TypeError(`"${mail.ip}" is no IP address`);
  const at = mail.mailFrom.lastIndexOf('@');
  const given = at >= 0 ? mail.mailFrom.slice(at + 1) : mail.mailFrom || mail.helo;
  const domain = U_NAME.test(given) ? domainToASCII(given) || given : given;
  const local = (at > 0 ? mail.mailFrom.slice(0, at) : '') || 'postmaster';
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const evaluation = new Evaluation(dns, {
    ip: plainAddress(mail.ip),
    helo: mail.helo,
    local,
    senderDomain: domain,
    receiver: options.receiver ?? 'unknown',
    now: Math.floor((options.now?.() ?? new Date()).getTime() / 1000),
    signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    budget: options.budget ?? { left: MOST_QUESTIONS },
  });
  return await evaluation.run(domain);
}

const RESULTS: Record<Qualifier, SpfResult> = { '+': 'pass', '-': 'fail', '~': 'softfail', '?': 'neutral' };

/** Ends an evaluation. */
class Stop extends Error {
  readonly result: 'temperror' | 'permerror';

  constructor(result: 'temperror' | 'permerror', message: string) {
    super(message);
    this.result = result;
  }
}

interface Given {
  ip: string;
  helo: string;
  local: string;
  senderDomain: string;
  receiver: string;
  now: number;
  signal: AbortSignal;
  budget: Budget;
}

interface OpenNode extends SpfNode {
  steps: SpfStep[];
}

class Evaluation {
  private readonly dns: Dns;
  private readonly given: Given;
  private lookups = 0;
  private voids = 0;
  private reason: string | null = null;
  private decidedBy: string | null = null;
  /** The record whose exp= counts, and its domain. */
  private explainedBy: { record: SpfRecord; domain: string } | null = null;
  private validatedNames: Promise<string[]> | null = null;

  constructor(dns: Dns, given: Given) {
    this.dns = dns;
    this.given = given;
  }

  async run(domain: string): Promise<SpfEvaluation> {
    const tree: OpenNode = { domain, record: null, steps: [], result: 'none' };
    await this.checkHost(domain, tree, true);
    const explanation = tree.result === 'fail' ? await this.explanation() : null;
    return {
      result: tree.result,
      explanation,
      decidedBy: this.decidedBy,
      reason: this.reason,
      lookups: this.lookups,
      voids: this.voids,
      tree,
    };
  }

  /** check_host() for one domain; writes what it finds into the node. */
  private async checkHost(domain: string, node: OpenNode, outermost: boolean): Promise<void> {
    try {
      const record = await this.recordOf(domain);
      if (record === null) {
        node.result = 'none';
        return;
      }
      node.record = record.text;
      if (record.errors.length > 0)
        throw new Stop('permerror', `The record of ${domain} is wrong: ${record.errors[0]!.message}.`);
      node.result = await this.evaluate(record, domain, node, outermost);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      this.reason ??= error.message;
      node.result = error.result;
    }
  }

  private async recordOf(domain: string): Promise<SpfRecord | null> {
    const name = toName(domain);
    // Section 4.3: a name that is none, or of one label alone (which an address literal is as well).
    if (name === null || !name.includes('.') || domain.replace(/\.$/, '').length > 253 || /^\[.*\]$/.test(domain)) {
      this.reason ??= `${domain} is not a domain that mail can come from.`;
      return null;
    }
    const answer = await this.ask(name, 'TXT');
    const texts = textsOf(answer).filter(isSpf);
    if (texts.length > 1) throw new Stop('permerror', `${domain} has ${texts.length} SPF records.`);
    if (texts[0] === undefined) {
      this.reason ??= `${domain} has no SPF record.`;
      return null;
    }
    return parseSpf(texts[0]);
  }

  private async evaluate(record: SpfRecord, domain: string, node: OpenNode, outermost: boolean): Promise<SpfResult> {
    if (outermost) this.explainedBy = { record, domain };
    for (const mechanism of record.mechanisms) {
      const step = open(mechanism);
      node.steps.push(step);
      const matched = await this.matches(mechanism, domain, step).catch((error: unknown) => {
        if (error instanceof Stop) step.outcome = error.result;
        throw error;
      });
      if (!matched) continue;
      step.outcome = 'match';
      if (outermost) this.decidedBy = mechanism.text;
      return RESULTS[mechanism.qualifier];
    }
    if (record.redirect === null) return 'neutral';
    const step = open(record.redirect);
    node.steps.push(step);
    this.countLookup(step);
    const target = await this.expandDomain(record.redirect.value, domain);
    const inner: OpenNode = { domain: target, record: null, steps: [], result: 'none' };
    step.inner = inner;
    await this.checkHost(target, inner, outermost);
    if (inner.result === 'none') {
      step.outcome = 'permerror';
      this.reason = null;
      throw new Stop('permerror', `${record.redirect.text} leads to a domain without an SPF record.`);
    }
    step.outcome = inner.result === 'temperror' || inner.result === 'permerror' ? inner.result : 'match';
    return inner.result;
  }

  private async matches(mechanism: Mechanism, domain: string, step: SpfStep): Promise<boolean> {
    const { ip } = this.given;
    switch (mechanism.kind) {
      case 'all':
        return true;
      case 'ip4':
      case 'ip6':
        return covers(mechanism.address!, mechanism.kind === 'ip4' ? mechanism.prefix4 : mechanism.prefix6, ip);
    }
    this.countLookup(step);
    const target = mechanism.domain === null ? domain : await this.expandDomain(mechanism.domain, domain);
    if (mechanism.kind === 'include') return await this.included(mechanism, target, step);
    const name = toName(target);
    if (mechanism.kind === 'ptr') {
      const names = await this.validated(step);
      return names.some((one) => isBelow(one, target));
    }
    if (name === null) return false;
    const prefix = isIPv6(ip) ? mechanism.prefix6 : mechanism.prefix4;
    switch (mechanism.kind) {
      case 'exists': {
        const answer = await this.ask(name, 'A');
        this.noteVoid(answer, step);
        return answer.state === 'records';
      }
      case 'a': {
        const answer = await this.addresses(name);
        this.noteVoid(answer, step);
        return answer.state === 'records' && answer.records.some((address) => covers(address, prefix, ip));
      }
      case 'mx': {
        const answer = await this.ask(name, 'MX');
        this.noteVoid(answer, step);
        if (answer.state !== 'records') return false;
        if (answer.records.length > MOST_NAMES)
          throw new Stop('permerror', `${mechanism.text} finds ${answer.records.length} mail hosts; ${MOST_NAMES} are allowed.`);
        for (const { exchange } of [...answer.records].sort((a, b) => a.preference - b.preference)) {
          // "." is the null MX of RFC 7505.
          if (exchange === '.') continue;
          const found = await this.addresses(exchange);
          if (found.state === 'records' && found.records.some((address) => covers(address, prefix, ip))) return true;
        }
        return false;
      }
    }
  }

  private async included(mechanism: Mechanism, target: string, step: SpfStep): Promise<boolean> {
    const inner: OpenNode = { domain: target, record: null, steps: [], result: 'none' };
    step.inner = inner;
    const before = this.reason;
    await this.checkHost(target, inner, false);
    switch (inner.result) {
      case 'pass':
        return true;
      case 'temperror':
        throw new Stop('temperror', this.reason ?? `${mechanism.text} could not be evaluated.`);
      case 'permerror':
        throw new Stop('permerror', this.reason ?? `${mechanism.text} has errors.`);
      case 'none':
        this.reason = before;
        throw new Stop('permerror', `${mechanism.text} leads to a domain without an SPF record.`);
      default:
        return false;
    }
  }

  /**
   * Section 5.5: names of the address that have the address in turn, of the first ten. DNS errors say "not
   * this one".
   */
  private async validated(step: SpfStep | null): Promise<string[]> {
    const { ip } = this.given;
    const answer = await this.dns.ask(reverseName(ip), 'PTR', this.given);
    if (step !== null && answer.state !== 'unknown') this.noteVoid(answer, step);
    if (answer.state !== 'records') return [];
    const names: string[] = [];
    for (const name of answer.records.slice(0, MOST_NAMES)) {
      const found = await this.dns.ask(name, isIPv6(ip) ? 'AAAA' : 'A', this.given);
      if (found.state === 'records' && (found.records as readonly string[]).some((address) => covers(address, 128, ip)))
        names.push(name);
    }
    return names;
  }

  /** %{p} (section 7.3): the domain itself, else a name below it, else any; "unknown" when there is none. */
  private async validatedName(domain: string): Promise<string> {
    this.validatedNames ??= this.validated(null);
    const names = await this.validatedNames;
    const plain = lowerName(domain.replace(/\.$/, ''));
    return (
      names.find((name) => lowerName(name) === plain) ?? names.find((name) => isBelow(name, domain)) ?? names[0] ?? 'unknown'
    );
  }

  private addresses(name: string): Promise<Answer<'A' | 'AAAA'>> {
    return this.ask(name, isIPv6(this.given.ip) ? 'AAAA' : 'A');
  }

  private async ask<T extends RecordType>(name: string, type: T): Promise<Exclude<Answer<T>, { state: 'unknown' }>> {
    const answer = await this.dns.ask(name, type, this.given);
    if (answer.state === 'unknown') throw new Stop('temperror', answer.message);
    return answer;
  }

  private countLookup(step: SpfStep): void {
    if (++this.lookups > MOST_LOOKUPS) {
      step.outcome = 'permerror';
      throw new Stop('permerror', `More than ${MOST_LOOKUPS} terms ask DNS; the one above is ${step.text}.`);
    }
    step.lookup = this.lookups;
  }

  private noteVoid(answer: Answer, step: SpfStep): void {
    if (answer.state !== 'nodata' && answer.state !== 'nxdomain') return;
    step.void = true;
    if (++this.voids > MOST_VOIDS)
      throw new Stop('permerror', `More than ${MOST_VOIDS} terms find nothing in DNS; the last is ${step.text}.`);
  }

  private async expandDomain(pieces: readonly Piece[], domain: string): Promise<string> {
    return cutToFit(await expand(pieces, this.values(domain)));
  }

  private values(domain: string): MacroValues {
    const { ip, helo, local, senderDomain, receiver, now } = this.given;
    const validated = () => this.validatedName(domain);
    return { ip, helo, local, senderDomain, sender: `${local}@${senderDomain}`, domain, validated, receiver, now };
  }

  /** Section 6.2: after any error there is no explanation. */
  private async explanation(): Promise<string | null> {
    const { record, domain } = this.explainedBy!;
    if (record.exp === null) return null;
    const name = toName(await this.expandDomain(record.exp.value, domain));
    if (name === null) return null;
    const answer = await this.dns.ask(name, 'TXT', this.given);
    if (answer.state !== 'records' || answer.records.length !== 1) return null;
    const pieces = parseMacros(answer.records[0]!.join(''), 'exp');
    if (typeof pieces === 'string') return null;
    const text = await expand(pieces, this.values(domain));
    // A local part or a HELO name may hold anything.
    return text === '' || /[^ -~]/.test(text) ? null : text;
  }
}

function open({ text, at }: { text: string; at: number }): SpfStep {
  return { text, at, lookup: null, void: false, outcome: 'no match', inner: null };
}

/** Section 7.3: what is too long loses labels on its left. */
function cutToFit(domain: string): string {
  let text = domain.replace(/\.$/, '');
  while (text.length > 253 && text.includes('.')) text = text.slice(text.indexOf('.') + 1);
  return text;
}

function isBelow(name: string, domain: string): boolean {
  const one = lowerName(name.replace(/\.$/, ''));
  const other = lowerName(domain.replace(/\.$/, ''));
  return one === other || one.endsWith(`.${other}`);
}

/**
 * An IPv4 address in IPv6's clothes (RFC 4291 section 2.5.5.2) is one of IPv4; IPv6 in its canonical text.
 */
function plainAddress(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const digits = nibbles(ip);
  if (/^0{20}f{4}/.test(digits)) return [24, 26, 28, 30].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)).join('.');
  return new URL(`http://[${ip}]/`).hostname.slice(1, -1);
}

/** Whether a network has an address of its own family. */
function covers(network: string, prefix: number, ip: string): boolean {
  const family = isIP(network);
  if (family !== isIP(ip)) return false;
  const list = new BlockList();
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, Math.min(prefix, family === 4 ? 32 : 128), kind);
  return list.check(ip, kind);
}

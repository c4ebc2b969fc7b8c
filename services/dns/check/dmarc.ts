import { textsOf } from '../client/texts.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { asTyped, retyped, unseen } from '../copied.ts';
import { checkDestination } from '../dmarc/destination.ts';
import { partsOf, withTags } from '../dmarc/edit.ts';
import { type DmarcProblem, type DmarcRecord, parseDmarc } from '../dmarc/record.ts';
import { closeSubdomains } from '../dmarc/subdomains.ts';
import { type Discovery, discoverPolicy, walkTree } from '../dmarc/walk.ts';
import type { Code } from './codes.ts';
import { type Finding, finding, type Given } from './finding.ts';

export interface DmarcCheck {
  findings: Finding[];
  discovery: Discovery;
  /**
   * The discovery is unknown only because of names above the registrable domain: the domain's people have
   * published nothing.
   */
  unpublished?: true;
}

export interface DmarcCheckOptions extends AskOptions {
  /** The registrable domain of a name. */
  registrable?: ((name: string) => string) | undefined;
  /** Addresses of the mailboxes that are read here, in lower case. */
  mailboxes?: readonly string[] | undefined;
}

function isUnpublished({ state, walk }: Discovery, registrable: string | undefined): boolean {
  if (state !== 'unknown' || registrable === undefined) return false;
  return walk.steps.every(
    (step) => step.state === 'none' || (step.state === 'unknown' && registrable.endsWith(`.${step.domain}`)),
  );
}

/** Checks the DMARC record that applies to a domain, and the places its reports go to. */
export async function checkDmarc(domain: string, dns: Dns, options: DmarcCheckOptions = {}): Promise<DmarcCheck> {
  const discovery = await discoverPolicy(domain, dns, options);
  const findings: Finding[] = [];
  const own = discovery.walk.steps[0]!;
  const name = `_dmarc.${domain}`;
  if (own.state === 'several') {
    const message = `${name} holds ${own.texts.length} DMARC records, so receivers take none of them. Keep one.`;
    findings.push(
      finding('dmarc_several', {
        domain,
        message,
        record: { name, text: own.texts.join('\n') },
        publish: { name, value: await mended(mostUseful(own.texts), domain, dns, options) },
      }),
    );
    return { findings, discovery };
  }
  // Receivers pass it over and go up; whatever they find there, somebody meant this one to count.
  const misspelt = own.state === 'none' ? await misspeltRecord(domain, dns, options) : null;
  if (misspelt !== null) findings.push(misspelt);
  if (discovery.state === 'unknown') findings.push(finding('dmarc_unknown', { domain, message: discovery.message }));
  // The domain's own record may be known even if the names above it are not.
  const at = own.state === 'record' ? domain : discovery.state === 'found' ? discovery.at : domain;
  const record = own.state === 'record' ? own.record : discovery.state === 'unknown' ? null : discovery.record;
  if (record === null) {
    if (discovery.state !== 'unknown' && misspelt === null)
      findings.push(missing(domain, await placeOfReports(domain, dns, options)));
    const unpublished: boolean = misspelt === null && isUnpublished(discovery, options.registrable?.(domain));
    return { findings, discovery, ...(unpublished ? { unpublished: true } : {}) };
  }
  if (at !== domain && discovery.state === 'found') {
    const { policy, tag } = discovery;
    const message = `${domain} has no DMARC record of its own; that of ${at} applies: ${policy}, by its ${tag}=.`;
    findings.push(finding('dmarc_inherited', { domain, message, record: { name: `_dmarc.${at}`, text: record.text } }));
    return { findings, discovery };
  }
  findings.push(...recordFindings(domain, record));
  const mailed = record.rua.some(({ address }) => address !== null);
  if (!mailed && !record.problems.some(({ tag }) => tag === 'rua'))
    findings.push(noRua(domain, record, await placeOfReports(domain, dns, options)));
  const { mailboxes = [] } = options;
  if (mailboxes.length > 0 && mailed && !record.rua.some(({ address }) => mailboxes.includes(address?.toLowerCase() ?? '')))
    findings.push(notHere(domain, record, mailboxes[0]!));
  findings.push(...(await destinationFindings(domain, record, dns, options)));
  return { findings, discovery };
}

/**
 * Where reports may go: a mailbox that is read here, else one of the domain itself; null where that takes no
 * mail.
 */
async function placeOfReports(domain: string, dns: Dns, options: DmarcCheckOptions): Promise<string | null> {
  const [mailbox] = options.mailboxes ?? [];
  if (mailbox !== undefined) return `mailto:${mailbox.replace(/[,!]/g, (c) => (c === ',' ? '%2C' : '%21'))}`;
  return (await takesMail(domain, dns, options)) === false ? null : `mailto:dmarc@${domain}`;
}

function firstRecord(rua: string | null): string {
  return rua === null ? 'v=DMARC1; p=none' : `v=DMARC1; p=none; rua=${rua}`;
}

/** Said where no place for reports can be proposed. */
const elsewhere = (domain: string) => ` ${domain} takes no mail: add rua=mailto: and an address of a domain that does.`;

function missing(domain: string, rua: string | null): Finding {
  const message = `${domain} has no DMARC record: receivers neither report mail sent as it nor reject forged mail. Begin with the record below, which does not affect its mail.${rua === null ? elsewhere(domain) : ''}`;
  return finding('dmarc_missing', { domain, message, publish: { name: `_dmarc.${domain}`, value: firstRecord(rua) } });
}

/** @returns null when no record of the domain's own is meant to be DMARC */
async function misspeltRecord(domain: string, dns: Dns, options: DmarcCheckOptions): Promise<Finding | null> {
  const name = `_dmarc.${domain}`;
  const texts = textsOf(await dns.ask(name, 'TXT', options));
  const isMeant = (text: string) => /dmarc/i.test(text) || /(?:^|[;\s])p\s*=\s*(?:none|quarantine|reject)/i.test(text);
  const meant = texts.find((text) => isMeant(asTyped(text)));
  if (meant === undefined) return null;
  const rest = asTyped(meant)
    .replace(/^[\s"'\x80-\xff]*(?:v\s*=\s*)?dmarc\s*-?\s*1?[\s;:,"']*/i, '')
    .replace(/["'\x80-\xff]+\s*$/, '');
  // The version may stand at the end, and a comma for the semicolon.
  const tags = partsOf(rest).filter((part) => !/^v\s*=/i.test(part));
  const value = /^p\s*=/i.test(tags[0] ?? '')
    ? await mended(['v=DMARC1', ...tags].join('; '), domain, dns, options)
    : firstRecord(await placeOfReports(domain, dns, options));
  const message = `${name} holds a record that looks like DMARC and is none: it must begin with "v=DMARC1;", in just these letters.${unseen(meant)}`;
  return finding('dmarc_misspelt', { domain, message, record: { name, text: meant }, publish: { name, value } });
}

/** Corrections of one record, one after the other: more are never needed. */
const MOST_CORRECTIONS = 20;

/** A record in which nothing is left to correct, and which asks for reports. */
async function mended(text: string, domain: string, dns: Dns, options: DmarcCheckOptions): Promise<string> {
  let value = text;
  for (let i = 0; i < MOST_CORRECTIONS; i++) {
    const record = parseDmarc(value);
    const next = record?.problems.map((problem) => corrected(record, problem)).find((one) => one !== null && one !== value);
    if (next == null) break;
    value = next;
  }
  if ((parseDmarc(value)?.rua.length ?? 0) > 0) return value;
  const rua = await placeOfReports(domain, dns, options);
  return rua === null ? value : withTags(value, { rua });
}

function* recordFindings(domain: string, record: DmarcRecord): Generator<Finding> {
  const name = `_dmarc.${domain}`;
  const told = (code: Code, message: string, place: Given['place'], value: string | null) =>
    finding(code, {
      domain,
      message,
      record: { name, text: record.text },
      place: place ?? null,
      publish: value === null ? null : { name, value },
    });
  for (const problem of record.problems) {
    const { code, at, text } = problem;
    const hidden = code === 'dmarc_no_p' ? '' : unseen(text);
    yield told(code, `${messageOf(problem)}${hidden}`, { at, text }, corrected(record, problem));
  }
  const placeOf = (tag: string) => partOf(record.text, tag);
  const parts = partsOf(record.text);
  const p = parts.findIndex((part) => /^p\s*=/i.test(part));
  if (p > 1)
    yield told(
      'dmarc_order',
      'RFC 7489 wanted p= right behind v=, and old receivers still do.',
      placeOf('p'),
      ['v=DMARC1', parts[p]!, ...parts.filter((_, i) => i !== 0 && i !== p)].join('; '),
    );
  if (record.testing)
    yield told(
      'dmarc_testing',
      'The record says that the policy is being tried out (t=y): receivers are asked not to apply it.',
      placeOf('t'),
      withTags(record.text, { t: null }),
    );
  if (record.p === 'none')
    yield told(
      'dmarc_policy_none',
      'p=none asks receivers to do nothing: right while the reports are being read, and no protection.',
      placeOf('p'),
      null,
    );
  const open = (['sp', 'np'] as const).filter((tag) => record[tag] === 'none' && record.p !== 'none' && record.p !== null);
  // The order of closeSubdomains, so that what is proposed costs the least mail: sp only where np is reject.
  const sp = record.sp ?? record.p;
  const steps = closeSubdomains(domain, { p: record.p, sp, np: record.np ?? sp }, { inUse: null, unused: true });
  for (const tag of open) {
    const exist = record.np !== null && record.np !== 'none' ? ' that exist' : '';
    const whose = tag === 'sp' ? `names below the domain${exist}` : 'names below the domain that do not exist';
    yield told(
      'dmarc_subdomains_open',
      `${tag}=none: ${whose} can be forged freely, though the domain itself is protected. ${steps.map(({ sentence }) => sentence).join(' ')}`,
      placeOf(tag),
      withTags(record.text, { [steps[0]!.tag]: steps[0]!.value }),
    );
  }
}

function noRua(domain: string, record: DmarcRecord, rua: string | null): Finding {
  const name = `_dmarc.${domain}`;
  return finding('dmarc_no_rua', {
    domain,
    message: `${record.rua.length === 0 ? 'Nobody is asked for reports (rua=)' : 'rua= has no mailto: place, and receivers need not know any other'}: what is sent as the domain stays unseen.${rua === null ? elsewhere(domain) : ''}`,
    record: { name, text: record.text },
    publish:
      rua === null
        ? null
        : { name, value: withTags(record.text, { rua: [rua, ...record.rua.map(({ text }) => text)].join(',') }) },
  });
}

function notHere(domain: string, record: DmarcRecord, mailbox: string): Finding {
  const name = `_dmarc.${domain}`;
  const place = partOf(record.text, 'rua');
  const value =
    place === null
      ? null
      : record.text.replace(place.text, `${place.text},mailto:${mailbox.replace(/[,!]/g, (c) => (c === ',' ? '%2C' : '%21'))}`);
  const message = 'None of the places in rua= is a mailbox that ruawatch reads: reports on this domain do not come here.';
  return finding('dmarc_not_here', {
    domain,
    message,
    record: { name, text: record.text },
    place,
    publish: value === null ? null : { name, value },
  });
}

function messageOf({ code, tag, text }: DmarcProblem): string {
  switch (code) {
    case 'dmarc_syntax':
      return `"${text}" is no tag=value, and is passed over.`;
    case 'dmarc_tag_twice':
      return `${tag}= stands twice; which one a receiver takes is not defined.`;
    case 'dmarc_tag_unknown':
      return `${tag}= is no tag of DMARC, and is passed over.`;
    case 'dmarc_tag_historic':
      return tag === 'pct'
        ? 'pct= means nothing since RFC 9989: receivers apply the policy to all mail. t=y asks them not to.'
        : `${tag}= means nothing since RFC 9989.`;
    case 'dmarc_value':
      return `${text} is not allowed: the tag counts as if it were not there.`;
    case 'dmarc_no_p':
      return 'The record has no p=: with a rua= it counts as p=none, without one as no record.';
    case 'dmarc_uri':
      return `"${text}" is no place to send reports to: write mailto:address, several with commas between, "," and "!" inside as %2C and %21.`;
    case 'dmarc_size_historic':
      return `The size behind "!" in ${text} means nothing since RFC 9989.`;
    case 'dmarc_fo_without_ruf':
      return 'fo= means nothing without ruf=.';
  }
}

/** The record without what is wrong; null when the domain must say what it wants. */
function corrected(record: DmarcRecord, { code, tag, at, text }: DmarcProblem): string | null {
  const { text: whole } = record;
  const typed = retyped(whole);
  if (typed !== null) return typed;
  switch (code) {
    case 'dmarc_syntax':
    case 'dmarc_tag_twice':
      return partsOf(`${whole.slice(0, at)}${whole.slice(at + text.length)}`).join('; ');
    case 'dmarc_tag_unknown':
    case 'dmarc_tag_historic':
    case 'dmarc_fo_without_ruf':
      return withTags(whole, { [tag!]: null });
    case 'dmarc_value': {
      const cut = withSemicolon(whole, at, text);
      if (cut !== null) return cut;
      return withTags(whole, { [tag!]: tag === 'p' ? 'none' : null });
    }
    case 'dmarc_no_p':
      return withTags(whole, { p: 'none' });
    case 'dmarc_uri': {
      const parts = partsOf(whole).flatMap((part) => {
        const found = /^(rua|ruf)\s*=\s*(.*)$/is.exec(part);
        if (!found || found[1]!.toLowerCase() !== tag) return [part];
        const kept = found[2]!.split(',').flatMap((uri) => repaired(uri.trim(), text));
        return kept.length === 0 ? [] : [`${tag}=${kept.join(',')}`];
      });
      // An address in which a letter is missing or too much: only the domain's owner knows it.
      if (text.includes('@') && repaired(text, text).length === 0) return null;
      return parts.join('; ');
    }
    case 'dmarc_size_historic':
      return whole.replace(text, text.replace(/!\d+[kmgt]?$/i, ''));
  }
}

/**
 * The record with the semicolon that lacks between a value and the tag behind it; null when that is not what
 * is wrong.
 */
function withSemicolon(whole: string, at: number, text: string): string | null {
  const [, value, next] = /^(\w+\s*=\s*\w+)[\s,]+(\w+\s*=.*)$/s.exec(text) ?? [];
  if (value === undefined) return null;
  return `${whole.slice(0, at)}${value}; ${next}${whole.slice(at + text.length)}`;
}

/** A mail address alone, or several with blanks between, are what is meant most often. */
function repaired(uri: string, wrong: string): string[] {
  if (uri !== wrong) return [uri];
  const addresses = uri
    .split(/\s+/)
    .map((one) => one.replace(/^[<"]*(?:mailto:)*\/*|[>"]+$/gi, '').replace(/%40/g, '@'))
    .filter(Boolean);
  const isAddress = (one: string) => /^[!-~]+$/.test(one) && /^[^@!,:;]+@[a-z0-9.-]+\.[a-z0-9-]+$/i.test(one);
  // "mailto:a b@example.com" is no address of b.
  return addresses.every(isAddress) ? addresses.map((one) => `mailto:${one}`) : [];
}

async function destinationFindings(domain: string, record: DmarcRecord, dns: Dns, options: AskOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  const name = `_dmarc.${domain}`;
  const seen = new Set<string>();
  const mine = await walkTree(domain, dns, options);
  for (const [tag, uri] of [
    ...record.rua.map((one) => ['rua', one] as const),
    ...record.ruf.map((one) => ['ruf', one] as const),
  ]) {
    const destination = uri.domain;
    if (destination === null || seen.has(`${destination} ${uri.scheme}`)) continue;
    seen.add(`${destination} ${uri.scheme}`);
    const base = {
      domain,
      record: { name, text: record.text },
      place: { at: Math.max(0, record.text.indexOf(uri.text)), text: uri.text },
    };
    const unknown = (message: string) => findings.push(finding('dmarc_unknown', { ...base, message }));
    if (uri.scheme === 'mailto') {
      const mail = await takesMail(destination, dns, options);
      if (typeof mail === 'string') unknown(mail);
      else if (!mail)
        findings.push(
          finding('dmarc_destination_no_mail', {
            ...base,
            message: `Reports to ${uri.address} cannot arrive: ${destination} takes no mail (no MX, no address).`,
          }),
        );
    }
    if (below(destination, domain)) continue;
    const theirs = await walkTree(destination, dns, options);
    if (mine.organizationalDomain === null || theirs.organizationalDomain === null) {
      unknown(`The name service could not say whether ${destination} and ${domain} are one organization.`);
      continue;
    }
    if (mine.organizationalDomain === theirs.organizationalDomain) continue;
    const told = await checkDestination(domain, destination, dns, options);
    if (told.state === 'unknown') unknown(told.message);
    else if (told.state === 'unauthorized')
      findings.push(notAuthorized(base, `${tag}= requests reports to ${uri.address ?? uri.text}`, destination, told.name));
  }
  return findings;
}

function notAuthorized(base: Omit<Given, 'message'>, request: string, destination: string, name: string): Finding {
  const message = `${request}, but ${destination} does not accept reports about ${base.domain}: receivers send none. The owner of ${destination} must publish the record below.`;
  return finding('dmarc_destination', { ...base, message, publish: { name, value: 'v=DMARC1' } });
}

/** A domain's owner controls the names below it and so accepts their reports. */
function below(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

/** Whether a domain has a host for its mail (RFC 5321 section 5.1); a sentence when a query failed. */
async function takesMail(domain: string, dns: Dns, options: AskOptions): Promise<boolean | string> {
  const mx = await dns.ask(domain, 'MX', options);
  if (mx.state === 'unknown') return mx.message;
  if (mx.state === 'records') return mx.records.some(({ exchange }) => exchange !== '.');
  if (mx.state === 'nxdomain') return false;
  for (const type of ['A', 'AAAA'] as const) {
    const answer = await dns.ask(domain, type, options);
    if (answer.state === 'unknown') return answer.message;
    if (answer.state === 'records') return true;
  }
  return false;
}

function partOf(text: string, tag: string): { at: number; text: string } | null {
  let at = 0;
  for (const part of text.split(';')) {
    if (part.split('=')[0]!.trim().toLowerCase() === tag)
      return { at: at + (part.length - part.trimStart().length), text: part.trim() };
    at += part.length + 1;
  }
  return null;
}

/** Of several records, the one that asks for reports, else the first. */
function mostUseful(texts: readonly string[]): string {
  return texts.find((text) => /;\s*rua\s*=/i.test(text)) ?? texts[0]!;
}

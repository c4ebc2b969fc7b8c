import { textsOf } from '../client/texts.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { retyped, unseen } from '../copied.ts';
import { type DkimKey, type DkimProblemCode, isPrivateKey, keyIn, parseDkimKey } from '../dkim.ts';
import { type Finding, finding } from './finding.ts';

export interface SelectorCheck {
  selector: string;
  /** The name of the record, and where its CNAME records lead. */
  name: string;
  aliases: readonly string[];
  state: 'key' | 'missing' | 'several' | 'unknown';
  key: DkimKey | null;
}

export interface DkimCheck {
  findings: Finding[];
  selectors: SelectorCheck[];
}

/** Checks the DKIM keys of a domain: those of the selectors that are known, since DNS has no list of them. */
export async function checkDkim(
  domain: string,
  selectors: readonly string[],
  dns: Dns,
  options: AskOptions = {},
): Promise<DkimCheck> {
  if (selectors.length === 0) {
    const message =
      'No selector is known, so no DKIM key was looked at: name them with --selector (the s= of a signature in a mail of yours).';
    return { findings: [finding('dkim_none_known', { domain, message })], selectors: [] };
  }
  const checks = await Promise.all(selectors.map((selector) => checkSelector(domain, selector, dns, options)));
  return { findings: checks.flatMap(({ findings }) => findings), selectors: checks.map(({ check }) => check) };
}

async function checkSelector(
  domain: string,
  selector: string,
  dns: Dns,
  options: AskOptions,
): Promise<{ check: SelectorCheck; findings: Finding[] }> {
  const name = `${selector}._domainkey.${domain}`;
  const answer = await dns.ask(name, 'TXT', options);
  const check = (state: SelectorCheck['state'], key: DkimKey | null = null): SelectorCheck => ({
    selector,
    name,
    aliases: answer.state === 'unknown' ? [] : answer.aliases,
    state,
    key,
  });
  if (answer.state === 'unknown')
    return { check: check('unknown'), findings: [finding('dkim_unknown', { domain, message: answer.message })] };
  const texts = textsOf(answer);
  if (texts.length === 0) {
    const way = answer.aliases.length > 0 ? ` (its CNAME leads to ${answer.aliases.at(-1)}, where nothing is)` : '';
    const message = `${name} holds no key${way}: signatures with the selector ${selector} prove nothing.`;
    return { check: check('missing'), findings: [finding('dkim_missing', { domain, message })] };
  }
  if (texts.length > 1) {
    const message = `${name} has ${texts.length} records: which one a receiver uses is undefined. Keep the key that is used for signing.`;
    const keys = texts.filter((text) => parseDkimKey(text).problems.length === 0);
    const publish = keys.length === 1 ? { name, value: keys[0]! } : null;
    return {
      check: check('several'),
      findings: [finding('dkim_several', { domain, message, record: { name, text: texts.join('\n') }, publish })],
    };
  }
  const key = parseDkimKey(texts[0]!);
  const findings = key.problems.map(({ code, at, text }) => {
    const value = usable(corrected(key, code, at, text));
    return finding(code, {
      domain,
      message: `${messageOf(code, name, key)}${code === 'dkim_syntax' ? unseen(text) : ''}`,
      record: { name, text: key.text },
      place: { at, text },
      publish: value === null ? null : { name, value },
    });
  });
  return { check: check('key', key), findings };
}

function messageOf(code: DkimProblemCode, name: string, key: DkimKey): string {
  switch (code) {
    case 'dkim_syntax':
      return `A part of ${name} is no tag=value.`;
    case 'dkim_tag_twice':
      return `A tag of ${name} stands twice: the whole record is invalid.`;
    case 'dkim_version':
      return `v= of ${name} must come first, and be DKIM1 in just these letters.`;
    case 'dkim_no_p':
      return `${name} has no p=, and so no key.`;
    case 'dkim_revoked':
      return `The key of ${name} is revoked (p= is empty): signatures with it prove nothing. Right, when it is no longer signed with.`;
    case 'dkim_base64':
      return `p= of ${name} is no base64: often a blank, a quote or a backslash that a form has put into it, or a part that is missing.`;
    case 'dkim_type':
      return `k= of ${name} is neither rsa nor ed25519.`;
    case 'dkim_key':
      return isPrivateKey(octetsOf(key))
        ? `p= of ${name} is the private key: whoever reads it can sign as the domain. Make a new pair, and publish its public key.`
        : `p= of ${name} is no ${key.type} key.`;
    case 'dkim_key_short':
      return `The key of ${name} has ${key.bits!.toLocaleString('en')} bits: receivers take less than 1,024 for no signature. Make one of 2,048.`;
    case 'dkim_key_weak':
      return `The key of ${name} has ${key.bits!.toLocaleString('en')} bits: sign with 2,048 or more.`;
    case 'dkim_hash':
      return `h= of ${name} does not allow sha256, the only one that verifies today.`;
    case 'dkim_sha1':
      return `h= of ${name} allows sha1, which must not be used any more.`;
    case 'dkim_service':
      return `s= of ${name} does not name "email": the key is not for mail.`;
    case 'dkim_testing':
      return `${name} says that DKIM is being tried out (t=y): receivers treat its mail as if it were not signed.`;
    case 'dkim_tag_historic':
      return `g= of ${name} means nothing since RFC 6376, and old receivers refuse keys for it.`;
  }
}

function octetsOf(key: DkimKey): Buffer {
  return Buffer.from(key.tags.find(({ name }) => name === 'p')?.value ?? '', 'base64');
}

/** A corrected record is worth publishing only with a key in it. */
function usable(value: string | null): string | null {
  const keyless: readonly DkimProblemCode[] = ['dkim_key', 'dkim_base64', 'dkim_no_p', 'dkim_type'];
  return value === null || parseDkimKey(value).problems.some(({ code }) => keyless.includes(code)) ? null : value;
}

/** The corrected record; null when only another key helps. */
function corrected(key: DkimKey, code: DkimProblemCode, at: number, text: string): string | null {
  const typed = retyped(key.text);
  if (typed !== null) return typed;
  const tag = (name: string) => key.tags.find((one) => one.name === name)?.value;
  const joined = (tags: readonly { name: string; value: string }[]) =>
    tags.map(({ name, value }) => `${name}=${value}`).join('; ');
  const without = (name: string) => joined(key.tags.filter((one) => one.name !== name));
  const set = (name: string, values: string[]) =>
    values.length === 0
      ? without(name)
      : joined(key.tags.map((one) => (one.name === name ? { name, value: values.join(':') } : one)));
  const list = (name: string) => (tag(name) ?? '').split(':').map((one) => one.trim().toLowerCase());
  switch (code) {
    case 'dkim_syntax':
    case 'dkim_tag_twice': {
      const rest = `${key.text.slice(0, at)}${key.text.slice(at + text.length)}`;
      return rest
        .split(';')
        .map((part) => part.trim())
        .filter(Boolean)
        .join('; ');
    }
    case 'dkim_version':
      return joined([{ name: 'v', value: 'DKIM1' }, ...key.tags.filter(({ name }) => name !== 'v')]);
    case 'dkim_hash':
      return set('h', ['sha256']);
    case 'dkim_sha1':
      return set(
        'h',
        list('h').filter((hash) => hash !== 'sha1'),
      );
    case 'dkim_service':
      return set('s', ['email']);
    case 'dkim_testing':
      return set(
        't',
        list('t').filter((flag) => flag !== 'y'),
      );
    case 'dkim_tag_historic':
      return without('g');
    case 'dkim_type':
    case 'dkim_key': {
      const found = keyIn((tag('p') ?? '').replace(/\s+/g, ''));
      if (found === null) return null;
      const rest = key.tags.filter(({ name }) => !['v', 'k', 'p'].includes(name));
      return joined([{ name: 'v', value: 'DKIM1' }, { name: 'k', value: found.type }, ...rest, { name: 'p', value: found.p }]);
    }
    case 'dkim_base64': {
      const value = (tag('p') ?? '').replace(/[^A-Za-z0-9+/=]/g, '');
      return joined(key.tags.map((one) => (one.name === 'p' ? { name: 'p', value } : one)));
    }
    default:
      return null;
  }
}

import { createHash, sign as signBytes } from 'node:crypto';
import type { DkimKey } from '../attacks/dkim.ts';
import { canonicalBody, pick, relaxed } from './drawn.ts';

export interface Resigned {
  bytes: Buffer;
  /** When its youngest signature was made. */
  at: Date;
  /** Keys by the lower-case names where they are published. */
  records: Record<string, string>;
  /** What its signatures say they cover, for whoever looks into a refusal. */
  told: string[];
}

/**
 * A mail with the signatures it came with made anew: `b=` and `bh=` are a test's, all else is its own
 * reporter's (d=, s=, h=, c=, the order and the folding). Signatures are made from the lowest up, as those
 * above may cover those below.
 */
export function resigned(raw: Buffer, rsa: DkimKey, ed25519: DkimKey): Resigned {
  const text = raw.toString('latin1').replace(/\r?\n/g, '\r\n');
  const end = text.indexOf('\r\n\r\n');
  const body = text.slice(end + 4);
  const from = /^>?From [^\r\n]*\r\n/.exec(text)?.[0] ?? '';
  const fields = text.slice(from.length, end).split(/\r\n(?![ \t])/);
  const records: Record<string, string> = {};
  const told: string[] = [];
  let at = 0;
  for (let i = fields.length - 1; i >= 0; i--) {
    const field = fields[i]!;
    if (!/^DKIM-Signature[ \t]*:/i.test(field)) continue;
    const tag = (name: string) => new RegExp(`[:;\\s]${name}\\s*=([^;]*)`).exec(field)?.[1]?.replace(/\s+/g, '');
    if (!tag('h') || !tag('d')) continue;
    const key = tag('a') === 'ed25519-sha256' ? ed25519 : rsa;
    const [headerForm, bodyForm] = (tag('c') ?? 'simple').split('/');
    const hash = createHash('sha256')
      .update(canonicalBody(body, bodyForm === 'relaxed'), 'latin1')
      .digest('base64');
    const unsigned = field.replace(/([:;\s]bh\s*=)[^;]*/, `$1${hash}`).replace(/([:;\s]b\s*=)[^;]*/, '$1');
    const form = headerForm === 'relaxed' ? relaxed : (one: string) => one;
    const others = fields.filter((_, k) => k !== i);
    const data = Buffer.from(
      `${pick(others, tag('h')!.split(':'))
        .map((one) => `${form(one)}\r\n`)
        .join('')}${form(unsigned)}`,
      'latin1',
    );
    const b =
      key === ed25519
        ? signBytes(null, createHash('sha256').update(data).digest(), key.privateKey)
        : signBytes('sha256', data, key.privateKey);
    fields[i] = unsigned.replace(/([:;\s]b\s*=)/, (start) => `${start}${b.toString('base64').replace(/.{60}(?=.)/g, '$&\r\n ')}`);
    records[`${tag('s')}._domainkey.${tag('d')}`.toLowerCase()] = key.record;
    at = Math.max(at, Number(tag('t') ?? 0));
    told.push(`d=${tag('d')} a=${tag('a')} c=${tag('c')} h=${tag('h')}`);
  }
  const bytes = Buffer.from(`${from}${fields.join('\r\n')}\r\n\r\n${body}`, 'latin1');
  return { bytes, at: new Date((at || 1_400_000_000) * 1000), records, told };
}

import type { AskOptions, Dns } from '../../dns/client/types.ts';
import { type Refused, type Signature, verifySignature } from '../../report/mail/dkim.ts';

/** What a key says of a signature. */
export type KeyVerdict = { result: 'pass'; why: null } | Refused | { result: 'temperror'; why: string };

/** Looks up the key of a signature (RFC 6376 section 3.6.2) and checks it. */
export async function checkKey(signature: Signature, dns: Dns, options: AskOptions): Promise<KeyVerdict> {
  const answer = await dns.ask(signature.keyName, 'TXT', options);
  if (answer.state === 'unknown') return { result: 'temperror', why: answer.message };
  const records = answer.state === 'records' ? answer.records : [];
  return verifySignature(signature, records) ?? { result: 'pass', why: null };
}

import { CODES, type Code } from '../../dns/check/codes.ts';
import type { Severity } from '../../shared/severity.ts';
import { checkedRule } from './checked.ts';

/**
 * MTA-STS does not do what it was published for (RFC 8461). A policy in force that leaves out a mail host
 * turns mail away (medium); one that senders cannot read, or not renew, protects nothing once they forget the
 * last (low).
 */
export const mtaStsBroken = checkedRule('mta_sts_broken', ({ code }) => severityOf(code), ['low', 'medium']);

function severityOf(code: string): Severity | null {
  if (!code.startsWith('mta_sts_') || !Object.hasOwn(CODES, code) || CODES[code as Code].severity !== 'error') return null;
  return code === 'mta_sts_mx' ? 'medium' : 'low';
}

import type { Severity } from '../../shared/severity.ts';
import { checkedRule } from './checked.ts';

const SEVERITY: Record<string, Severity> = { spf_include_free: 'high', spf_include_gone: 'medium', spf_include_none: 'medium' };

/**
 * The SPF record includes a name that has no record, which makes it a permanent error (RFC 7208 section 5.2),
 * or a domain that anyone can register, who may then send as the domain.
 */
export const includeDangling = checkedRule('include_dangling', ({ code }) => SEVERITY[code] ?? null, ['medium', 'high']);

import type { Severity } from '../../shared/severity.ts';
import { checkedRule } from './checked.ts';

const SEVERITY: Record<string, Severity> = { spf_lookups: 'medium', spf_voids: 'low', spf_mx_many: 'medium' };

/**
 * The SPF record costs more lookups than receivers allow (RFC 7208 section 4.6.4): it is a permanent error
 * for mail that no term before the limit lets pass.
 */
export const spfLimit = checkedRule('spf_limit', ({ code }) => SEVERITY[code] ?? null, ['low', 'medium']);

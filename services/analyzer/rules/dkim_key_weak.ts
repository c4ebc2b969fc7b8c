import type { Severity } from '../../shared/severity.ts';
import { checkedRule } from './checked.ts';

const SEVERITY: Record<string, Severity> = { dkim_key_short: 'medium', dkim_key_weak: 'info' };

/**
 * A DKIM key has fewer than 2,048 bits, which is for information, since many services have no others; or so
 * few that receivers take its signatures for none (RFC 8301 section 3.2).
 */
export const dkimKeyWeak = checkedRule('dkim_key_weak', ({ code }) => SEVERITY[code] ?? null, ['info', 'medium']);

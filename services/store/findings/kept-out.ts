import { forgedRules } from '../../findings/kinds/traits-of.ts';

/**
 * SQL: whether a finding is about forged mail of which receivers delivered none: if it is not a sender of
 * one's own, nothing is to be done about it. Columns of dmarc.findings.
 */
export const KEPT_OUT = `(kind in (${forgedRules()
  .map((kind) => `'${kind}'`)
  .join(', ')}) and evidence ->> 'delivered' = '0' and (evidence ->> 'quarantined' <> '0' or evidence ->> 'rejected' <> '0'))`;

import { traitsOf } from '../findings/kinds/traits-of.ts';
import { transaction } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import { isUrgent } from '../store/analysis/work.ts';
import { isOwn } from '../store/domains/domains.ts';
import type { WrittenEvent } from '../store/findings/findings.ts';
import { tryLockDomain } from '../store/locks.ts';
import { evaluate } from './evaluate.ts';
import { examineSources } from './examine-sources.ts';
import { loadCase } from './load.ts';
import { saveChanges, wakeAlerter } from './save.ts';
import { KeysOfDomain } from './sources/keys.ts';

/** How often the critical alarms of a domain are looked for between the parts of its work. */
export const URGENT_BETWEEN_PARTS_MS = 15_000;
/** How often they are looked for while its work waits for the end of a backlog. */
export const URGENT_IN_BACKLOG_MS = 5_000;

/**
 * Raises the critical alarms of a domain while most of its work still waits: mail that nothing authenticates
 * and that was delivered, in numbers. Takes no work and resolves nothing, so that all of it is evaluated
 * again as a whole. A domain that was never analysed is left alone: the weeks of a first import are evaluated
 * as a whole.
 */
export async function alarmUrgent(context: Context, domain: string): Promise<WrittenEvent[]> {
  const events = await transaction(context.db, async (tx): Promise<WrittenEvent[]> => {
    if (!(await tryLockDomain(tx, domain)) || !(await isOwn(tx, domain)) || !(await isUrgent(tx, domain))) return [];
    const { given, networks } = await loadCase(tx, context, domain, { named: null, whole: true, keys: new KeysOfDomain(domain) });
    if (networks === null) return [];
    const changes = evaluate(given, examineSources(given));
    const kindOf = new Map(given.known.map((finding) => [finding.finding_key, finding.kind]));
    return saveChanges(tx, domain, given.now, {
      opened: changes.opened.filter((one) => isCritical(one.kind, one)),
      reopened: changes.reopened.filter((one) => isCritical(kindOf.get(one.finding_key), one)),
      updated: changes.updated.filter((one) => one.event === 'changed' && isCritical(kindOf.get(one.finding_key), one)),
    });
  });
  await wakeAlerter(context, events);
  return events;
}

const isCritical = (kind: string | undefined, { severity }: { severity: string }) =>
  severity === 'critical' && traitsOf(kind).urgent === true;

import type { DeclaredSenders } from '../../dns/guard/senders.ts';
import { rulesWith } from '../../findings/kinds/traits-of.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import type { Context } from '../../shared/runtime/service.ts';
import type { Published } from '../../store/dns/published.ts';
import { openSubjects } from '../../store/findings/findings.ts';
import { type Sending, senderKey } from '../../store/sending/judged.ts';
import { askAboutKeys, loadSending, logsCome } from '../../store/sending/sending.ts';
import { keysOf, publishedState } from '../rules/key_not_published.ts';
import { declaredNow } from './declared.ts';
import { firstOf, isGone } from './senders.ts';

/** The kinds of findings that rest on logs: the names of their rules, which would be a cycle of imports. */
const KINDS = rulesWith('ofLogs');

/** What the logs show of a domain, and who may send. */
export interface Logs {
  sending?: Sending;
  declared?: DeclaredSenders | null;
  /** The subjects of findings about it, those on file among them. */
  subjects: string[];
}

/**
 * Reads what the rules about logs need, and has DNS queried for keys that are not known yet.
 * @param given.reporters those of whom each may decide alone
 */
export async function loadLogs(
  tx: Tx,
  context: Pick<Context, 'config' | 'log'>,
  domain: string,
  { now, reporters, published }: { now: Date; reporters: readonly string[]; published: Published | null },
): Promise<Logs> {
  const onFile = await openSubjects(tx, domain, KINDS);
  if (onFile.length === 0 && !(await logsCome(tx))) return { subjects: [] };
  const sending = await loadSending(tx, domain, now, reporters);
  const declared = declaredNow(context);
  const keys = keysOf(sending);
  if (areUnknown(keys, published, now)) await askAboutKeys(tx, domain, now);
  const subjects = [
    ...onFile,
    ...[...sending.days, ...sending.verified].map(senderKey),
    ...keys.keys(),
    ...sending.receivers.map(({ reporter }) => reporter),
    ...sending.egress.map(({ address }) => address),
  ];
  return { sending, ...(declared !== undefined && { declared }), subjects: [...new Set(subjects)] };
}

/** Whether a key signs that DNS has not been queried for since. */
function areUnknown(keys: ReturnType<typeof keysOf>, published: Published | null, now: Date): boolean {
  return [...keys].some(([name, rows]) => {
    if (isGone(rows, now)) return false;
    const answer = publishedState({ published }, name);
    return answer === null || (answer.state !== 'usable' && answer.at < firstOf(rows));
  });
}

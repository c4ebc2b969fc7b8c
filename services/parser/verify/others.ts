import { groupBy } from '../../shared/group-by.ts';
import type { Resolver } from '../../shared/runtime/resolver.ts';
import { slices } from '../../shared/slices.ts';
import { deferOthers, type OtherCheck, settleOthers, waitingOthers } from '../../store/reports/other-checks.ts';
import type { Trust } from '../../store/reports/trust.ts';
import type { Readers } from '../reading/pool.ts';
import { BATCH_MESSAGES, inspectionOf, type VerifyContext, verdictOf, waitSeconds } from './mail-verdict.ts';

/**
 * Verifies the waiting TLS and failure reports of these messages, by their mails like aggregate reports. Safe
 * to repeat, and to run in several workers at once.
 * @returns the messages to be verified later
 */
export async function verifyOthers(
  context: VerifyContext,
  resolver: Resolver,
  keys: readonly number[],
  readers: Readers,
): Promise<number[]> {
  const byMessage = groupBy(await waitingOthers(context.db, keys), (check) => check.message_key);
  const deferred: number[] = [];
  for (const messages of slices([...byMessage.values()], BATCH_MESSAGES)) {
    const queried: [OtherCheck[], ReturnType<typeof verdictOf>][] = [];
    for (const checks of messages) {
      const inspected = await inspectionOf(context, readers, checks[0]!);
      queried.push([checks, verdictOf(inspected, checks[0]!, resolver)]);
    }
    const verdicts: { check: OtherCheck; verdict: Trust }[] = [];
    for (const [checks, answer] of queried) {
      const verdict = await answer;
      if (typeof verdict !== 'string') verdicts.push(...checks.map((check) => ({ check, verdict: verdict(check) })));
      else {
        const { message_key, attempts } = checks[0]!;
        deferred.push(message_key);
        await deferOthers(context.db, checks, waitSeconds(attempts));
      }
    }
    await settleOthers(context.db, verdicts);
    for (const { check, verdict } of verdicts)
      context.metrics.trust.inc({ verdict: verdict.reporter_trust ?? 'unchecked', kind: check.kind });
  }
  return deferred;
}

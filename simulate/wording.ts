import { renderFinding } from '../services/mails/render-finding.ts';
import type { Db } from '../services/shared/runtime/db.ts';
import { transaction } from '../services/shared/runtime/db.ts';
import { findingEvents } from '../services/store/alerts/outbox.ts';
import { type Case, type Judgement, SEVERITIES } from './judge.ts';

/** Longer subjects are cut by mail programs. */
const LONGEST_SUBJECT = 78;
const TAG = '[ruawatch] ';
/** What announces names and has none. */
const EMPTY_LIST = /not heard[^\n]*:\s*$/im;

/** What is wrong with the words of mails, in sentences; `checks` counts what was looked at. */
export interface Wording {
  checks: number;
  faults: string[];
}

/** Looks at every mail that the notified events make, as the alerter renders them. */
export async function wordingOf(db: Db, { verdicts }: Judgement, cases: readonly Case[]): Promise<Wording> {
  const result: Wording = { checks: 0, faults: [] };
  const check = (right: boolean, fault: () => string) => {
    result.checks++;
    if (!right) result.faults.push(fault());
  };
  const first = new Set<string>();
  for (const { alarm, incident, verdict } of verdicts) {
    if (alarm.event === undefined) continue;
    const [event] = await transaction(db, (tx) => findingEvents(tx, [alarm.event!]));
    if (!event) continue;
    const { subject, text } = renderFinding(event);
    const said = `${subject}\n${text}`;
    check(subject.length < LONGEST_SUBJECT, () => `subject of ${subject.length} characters: ${subject}`);
    const times = subject.split(event.domain).length - 1;
    check(times === 1, () => `domain ${times === 0 ? 'absent' : 'more than once'}: ${subject}`);
    check(!subject.replace(TAG, '').startsWith(event.domain), () => `the domain before the verdict: ${subject}`);
    check(!EMPTY_LIST.test(text), () => `names are lost after "not heard": ${subject}`);
    check(!text.includes('https[:]//'), () => `a link that cannot be followed: ${subject}`);
    const bearing = event.severity === 'critical' ? 0.7 : event.severity === 'high' ? 0.5 : 0;
    check(event.confidence >= bearing, () => `${event.severity}, and sure by no more than ${event.confidence}: ${subject}`);
    const expected = cases.find(({ id }) => id === incident)?.expected;
    if (!expected) continue;
    for (const never of expected.never ?? []) check(!never.test(said), () => `says ${never}: ${subject}`);
    if (verdict !== 'true' || first.has(incident!)) continue;
    first.add(incident!);
    const rank = (SEVERITIES as readonly string[]).indexOf(event.severity);
    const { least = 'info', most = 'critical' } = expected;
    const right = rank >= SEVERITIES.indexOf(least) && rank <= SEVERITIES.indexOf(most);
    check(right, () => `${event.severity}, not ${least === most ? least : `${least} to ${most}`}: ${subject}`);
    for (const says of expected.says ?? []) check(says.test(said), () => `does not say ${says}: ${subject}`);
  }
  return result;
}

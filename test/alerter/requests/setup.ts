import type { Plan } from '../../../services/requests/plan.ts';
import type { Db } from '../../../services/shared/runtime/db.ts';
import { decide } from '../../../services/store/requests/decide.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { GROUPS, planOf, rulesOf } from '../../requests/sample.ts';

export const [ADA, BEN, CLEO] = GROUPS.mail as [string, string, string];
export const [DORA, EMIL] = GROUPS.security as [string, string];
export const START = new Date('2026-11-27T08:00:00Z');
export const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
export const TWO = {
  name: 'two',
  stages: [{ group: 'mail', need: 2, within_hours: 10, remind_hours: 2, escalate: { after_hours: 4, times: 1, to: 'security' } }],
};
export const STAGES = { name: 'stages', stages: [{ group: 'mail' }, { group: 'security', within_hours: 5 }] };

const txt = (text: string) => ({
  text,
  wire: Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]).toString('hex'),
});

/** A plan that changes DNS, with a warning or without. */
export const dnsPlan = (part: Partial<Plan> = {}): Plan =>
  planOf({
    kind: 'policy.step',
    summary: 'Set the policy of example.com to p=reject.',
    why: ['No authorized mail failed in the last 30 days.'],
    risk: 'medium',
    risk_because: ['Receivers treat failing mail otherwise from then on.'],
    changes: [
      {
        target: 'dns',
        name: '_dmarc.example.com',
        type: 'TXT',
        ttl: { before: 3600, after: 300 },
        before: [txt('v=DMARC1; p=none'), txt('google-site-verification=1')],
        after: [txt('google-site-verification=1'), txt('v=DMARC1; p=reject')],
      },
    ],
    back: { watch_hours: 72, text: 'The records before it are put back if mail of authorized senders breaks.' },
    ...part,
  });

export async function opened(db: Db, rule: object = TWO, part: object = {}): Promise<number> {
  return (await openRequest(
    db,
    rulesOf(rule),
    { plan: dnsPlan(), requester: 'policy-step', requester_kind: 'playbook', why: 'the finding 7', ...part },
    START,
  ))!;
}

export async function vote(db: Db, key: number, person: string, part: object = {}): Promise<void> {
  const { digest } = await loadRequest(db, key);
  await decide(db, key, { person, decision: 'approve', why: 'looked at it', digest, via: 'test', ...part }, later(1));
}

/** The plain text of a mail, decoded. */
export function textIn(raw: string): string {
  const body = raw.slice(raw.indexOf('\r\n\r\n', raw.indexOf('text/plain')) + 4);
  const end = body.indexOf('\r\n--');
  return decoded(body.slice(0, end === -1 ? undefined : end));
}

/** The HTML of a mail, decoded. */
export function htmlIn(raw: string): string {
  const body = raw.slice(raw.indexOf('\r\n\r\n', raw.indexOf('text/html')) + 4);
  return decoded(body.slice(0, body.indexOf('\r\n--')));
}

function decoded(text: string): string {
  const bytes = text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}

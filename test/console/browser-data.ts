import { askToken } from '../../services/requests/held/seal.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import { addService } from '../../services/store/console/service-principals.ts';
import { grantOf } from '../../services/store/grants/grants.ts';
import { askFor } from '../../services/store/held/asks.ts';
import { holdMessage } from '../../services/store/held/hold.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { askForGrant, makeActive } from '../helpers/grants.ts';
import { keyFile } from '../milter/release/key-file.ts';
import { digest, heldOf, KEY } from '../requests/held/sample.ts';
import { putMessage, putSource } from '../store/sending/rows.ts';
import type { TestConsole } from './setup.ts';

const GROUPS = { mail: ['ada@example.com', 'ben@example.com'] };
const DAY_MS = 86_400_000;

/**
 * Stores held mails, rights, service principals and a mail of the logs, with words that anybody may write.
 * @param session of who reads a held mail @returns addresses of the pages about them
 */
export async function addRecentPages(
  c: TestConsole,
  session: string,
  hostile: readonly string[],
): Promise<Record<string, string>> {
  const { db } = c.t;
  const { config } = c.context;
  const rules = [
    { name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail', need: 2 }] },
    { name: 'read', when: { kinds: ['access.message'] }, decide: 'automatic', ceiling: { per_day: 5 } },
    { name: 'rest', stages: [{ group: 'mail' }] },
  ];
  config.approvals = approvalsSchema.parse({ groups: GROUPS, rules });
  config.milter.hold.keyFile = keyFile();
  await syncGroups(db, { groups: GROUPS, deputies: [] });
  const held = await addHeld(c, session, hostile);
  await addRights(c, hostile);
  await addLogs(c, hostile);
  return {
    ...held,
    access_all: '/access?show=all',
    requests: '/requests',
    message_none: '/messages?id=nothing',
    message: `/messages?id=${encodeURIComponent('a.1@example.com')}`,
    message_hostile: '/messages?id=B1',
  };
}

async function addHeld(c: TestConsole, session: string, hostile: readonly string[]) {
  const {
    t: { db },
    context: { config },
  } = c;
  const hold = (part: Parameters<typeof heldOf>[0]) =>
    holdMessage(db, heldOf(part), { rules: config.approvals.rules, key: KEY, most: 1000 });
  const words = hostile.join(' ');
  const plain = await hold({ queue_id: 'Q1', subject: 'Invoice 2026-1117, due today', reason: 'own_domain' });
  await hold({ queue_id: 'Q2', subject: null, envelope_from: '', header_from: null, display_name: null });
  const raw = Buffer.from(`From: ada@example.com\r\nSubject: x\r\n\r\n${hostile.join('\r\n')}\r\n`);
  const worst = await hold({
    queue_id: 'Q3',
    subject: words,
    display_name: words,
    header_from: words,
    envelope_from: words,
    helo: words,
    message_id: words,
    peer_name: words,
    source: hostile[1]!,
    recipients: ['ben@example.com', ...Array.from({ length: 30 }, (_, i) => `recipient-${i}@example.com`)],
    attachments: hostile.map((name) => ({ name, type: 'text/html"><script>', bytes: 48_213, sha256: 'a'.repeat(64) })),
    raw,
    sha256: digest(raw),
    size: raw.length,
  });
  const now = new Date();
  await askFor(db, { held_key: worst.held_key, recipient: 'ben@example.com', why: words.slice(0, 300) }, now);
  await askFor(db, { held_key: plain.held_key, recipient: 'ben@example.com', why: 'Our vendor sends it each month.' }, now);
  await c.signedIn(session).post(`/held/${worst.held_key}/ask-text`, { why: 'to decide' });
  const { rows } = await db.query<{ request_key: number }>(
    "select request_key from ruawatch.grants where kind = 'access.message'",
  );
  await makeActive(db, await grantOf(db, rows[0]!.request_key));
  const link = (held_key: number) =>
    askToken({ held_key, recipient: 'ben@example.com', until: Math.floor(now.getTime() / 1000) + 3600 }, KEY);
  return {
    held: '/held',
    held_one: `/held/${plain.held_key}`,
    held_hostile: `/held/${worst.held_key}`,
    held_text: `/held/${worst.held_key}`,
    held_request: `/requests/${worst.request_key}`,
    held_for_me: `/held-for-me?t=${link(worst.held_key)}`,
  };
}

async function addRights({ t: { db } }: TestConsole, hostile: readonly string[]) {
  const console = { kind: 'access.console', server: 'console' } as const;
  const dns = { kind: 'access.console', server: 'console', domain: 'example.com' } as const;
  const role = (domains: string[]) => ({ role: 'viewer', domains });
  const lent = await askForGrant(db, { ...dns, holder: 'zoe@example.com', scope: role(['example.com', 'quiet.example.com']) });
  await makeActive(db, lent);
  await askForGrant(db, { ...console, holder: 'ben@example.com', domain: 'example.com', scope: role(['example.com']) });
  const over = await askForGrant(db, { ...dns, holder: 'eve@example.com', scope: role(['example.com']) });
  await makeActive(db, over);
  await db.query("update ruawatch.grants set state = 'ended', ended_at = now(), end_reason = $2 where grant_key = $1", [
    over.grant_key,
    hostile.join(' ').slice(0, 500),
  ]);
  await db.query('update ruawatch.requests set why = $2 where request_key = $1', [
    lent.request_key,
    hostile.join(' ').slice(0, 500),
  ]);
  await db.query(
    `insert into ruawatch.onboardings (request_key, domain, source, is_service, owner, expected_daily, contract_ends)
     values ($1, 'example.com', 'postbird.example', true, 'zoe@example.com', 500, '2027-01-31'), ($2, 'example.com', $3, true, $3, 1, '2027-01-31')`,
    [lent.request_key, over.request_key, hostile[1]],
  );
  const now = new Date();
  const service = { owner: 'ada', role: 'operator', ends_at: new Date(now.getTime() + 90 * DAY_MS) } as const;
  await addService(db, { ...service, name: 'deploy-pipeline', domains: null }, 'test', now);
  await addService(db, { ...service, name: 'ci', domains: ['example.com', 'quiet.example.com'] }, 'test', now);
}

async function addLogs({ t: { db } }: TestConsole, hostile: readonly string[]) {
  const source_id = await putSource(db, 'eu-1', ['192.0.2.0/28']);
  const at = new Date(Date.now() - DAY_MS).toISOString();
  const refused = { domain: 'gmail.com', relay: 'mx.google.com', status: 'bounced', dsn: '5.7.26', dmarc_words: true } as const;
  const message_id = 'a.1@example.com';
  const leads_to = await putMessage(db, {
    source_id,
    message_id,
    host: 'relay.example.com',
    queue_id: '4Xkq2b0hTzz9rYV',
    started_at: at,
    signatures: [{ domain: 'example.com', selector: 's1' }],
    recipients: [{ ...refused, words: '550-5.7.26 This mail is unauthenticated, which poses a security risk' }],
  });
  const app = { host: 'app', queue_id: 'A1', direction: 'internal', header_domain: null } as const;
  await putMessage(db, { source_id, message_id, ...app, started_at: at, leads_to });
  await putMessage(db, {
    source_id,
    message_id: hostile[0]!,
    host: hostile[1]!,
    queue_id: 'B1',
    client_name: hostile.at(-1)!,
    started_at: at,
    sign_fault: [...hostile],
    signatures: hostile.map((domain) => ({ domain, selector: domain })),
    recipients: hostile.map((domain) => ({ ...refused, domain, relay: domain, words: domain, dsn: domain })),
  });
}

import { planGrant } from '../../services/requests/plans/grant.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import { STATES } from '../../services/requests/states.ts';
import { grantOf } from '../../services/store/grants/grants.ts';
import { holdMessage } from '../../services/store/held/hold.ts';
import { decide } from '../../services/store/requests/decide.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { type NewRequest, openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { dnsPlan } from '../alerter/requests/setup.ts';
import { heldOf, KEY } from '../requests/held/sample.ts';
import { planOf } from '../requests/sample.ts';
import { NOW, testWorld, type World } from './world.ts';

const at = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);
const EVE = 'eve@example.com';
const ZOE = 'zoe@example.com';
const GROUPS = { mail: ['ada@example.com', 'ben@example.com'], security: [EVE] };
const RULES = [
  { name: 'lent', when: { kinds: ['access.console'] }, decide: 'automatic', ceiling: { per_day: 100 } },
  { name: 'held', when: { kinds: ['messages.release'] }, stages: [{ group: 'mail' }] },
  {
    name: 'two',
    when: { kinds: ['policy.step'] },
    stages: [
      { group: 'mail', need: 2, within_hours: 10 },
      { group: 'security', within_hours: 5 },
    ],
  },
  { name: 'rest', stages: [{ group: 'mail' }] },
];

/**
 * The world, and work under way in it: a request and a lent right in each state, mails that are held, servers
 * whose lines are read, and addresses that an SPF record follows.
 */
export async function busyWorld(): Promise<World> {
  const world = await testWorld();
  const { config } = world.c.context;
  config.approvals = approvalsSchema.parse({ groups: GROUPS, rules: RULES });
  await syncGroups(world.c.t.db, config.approvals);
  await addRequests(world);
  await addGrants(world);
  await addHeld(world);
  await addSending(world);
  return world;
}

const opened = async ({ c }: World, given: Partial<NewRequest>, hours: number) =>
  (await openRequest(
    c.t.db,
    c.context.config.approvals.rules,
    { plan: planOf(), requester: ZOE, requester_kind: 'person', why: 'it is needed', ...given },
    at(hours),
  ))!;

/** One that waits for its second stage, and one in each state. */
async function addRequests(world: World) {
  const { db } = world.c.t;
  const staged = await opened(world, { plan: dnsPlan(), requester: 'policy-step', requester_kind: 'playbook' }, -30);
  for (const person of GROUPS.mail) {
    const { digest } = await loadRequest(db, staged);
    await decide(db, staged, { person, decision: 'approve', why: 'looked at it', digest, via: 'console' }, at(-29));
  }
  for (const [n, state] of STATES.entries()) {
    const source = `${state.replace('_', '-')}.example`;
    const change = { target: 'senders' as const, domain: 'example.com', source, is_service: n % 2 === 1, before: null };
    const plan = planOf({
      summary: `Approve ${source} as a sender of example.com.`,
      changes: [{ ...change, after: 'approved', until: n === 2 ? at(99).toISOString() : null }],
      risk: (['low', 'medium', 'high'] as const)[n % 3]!,
      warnings: n % 3 === 2 ? ['It is bold.'] : [],
      back: { watch_hours: n % 3, text: 'The entry is ended.' },
    });
    const key = await opened(world, { plan, requester_kind: n === 5 ? 'service' : 'person' }, -n - 1);
    if (state === 'denied' || state === 'approved') {
      const { digest } = await loadRequest(db, key);
      const decision = state === 'denied' ? ('deny' as const) : ('approve' as const);
      await decide(db, key, { person: EVE.replace('eve', 'ben'), decision, why: 'I know it', digest, via: 'cli' }, at(-n));
    } else
      await db.query(
        `update ruawatch.requests set state = $2, emergency = $3, outcome = $4, expires_at = case when $2 in ('draft', 'pending') then $5::timestamptz end,
                unreachable_since = case when $2 = 'pending' then $6::timestamptz end where request_key = $1`,
        [key, state, state === 'applying', n > 6 ? `It ended as ${state}.` : null, at(50), at(-2)],
      );
  }
}

/** A right of each state. */
async function addGrants(world: World) {
  const { db } = world.c.t;
  const wish = { domain: 'example.com', kind: 'access.console' as const, holder_kind: 'person' as const, groups: ['mail'] };
  for (const [n, state] of ['asked', 'applying', 'active', 'ending', 'ended'].entries()) {
    const scope = { role: n % 2 === 0 ? 'viewer' : 'operator', domains: ['example.com'] };
    const rest = { server: 'console', scope, seconds: 3_600 * (n + 1) * (n === 4 ? 20 : 1), uses: null, credential: null };
    const plan = planGrant({ ...wish, ...rest, holder: GROUPS.mail[n % 2]!, risk: 'low' });
    const { grant_key } = await grantOf(db, await opened(world, { plan, requester: GROUPS.mail[n % 2]!, why: 'to look' }, -3));
    await db.query(
      `update ruawatch.grants set name = 'right-' || grant_key, state = $2, applied_at = $3, ends_at = $4, last_used_at = $5, end_reason = $6, end_since = $7,
              ended_at = $8, answer = $9, tries = $10 where grant_key = $1`,
      [
        grant_key,
        state,
        n > 1 ? at(-2) : null,
        n > 1 ? at(3) : null,
        n > 2 ? at(-1) : null,
        n > 2 ? `Ended by ${EVE}: enough` : null,
        n > 2 ? at(-0.5) : null,
        n > 3 ? at(-0.25) : null,
        n === 3 ? 'It does not answer.' : null,
        n === 3 ? 4 : 0,
      ],
    );
  }
}

async function addHeld({ c }: World) {
  const means = { rules: c.context.config.approvals.rules, key: KEY, most: 1_000, at: at(-5), host: 'mail.example.com' };
  const parts: Parameters<typeof heldOf>[0][] = [
    { subject: 'Invoice 17', recipients: ['cleo@example.com', 'dora@example.com'] },
    { subject: null, display_name: null, rule: 'lookalike', source: null, source_class: null, message_id: null, peer_name: null },
    {
      domain: 'shop.example.com',
      header_from: 'shop@shop.example.com',
      header_from_domain: 'shop.example.com',
      attachments: [{ name: 'invoice.pdf', type: 'application/pdf', bytes: 20_480, sha256: 'a'.repeat(64) }],
      recipients: Array.from({ length: 25 }, (_, i) => `r${i}@shop.example.com`),
    },
  ];
  for (const [n, part] of parts.entries())
    await holdMessage(c.t.db, heldOf({ envelope_from: `${n}@evil.example`, queue_id: `Q${n}`, ...part }), means);
}

async function addSending({ c }: World) {
  await c.t.db.query(
    `insert into ruawatch.log_sources (name, cluster, environment, workload, token_sha256, syslog_from, egress, created_at, last_seen_at)
     values ('mx1', 'eu', 'prod', 'shop', '\\x01', '{}', '{192.0.2.0/28}', $1, $2), ('mx2', '', '', '', null, '{10.0.0.0/8,10.1.0.0/16}', '{}', $1, null)`,
    [at(-900), at(-1)],
  );
  await c.t.db.query(
    `insert into ruawatch.egress_ways (environment, egress, observed_at, unknown, unknown_since)
     values ('prod', 'nat', $1, null, null), ('prod', 'relay', $1, 'The name has no address.', $2), ('test', 'nat', null, 'It was never asked.', $2)`,
    [at(-1), at(-2)],
  );
  await c.t.db.query(
    `insert into ruawatch.egress_addresses (environment, egress, address, since, gone_at)
     values ('prod', 'nat', '192.0.2.1', $1, null), ('prod', 'nat', '192.0.2.2', $1, null), ('prod', 'nat', '192.0.2.9', $1, $2)`,
    [at(-900), at(-9)],
  );
  await c.t.db.query(
    `insert into ruawatch.egress_records (name, domain, request_key, waits, problems, checked_at)
     values ('example.com', 'example.com', 7, 'the request is handed over.', '[]', $1), ('shop.example.com', 'shop.example.com', null, null, '[]', $1),
       ('quiet.example.com', 'quiet.example.com', 12, null, '[{"code": "x", "message": "It is full.", "addresses": []}]', $1)`,
    [at(-1)],
  );
  await c.t.db.query("insert into ruawatch.dns_watch (domain, due_at, asked_at) values ('example.com', $1, $2)", [at(1), at(-1)]);
  await c.t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
     values ('example.com', '_dmarc.example.com', 'TXT', 'dmarc', 'v=DMARC1; p=none', '{192.0.2.53}', $1, $2, $2),
       ('example.com', '_dmarc.example.com', 'TXT', 'dmarc', 'v=DMARC1; p=reject', '{192.0.2.53}', $2, $3, null),
       ('example.com', 'example.com', 'TXT', 'spf', 'v=spf1 ip4:192.0.2.0/24 -all', '{192.0.2.53}', $1, $3, null)`,
    [at(-900), at(-90), at(-1)],
  );
}

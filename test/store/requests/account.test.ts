import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { approvalsSchema } from '../../../services/requests/rules.ts';
import { type Tx, transaction } from '../../../services/shared/runtime/db.ts';
import { tryLockNamed } from '../../../services/store/locks.ts';
import { decide, override, withdraw, withdrawResolved } from '../../../services/store/requests/decide.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import type { NewRequest } from '../../../services/store/requests/open.ts';
import { explain, openRequest } from '../../../services/store/requests/open.ts';
import { loadRequest } from '../../../services/store/requests/requests.ts';
import { checkReachable, sweepRequests } from '../../../services/store/requests/sweep.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account, meanwhile } from '../../helpers/ledger.ts';
import { GROUPS, planOf } from '../../requests/sample.ts';

/*
 * What requests leave behind, whole: every row that an act of a person or of the approver writes, and what it
 * answers. decide.test.ts says what has to be so; these accounts hold all the rest as it is.
 */

let t: TestDatabase;
let audited = 0;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());
beforeEach(async () => {
  await t.db.query(
    'truncate ruawatch.requests, ruawatch.people, ruawatch.person_names, ruawatch.approver_groups, ruawatch.deputies restart identity cascade',
  );
  await t.db.query('delete from ruawatch.findings');
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  const { rows } = await t.db.query<{ number: number }>('select number from ruawatch.audit_head');
  audited = rows[0]!.number;
});

const [ADA, BEN, CLEO] = GROUPS.mail as [string, string, string];
const [DORA, EMIL] = GROUPS.security as [string, string];
const [ZOE, GUS] = ['zoe@example.com', 'gus@example.com'] as const;
const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
const EMERGENCY = { group: 'mail', ends_hours: 2, review: 'security' };
const TWO = {
  name: 'two',
  stages: [{ group: 'mail', need: 2, within_hours: 10, remind_hours: 2, escalate: { after_hours: 4, times: 2, to: 'security' } }],
};
const PLAIN = { name: 'plain', stages: [{ group: 'mail', need: 2, remind_hours: null }], apply_within_hours: 5 };
const STAGES = {
  name: 'stages',
  stages: [
    { group: 'mail', remind_hours: 9 },
    { group: 'security', within_hours: 5, remind_hours: null },
  ],
};

const DUTY = { ...GROUPS, duty: [CLEO] };
const rulesOf = (...rules: object[]) => approvalsSchema.parse({ groups: DUTY, rules }).rules;

const accountOf = (acts: Parameters<typeof account>[1]) =>
  account(
    {
      db: t.db,
      start: START,
      queries: {
        request: `select request_key, state, stage, kind, domain, summary, requester, requester_kind, why, finding_key, playbook,
                         rule ->> 'rule' as rule, emergency, created_at, changed_at, expires_at, decided_at, applied_at, ends_at,
                         unreachable_since, outcome,
                         case when kind = 'review' then rule end as review_rule, case when kind = 'review' then plan end as review_plan
                    from ruawatch.requests order by request_key`,
        decision:
          'select request_key, person, stage, decision, why, via, at, in_place_of from ruawatch.decisions order by 1, 2, 4',
        event: 'select event_key, request_key, event, state, at, actor, says, recipients from ruawatch.request_events order by 1',
        timer:
          "select request_key || ' ' || what as timer, nullif(due_at, 'infinity') as due_at, done from ruawatch.request_timers order by 1",
        audit: `select number - ${audited} as number, body::jsonb - 'digest' - 'says' as body from ruawatch.audit where number > ${audited} order by number`,
      },
    },
    acts,
  );

const open = (rule: object = TWO, part: Partial<NewRequest> = {}, at = 0) =>
  openRequest(
    t.db,
    rulesOf(rule),
    { plan: planOf(), requester: ZOE, requester_kind: 'person', why: 'we send by it', ...part },
    later(at),
  );
const vote = async (person: string, decision: 'approve' | 'deny', at: number, key = 1) =>
  decide(
    t.db,
    key,
    { person, decision, why: `${decision}, I say`, digest: (await loadRequest(t.db, key)).digest, via: 'api' },
    later(at),
  );
const glass = async (person: string, at: number, key = 1, emergency: typeof EMERGENCY | null = EMERGENCY) =>
  override(
    t.db,
    key,
    { person, why: 'mail is down', digest: (await loadRequest(t.db, key)).digest, via: 'cli', at: later(at) },
    emergency,
  );
const state = (to: string, key = 1) => t.db.query('update ruawatch.requests set state = $2 where request_key = $1', [key, to]);

const approve = (person: string, at: number, key = 1): [string, () => Promise<unknown>] => [
  `${person} approves ${key} after ${at} h`,
  () => vote(person, 'approve', at, key),
];
const deny = (person: string, at: number, key = 1): [string, () => Promise<unknown>] => [
  `${person} denies ${key} after ${at} h`,
  () => vote(person, 'deny', at, key),
];
const sweep = (at: number): [string, () => Promise<unknown>] => [`the sweep after ${at} h`, () => sweepRequests(t.db, later(at))];
const reach = (at: number): [string, () => Promise<unknown>] => [
  `who is left after ${at} h`,
  () => checkReachable(t.db, later(at)),
];
const groups = (
  mail: readonly string[],
  deputies: Parameters<typeof syncGroups>[1]['deputies'] = [],
): [string, () => Promise<unknown>] => [
  `mail: ${mail.join(', ')}; ${deputies.map((one) => `${one.by} for ${one.for}`).join(', ')}`,
  () => syncGroups(t.db, { groups: { ...GROUPS, mail: [...mail] }, deputies }),
];
const MS = 1 / 3_600_000;
const finding = { key: 7, kind: 'new_source', severity: 'low', summary: 'A new source.' };
const byPlaybook = {
  plan: planOf({ finding }),
  requester: 'new_source',
  requester_kind: 'playbook' as const,
  playbook: 'approve',
};
const day = (from: string, until = from, of = ADA) => ({ for: of, by: GUS, from, until });

const STORIES: Record<string, () => [string, () => Promise<unknown>][]> = {
  'asked-and-approved': () => [
    ['a playbook asks', () => open(TWO, byPlaybook)],
    ['it asks again', () => open(TWO, byPlaybook)],
    sweep(2 - MS),
    sweep(2),
    sweep(2),
    approve(ADA, 3),
    approve(ADA, 3),
    approve(DORA, 3),
    sweep(4),
    sweep(6 - MS),
    [
      'about what somebody else was shown',
      () => decide(t.db, 1, { person: DORA, decision: 'approve', why: 'x', digest: '0'.repeat(64), via: 'api' }, later(5)),
    ],
    approve(DORA, 5),
    approve(CLEO, 6),
    sweep(29 - MS),
    sweep(29),
    sweep(29),
    approve(CLEO, 30),
    [
      'of a request that is not there',
      () => decide(t.db, 9, { person: ADA, decision: 'approve', why: 'x', digest: '', via: 'api' }),
    ],
  ],
  'nobody-decides': () => [
    ['a person asks', () => open()],
    sweep(3),
    sweep(4),
    sweep(7),
    sweep(8),
    sweep(9),
    sweep(10 - MS),
    sweep(10),
    sweep(11),
    ['another', () => open(PLAIN)],
    approve(ADA, 72 - MS, 2),
    ['a vote at the end', () => vote(BEN, 'approve', 72, 2)],
    ['a service asks', () => open(PLAIN, { requester: 'deploy', requester_kind: 'service' })],
    ['break-glass at the end', () => glass(ADA, 72, 3)],
  ],
  stages: () => [
    ['a person of the first group asks', () => open(STAGES, { requester: ADA })],
    approve(ADA, 1),
    approve(DORA, 1),
    approve(BEN, 1),
    approve(CLEO, 2),
    approve(DORA, 2),
    ['a person of the second group asks', () => open(STAGES, { requester: DORA })],
    approve(BEN, 1, 2),
    deny(EMIL, 1, 2),
    ['the settings name who is on duty', () => syncGroups(t.db, { groups: DUTY, deputies: [] })],
    [
      'not all who decide are asked',
      () =>
        open({
          name: 'duty',
          stages: [{ group: 'mail', ask: 'duty', remind_hours: 1, escalate: { after_hours: 1, to: 'security' } }],
        }),
    ],
    sweep(1),
  ],
  denials: () => [
    [
      'two have to deny',
      () => open({ ...TWO, denials: 2, stages: [{ group: 'mail', need: 3, remind_hours: null }] }, byPlaybook),
    ],
    deny(ADA, 1),
    approve(BEN, 1),
    deny(CLEO, 2),
  ],
  deputies: () => [
    groups(GROUPS.mail, [day('2026-11-27')]),
    ['a person asks', () => open(PLAIN)],
    approve(GUS, 1),
    approve(ADA, 2),
    ['another', () => open(PLAIN)],
    approve(ADA, 1, 2),
    approve(GUS, 1, 2),
    ['the asker is away', () => open(PLAIN, { requester: ADA })],
    approve(GUS, 1, 3),
    approve(GUS, 24, 2),
    groups([ADA, BEN, GUS], [day('2026-11-27')]),
    ['the deputy is of the group', () => open(PLAIN)],
    approve(GUS, 1, 4),
    deny(ADA, 1, 4),
  ],
  'somebody-leaves': () => [
    ['a person asks', () => open(TWO)],
    ['another', () => open(STAGES)],
    approve(ADA, 1),
    reach(1),
    groups([BEN]),
    approve(BEN, 1),
    reach(1),
    reach(2),
    groups([BEN, CLEO]),
    reach(3),
    approve(CLEO, 4),
    [
      'two escalated to one',
      () => open({ name: 'e', stages: [{ group: 'security', escalate: { after_hours: 1, to: 'mail' } }] }, { requester: DORA }),
    ],
    ['the group of it is gone', () => syncGroups(t.db, { groups: { mail: [BEN] }, deputies: [] })],
    reach(5),
    ['the other too', () => syncGroups(t.db, { groups: {}, deputies: [] })],
    reach(6),
    groups(GROUPS.mail),
    reach(7),
    reach(8),
  ],
  'known-by-two-names': () => [
    [
      'an account that had two addresses',
      () =>
        t.db
          .query(
            `insert into ruawatch.people (name, email, role, all_domains, created_at, created_by, oidc_issuer, oidc_subject, oidc_checked_at)
             values ('ada', $1, 'operator', true, now(), 'test', 'https://login.example', 's', now())`,
            [ADA],
          )
          .then(() => t.db.query('update ruawatch.people set email = $1', [CLEO]))
          .then(() => null),
    ],
    ['a person asks', () => open(PLAIN)],
    approve(ADA, 1),
    approve(CLEO, 1),
    groups(GROUPS.mail, [day('2026-11-27')]),
    ['another', () => open({ ...PLAIN, denials: 2 })],
    deny(GUS, 1, 2),
    approve(CLEO, 1, 2),
    approve(BEN, 1, 2),
    [
      'with what belongs to a decision',
      async () => {
        const { digest } = await loadRequest(t.db, 1);
        const also = (tx: Tx, to: string) =>
          tx.query('update ruawatch.requests set outcome = $1 where request_key = 1', [`It is ${to}.`]);
        return decide(t.db, 1, { person: BEN, decision: 'approve', why: 'x', digest, via: 'cli', also }, later(2));
      },
    ],
  ],
  groups: () => [
    groups(GROUPS.mail),
    groups([ADA, BEN, ADA, ZOE]),
    groups([ADA, BEN, ZOE], [day('2026-11-27')]),
    groups([ADA, BEN, ZOE], [day('2026-11-28'), day('2026-11-28', '2026-11-29')]),
    groups([ADA, BEN, ZOE], [day('2026-11-28', '2026-11-29')]),
    groups([ADA, BEN], []),
    groups([ADA, BEN, ZOE], [day('2026-11-28', '2026-11-29', BEN)]),
    groups([ADA, BEN], [day('2026-11-28', '2026-11-29', BEN), day('2026-12-01')]),
    groups([ADA, BEN], [day('2026-11-28', '2026-11-29', BEN)]),
    groups([ADA, BEN], []),
  ],
  withdrawn: () => {
    const from = (as: string, person: string, more: { own?: boolean } = {}): [string, () => Promise<unknown>][] => [
      [
        `asked and ${as}`,
        async () => {
          const key = (await open(PLAIN, as === 'applying' ? byPlaybook : {}))!;
          await state(as, key);
          return key;
        },
      ],
      [
        `${person} withdraws it${more.own ? ', as the own' : ''}`,
        async () => {
          const { rows } = await t.db.query<{ key: number }>('select max(request_key) as key from ruawatch.requests');
          return withdraw(t.db, rows[0]!.key, { person, why: 'not needed', ...more }, later(2));
        },
      ],
    ];
    const changed = (to: string) =>
      t.db.query(
        `insert into ruawatch.changes (request_key, position, forward, target, name, before, after, state, intended_at)
         select max(request_key), 0, true, 'senders', 'x', 'null', 'null', '${to}', now() from ruawatch.requests`,
      );
    return [
      ...from('pending', ZOE),
      ...from('pending', ADA),
      ...from('pending', ADA, { own: true }),
      ...from('pending', ZOE, { own: true }),
      ...from('pending', DORA),
      ...from('approved', ZOE, { own: true }),
      ...from('draft', ZOE),
      ...from('applying', ADA),
      ...from('applying', 'new_source').slice(1),
      ['one that is being applied', () => open(PLAIN, byPlaybook)],
      [
        'its change is intended',
        async () => {
          await changed('intended');
          await state('applying', 9);
        },
      ],
      [
        'withdrawn while the applier works',
        () =>
          transaction(t.db, async (tx) => {
            await tryLockNamed(tx, 'apply');
            await withdraw(t.db, 9, { person: ADA, why: 'x' }, later(2));
          }),
      ],
      ['withdrawn by nobody who may', () => withdraw(t.db, 9, { person: 'new_source', why: 'x' }, later(2))],
      ['withdrawn before it is changed', () => withdraw(t.db, 9, { person: ADA, why: 'x' }, later(2))],
      ['one that is changed', () => open(PLAIN, byPlaybook)],
      [
        'withdrawn after it is changed',
        async () => {
          await changed('applied');
          await state('applying', 10);
          return withdraw(t.db, 10, { person: ADA, why: 'x' }, later(2));
        },
      ],
      [
        'one whose mail may be on its way',
        async () => {
          await t.db.query("update ruawatch.requests set kind = 'messages.release' where request_key = 10");
          await t.db.query('delete from ruawatch.changes');
          return withdraw(t.db, 10, { person: ADA, why: 'x' }, later(2));
        },
      ],
    ];
  },
  settled: () => [
    ['a person asks', () => open(PLAIN)],
    ...[
      'draft',
      'approved',
      'applying',
      'active',
      'handed_over',
      'done',
      'denied',
      'expired',
      'withdrawn',
      'stale',
      'failed',
      'ended',
      'returned',
    ].flatMap((as): [string, () => Promise<unknown>][] => [
      [`somebody writes that it is ${as}`, () => state(as).then(() => null)],
      approve(ADA, 1),
      ['and by break-glass', () => glass(ADA, 1)],
      ...(as === 'draft' || as === 'approved' || as === 'applying'
        ? []
        : [
            ['and to withdraw it', () => withdraw(t.db, 1, { person: ZOE, why: 'x' }, later(1))] as [
              string,
              () => Promise<unknown>,
            ],
          ]),
    ]),
  ],
  'break-glass': () => [
    ['a person asks', () => open(TWO)],
    ['without the setting', () => glass(ADA, 1, 1, null)],
    ['by somebody else', () => glass(DORA, 1)],
    [
      'about something else',
      () => override(t.db, 1, { person: ADA, why: 'x', digest: '0', via: 'cli', at: later(1) }, EMERGENCY),
    ],
    ['by one who may', () => glass(ADA, 1)],
    ['and again', () => glass(ADA, 1)],
    ['about the review', () => glass(BEN, 1, 2)],
    ['to withdraw the review', () => withdraw(t.db, 2, { person: DORA, why: 'x' }, later(1))],
    approve(ADA, 2, 2),
    approve(DORA, 2, 2),
    ['a playbook asks', () => open(TWO, byPlaybook)],
    ['it is approved alone', () => glass(ADA, 1, 3)],
    deny(EMIL, 2, 4),
    ['a service asks', () => open(PLAIN, { requester: 'deploy', requester_kind: 'service' })],
    ['and it is looked at in time by nobody', () => glass(ADA, 1, 5)],
    sweep(24),
    sweep(25),
    sweep(169),
  ],
  'by-a-rule': () => {
    const AUTO = { name: 'auto', decide: 'automatic', ceiling: { per_day: 3, per_domain_day: 2 }, apply_within_hours: 7 };
    const auto = (domain: string, at: number, part: Partial<NewRequest> = {}): [string, () => Promise<unknown>] => [
      `about ${domain} after ${at} h`,
      () =>
        openRequest(
          t.db,
          rulesOf(AUTO, PLAIN),
          { plan: planOf({ domain }), requester: 'deploy', requester_kind: 'service', why: 'y', ...part },
          later(at),
        ),
    ];
    const why = (domain: string, at: number): [string, () => Promise<unknown>] => [
      `which rule decides about ${domain} after ${at} h`,
      async () =>
        (
          await explain(
            t.db,
            rulesOf(AUTO, { ...PLAIN, when: { kinds: ['dns.change'] } }),
            { plan: planOf({ domain }), requester_kind: 'person' },
            later(at),
          )
        ).map(({ rule, ...rest }) => ({ rule: rule.name, ...rest })),
    ];
    return [
      why('a.example', 0),
      auto('a.example', -8 - MS),
      auto('a.example', -8),
      auto('a.example', 15, { requester: ZOE, requester_kind: 'person' }),
      auto('a.example', 15),
      why('a.example', 15),
      auto('b.example', 15, { requester: 'spf', requester_kind: 'playbook' }),
      auto('c.example', 15),
      why('c.example', 15),
      auto('c.example', 16),
      ['no rule is for it', () => open({ ...PLAIN, when: { kinds: ['dns.change'] } })],
      [
        'too few are there',
        () => open({ name: 'all', stages: [{ group: 'mail', need: 3 }, { group: 'security' }] }, { requester: ADA }),
      ],
      [
        'what belongs to it',
        () =>
          open(PLAIN, {
            also: async (tx, key) =>
              tx.query('update ruawatch.requests set outcome = $2 where request_key = $1', [key, `noted of ${key}`]),
          }),
      ],
      ['who may not decide', () => open(PLAIN, { not_by: [ADA, BEN] })],
      ['nor whoever is named beside', () => open(PLAIN, { not_by: [BEN] })],
    ];
  },
};

test.each(Object.keys(STORIES))('%s', async (name) => {
  await expect(await accountOf(STORIES[name]!())).toMatchFileSnapshot(`golden/${name}.txt`);
});

test('requests whose finding is over are withdrawn, unless they were decided meanwhile', async () => {
  await t.db.query(
    `insert into ruawatch.findings (finding_key, domain, kind, subject, severity, state, summary, evidence, opened_at, changed_at,
            confidence, first_day, last_day)
     overriding system value select n, 'example.com', 'new_source', 's' || n, 'low', 'resolved', 's', '{}', now(), now(), 1, now(), now() from generate_series(7, 8) n`,
  );
  const asked = async (key: number) => open(PLAIN, { ...byPlaybook, plan: planOf({ finding: { ...finding, key } }) });
  await asked(7);
  await asked(8);
  await expect(
    await accountOf([
      ['nobody waits', () => withdrawResolved(t.db, later(1))],
      ['none is left', () => withdrawResolved(t.db, later(1))],
      ['another', () => asked(8)],
      [
        'decided meanwhile',
        () =>
          meanwhile(t.db, "update ruawatch.requests set state = 'denied' where request_key = 3", () =>
            withdrawResolved(t.db, later(1)),
          ),
      ],
    ]),
  ).toMatchFileSnapshot('golden/resolved.txt');
});

test('what is decided while the sweep waits for it is neither escalated nor found out of reach', async () => {
  await open(TWO);
  await expect(
    await accountOf([
      [
        'swept',
        () =>
          meanwhile(t.db, "update ruawatch.requests set state = 'denied' where request_key = 1", () =>
            sweepRequests(t.db, later(20)),
          ),
      ],
      ['another', () => open(PLAIN)],
      groups([ADA]),
      [
        'looked at',
        () =>
          meanwhile(t.db, "update ruawatch.requests set state = 'denied' where request_key = 2", () =>
            checkReachable(t.db, later(1)),
          ),
      ],
    ]),
  ).toMatchFileSnapshot('golden/meanwhile.txt');
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../../services/requests/plan.ts';
import { approvalsSchema, choose, consider, isOpen, isReachable, type Subject } from '../../services/requests/rules.ts';
import { GROUPS, planOf, rulesOf } from './sample.ts';

const UNUSED = () => ({ all: 0, domain: 0 });
const people = { stages: [{ group: 'mail' }] };
const routine = { decide: 'automatic', ceiling: { per_day: 3 } };
const subject = (part: Parameters<typeof planOf>[0] = {}, requester: Subject['requester'] = 'playbook'): Subject => ({
  plan: planOf(part),
  requester,
});
const FINDING = { key: 1, kind: 'new_source', severity: 'low', summary: 'x' };

describe('the most specific rule decides', () => {
  test.each([
    ['example.com', 'exact'],
    ['a.example.com', 'longer'],
    ['a.b.example.com', 'longest'],
    ['b.example.com', 'longer'],
    ['other.example', 'rest'],
    ['notexample.com', 'rest'],
  ])('%s: %s', (domain, name) => {
    const rules = rulesOf(
      { name: 'rest', ...people },
      { name: 'longer', when: { domains: ['*.example.com'] }, ...people },
      { name: 'longest', when: { domains: ['*.b.example.com'] }, ...people },
      { name: 'exact', when: { domains: ['example.com', '*.test'] }, ...people },
    );
    expect(choose(rules, subject({ domain }), UNUSED)?.name).toBe(name);
  });

  test('of two for the same domain, the one with more conditions; of equals, the first', () => {
    const rules = rulesOf(
      { name: 'first', ...people },
      { name: 'second', ...people },
      { name: 'kinds', when: { kinds: ['sender.approve'] }, ...people },
      { name: 'narrow', when: { kinds: ['sender.approve'], risk: 'low' }, ...people },
    );
    expect(consider(rules, subject(), UNUSED).map(({ rule }) => rule.name)).toEqual(['narrow', 'kinds', 'first', 'second']);
    expect(choose(rules, subject({ risk: 'medium' }), UNUSED)?.name).toBe('kinds');
    expect(choose(rules, subject({ kind: 'policy.step' }), UNUSED)?.name).toBe('first');
  });

  test.each([
    [{ kinds: ['policy.step'] }, 'it is for policy.step'],
    [{ domains: ['*.example.com'] }, 'it is for *.example.com'],
    [{ risk: 'low' }, 'the risk is high, above low'],
    [{ findings: ['volume_surge'] }, 'it is for findings of volume_surge'],
    [{ requester: 'person' }, 'it is for requests of a person'],
    [{ size: 1 }, '2 records change, more than 1'],
  ])('says why a rule does not decide: %j', (when, because) => {
    const changes = [...planOf().changes, ...planOf().changes];
    const given = subject({ risk: 'high', finding: FINDING, changes });
    expect(consider(rulesOf({ name: 'one', when, ...people }), given, UNUSED)).toMatchObject([{ matches: false, because }]);
  });
});

describe('a change is decided as what it can do', () => {
  const record = (name: string, type: 'TXT' | 'CNAME' = 'TXT'): Plan['changes'][number] => ({
    target: 'dns',
    name,
    type,
    ttl: { before: null, after: 60 },
    before: [],
    after: [{ text: 'x', wire: '0178' }],
  });
  const about = (names: string[], domain = 'example.com', kind: Plan['kind'] = 'dns.change') =>
    subject({ kind, domain, risk: 'medium', changes: names.map((name) => record(name)) }, 'person');
  const rules = rulesOf(
    { name: 'records', when: { kinds: ['dns.change'] }, ...people },
    { name: 'policy', when: { kinds: ['policy.step'] }, ...people },
    { name: 'keys', when: { kinds: ['dkim.rotate'] }, ...people },
  );
  test.each([
    [['example.com'], 'records'],
    [['_mta-sts.example.com'], 'records'],
    [['_dmarc.example.com'], 'policy'],
    [['_dmarc.shop.example.com'], 'policy'],
    [['other.example._report._dmarc.example.com'], 'policy'],
    [['s1._domainkey.example.com'], 'keys'],
    [['_domainkey.example.com'], 'keys'],
    [['*._domainkey.example.com'], 'policy'],
    [['*.example.com'], 'policy'],
    [['example.com', '_dmarc.example.com'], 'policy'],
    [['bounce.example.com', 's1._domainkey.example.com'], 'keys'],
    [['dmarc.example.com'], 'records'],
  ])('%j by the rule for %s', (names, rule) => {
    expect(choose(rules, about(names), UNUSED)?.name).toBe(rule);
  });

  test.each([
    [['policy.step'], '_dmarc.example.com', 'rest'],
    [['dkim.rotate'], 's1._domainkey.example.com', 'rest'],
    [['dns.change'], 's1._domainkey.example.com', 'rest'],
    [['dns.change', 'dkim.rotate'], 's1._domainkey.example.com', 'auto'],
    [['dns.change'], 'example.com', 'auto'],
  ])('a rule for %j that decides by itself: %s goes to %s', (kinds, name, rule) => {
    const given = rulesOf({ name: 'auto', when: { kinds }, ...routine }, { name: 'rest', ...people });
    expect(choose(given, about([name]), UNUSED)?.name).toBe(rule);
  });

  test('and by the rule of the domain that it changes, whatever domain is named', () => {
    const given = rulesOf(
      { name: 'shop', when: { domains: ['shop.example.com'] }, stages: [{ group: 'mail', need: 2 }] },
      { name: 'all', when: { domains: ['example.com', '*.example.com'] }, ...people },
      { name: 'low', ...routine },
    );
    for (const [names, domain, rule] of [
      [['_dmarc.shop.example.com'], 'example.com', 'shop'],
      [['mail.shop.example.com'], 'example.com', 'shop'],
      [['example.com', 'shop.example.com'], 'example.com', 'shop'],
      [['_dmarc.example.com'], 'com', 'all'],
      [['_dmarc.other.example.com'], 'com', 'all'],
      [['bounce.example.com'], 'example.com', 'all'],
      [['_dmarc.shopexample.com'], 'shopexample.com', 'low'],
    ] as const)
      expect(choose(given, about([...names], domain), UNUSED)?.name, names.join()).toBe(rule);
  });

  test('and as what it is an alias of', () => {
    const at = (stands_for: string[]) => ({
      ...about(['shared.example.com']),
      plan: { ...about(['shared.example.com']).plan, changes: [{ ...record('shared.example.com'), stands_for }] },
    });
    expect(choose(rules, at(['_dmarc.shop.example']) as never, UNUSED)?.name).toBe('policy');
    expect(choose(rules, at(['s1._domainkey.example.com']) as never, UNUSED)?.name).toBe('keys');
  });

  test('the reason says as what it is decided', () => {
    expect(consider(rules.slice(0, 1), about(['_dmarc.example.com']), UNUSED)).toMatchObject([
      { because: 'it is for dns.change, and this is decided as policy.step' },
    ]);
  });
});

describe('a ceiling', () => {
  const rules = rulesOf(
    { name: 'routine', when: { risk: 'low' }, ...routine, ceiling: { per_day: 3, per_domain_day: 2 } },
    { name: 'rest', ...people },
  );
  test.each([
    [{ all: 0, domain: 0 }, 'routine'],
    [{ all: 2, domain: 1 }, 'routine'],
    [{ all: 3, domain: 0 }, 'rest'],
    [{ all: 2, domain: 2 }, 'rest'],
  ])('%j: %s decides', (used, name) => {
    expect(choose(rules, subject(), () => used)?.name).toBe(name);
  });
});

test('a stage may ask some of those who decide, and not of everybody', () => {
  const groups = { ...GROUPS, few: [GROUPS.mail[0]!, GROUPS.mail[1]!], mixed: [GROUPS.mail[0]!, GROUPS.security[0]!] };
  const mistakes = (ask: string | null) => {
    const rules = [{ name: 'a', stages: [{ group: 'mail', ...(ask !== null && { ask }) }] }];
    return approvalsSchema.safeParse({ groups, rules }).error?.issues.map(({ message }) => message) ?? [];
  };
  expect([null, 'few', 'mail', 'mixed'].map(mistakes)).toEqual([
    [],
    [],
    [],
    ['rule "a" asks "mixed", of whom not all are in "mail", which decides'],
  ]);
});

describe('settings that cannot work are refused', () => {
  test.each([
    [{ rules: [{ name: 'a', decide: 'automatic' }] }, /ceiling/],
    [{ rules: [{ name: 'a' }] }, /has no stages/],
    [{ rules: [{ name: 'a', ...routine, ...people }] }, /remove its stages/],
    [{ rules: [{ name: 'a', ...people, ceiling: { per_day: 1 } }] }, /decide by themselves/],
    [
      {
        rules: [
          { name: 'a', ...people },
          { name: 'a', ...people },
        ],
      },
      /two rules are named "a"/,
    ],
    [{ rules: [{ name: 'a', stages: [{ group: 'nobody' }] }] }, /"nobody", which is not in groups/],
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', escalate: { after_hours: 1, to: 'nobody' } }] }] }, /"nobody"/],
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', ask: 'security' }] }] }, /asks "security", of whom not all are in "mail"/],
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', ask: 'nobody' }] }] }, /"nobody", which is not in groups/],
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', need: 4 }] }] }, /needs more people/],
    [{ rules: [{ name: 'a', stages: [{ group: 'security', need: 2 }, { group: 'security' }] }] }, /needs more people/],
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', need: 0 }] }] }, /need/],
    [{ rules: [{ name: 'a', ...people, windows: [{ days: ['monday'], from: '20:00', to: '06:00' }] }] }, /ends before it begins/],
    [{ rules: [], emergency: { group: 'nobody', review: 'mail' } }, /emergency names the group/],
    [{ rules: [{ name: 'a', stages: [{ group: 'constructor' }] }] }, /"constructor", which is not in groups/],
    // No setting approves by silence.
    [{ rules: [{ name: 'a', stages: [{ group: 'mail', on_timeout: 'approve' }] }] }, /on_timeout/],
  ])('%#', (given, message) => {
    const read = approvalsSchema.safeParse({ groups: GROUPS, ...given });
    expect(read.error?.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('\n')).toMatch(message);
  });

  test('people are known by their addresses in lower case', () => {
    expect(approvalsSchema.parse({ groups: { mail: ['Ada@Example.com'] } }).groups).toEqual({ mail: ['ada@example.com'] });
  });
});

describe('a quorum', () => {
  const groups = { mail: ['a', 'b', 'c'], both: ['a', 'x'], one: ['a'] } as Record<string, string[]>;
  const of = (name: string) => groups[name] ?? [];
  test.each([
    [[{ group: 'mail', need: 3 }], [], true],
    [[{ group: 'mail', need: 3 }], ['b'], false],
    // One person in two groups decides once.
    [
      [
        { group: 'one', need: 1 },
        { group: 'both', need: 1 },
      ],
      [],
      true,
    ],
    [
      [
        { group: 'one', need: 1 },
        { group: 'both', need: 1 },
      ],
      ['x'],
      false,
    ],
    [
      [
        { group: 'both', need: 2 },
        { group: 'one', need: 1 },
      ],
      [],
      false,
    ],
    [[{ group: 'nobody', need: 1 }], [], false],
    [[], [], true],
  ])('%#', (stages, without, reachable) => {
    expect(isReachable(stages, of, new Set(without))).toBe(reachable);
  });

  test('is found wherever trying every assignment finds it', () => {
    const all = ['a', 'b', 'c', 'd'];
    const stage = fc.record({ members: fc.subarray(all), need: fc.integer({ min: 1, max: 2 }) });
    fc.assert(
      fc.property(fc.array(stage, { maxLength: 3 }), (drawn) => {
        const stages = drawn.map(({ need }, i) => ({ group: String(i), need }));
        const places = stages.flatMap(({ group, need }) => Array<string>(need).fill(group));
        const tryAll = (at: number, used: Set<string>): boolean =>
          at === places.length ||
          drawn[Number(places[at])]!.members.some((one) => !used.has(one) && tryAll(at + 1, new Set([...used, one])));
        expect(isReachable(stages, (group) => drawn[Number(group)]!.members)).toBe(tryAll(0, new Set()));
      }),
    );
  });
});

test('windows are in UTC, their end not included', () => {
  const windows = [{ days: ['friday' as const], from: '08:00', to: '18:00' }];
  const at = (text: string) => isOpen(windows, new Date(text));
  expect(at('2026-11-27T08:00:00Z')).toBe(true);
  expect(at('2026-11-27T17:59:59Z')).toBe(true);
  expect(at('2026-11-27T18:00:00Z')).toBe(false);
  expect(at('2026-11-26T12:00:00Z')).toBe(false);
  expect(isOpen([], new Date())).toBe(true);
});

describe('what the settings leave out has a default, and what they say has limits', () => {
  const read = (approvals: object) => approvalsSchema.safeParse({ groups: GROUPS, ...approvals });
  const rule = (part: object) => ({ rules: [{ name: 'all', stages: [{ group: 'mail' }], ...part }] });
  const stage = (part: object) => rule({ stages: [{ group: 'mail', ...part }] });
  const automatic = (ceiling: object) => rule({ stages: [], decide: 'automatic', ceiling });

  test('the defaults', () => {
    expect(approvalsSchema.parse(undefined)).toEqual({
      groups: {},
      deputies: [],
      rules: [],
      emergency: null,
      playbooks: 'on',
      half_step_share: 0.8,
    });
    const { rules, emergency } = approvalsSchema.parse({
      groups: GROUPS,
      ...rule({ stages: [{ group: 'mail', escalate: { after_hours: 4, to: 'security' } }] }),
      emergency: { group: 'security', review: 'mail' },
    });
    expect(rules).toEqual([
      {
        name: 'all',
        when: {},
        decide: 'people',
        ceiling: null,
        stages: [
          {
            group: 'mail',
            need: 1,
            within_hours: 72,
            remind_hours: 24,
            ask: null,
            escalate: { after_hours: 4, times: 1, to: 'security' },
          },
        ],
        denials: 1,
        apply_within_hours: 24,
        windows: [],
      },
    ]);
    expect(emergency).toEqual({ group: 'security', ends_hours: 4, review: 'mail' });
    expect(approvalsSchema.parse({ groups: GROUPS, ...stage({}) }).rules[0]!.stages[0]!.escalate).toBeNull();
  });

  const many = (n: number, one: (i: number) => unknown) => Array.from({ length: n }, (_, i) => one(i));
  const people = many(20, (i) => `p${i}@example.com`);
  const named = (i: number) => ({ ...rule({}).rules[0], name: `r${i}` });
  const window = { days: ['monday'], from: '08:00', to: '08:01' };
  test.each<[string, object, object]>([
    ['hours to decide', stage({ within_hours: 720 }), stage({ within_hours: 720.1 })],
    ['hours to decide at all', stage({ within_hours: 0.1 }), stage({ within_hours: 0 })],
    ['hours to a reminder', stage({ remind_hours: 720 }), stage({ remind_hours: 721 })],
    ['no reminder', stage({ remind_hours: null }), stage({ remind_hours: 0 })],
    [
      'people that are needed',
      { groups: { mail: people }, ...stage({ need: 20 }) },
      { groups: { mail: [...people, 'x@y'] }, ...stage({ need: 21 }) },
    ],
    ['somebody is needed', stage({ need: 1 }), stage({ need: 0 })],
    [
      'hours to an escalation',
      stage({ escalate: { after_hours: 720, to: 'security' } }),
      stage({ escalate: { after_hours: 721, to: 'security' } }),
    ],
    [
      'escalations',
      stage({ escalate: { after_hours: 1, times: 10, to: 'mail' } }),
      stage({ escalate: { after_hours: 1, times: 11, to: 'mail' } }),
    ],
    [
      'an escalation at all',
      stage({ escalate: { after_hours: 1, times: 1, to: 'mail' } }),
      stage({ escalate: { after_hours: 1, times: 0, to: 'mail' } }),
    ],
    ['denials', rule({ denials: 20 }), rule({ denials: 21 })],
    ['a denial', rule({ denials: 1 }), rule({ denials: 0 })],
    ['hours to apply', rule({ apply_within_hours: 720 }), rule({ apply_within_hours: 721 })],
    [
      'hours of an emergency',
      { emergency: { group: 'mail', review: 'mail', ends_hours: 72 } },
      { emergency: { group: 'mail', review: 'mail', ends_hours: 73 } },
    ],
    [
      'stages',
      { groups: { mail: people }, ...rule({ stages: many(5, () => ({ group: 'mail' })) }) },
      { groups: { mail: people }, ...rule({ stages: many(6, () => ({ group: 'mail' })) }) },
    ],
    ['windows', rule({ windows: many(20, () => window) }), rule({ windows: many(21, () => window) })],
    ['a window of a minute', rule({ windows: [window] }), rule({ windows: [{ ...window, to: '08:00' }] })],
    ['days of a window', rule({ windows: [window] }), rule({ windows: [{ ...window, days: [] }] })],
    ['rules', { rules: many(200, named) }, { rules: many(201, named) }],
    [
      'deputies',
      { deputies: many(1000, () => ({ for: 'a@b', by: 'c@d', from: '2026-01-01', until: '2026-01-02' })) },
      { deputies: many(1001, () => ({ for: 'a@b', by: 'c@d', from: '2026-01-01', until: '2026-01-02' })) },
    ],
    ['decisions of a rule', automatic({ per_day: 1 }), automatic({ per_day: 0 })],
    [
      'decisions of a rule for a domain',
      automatic({ per_day: 1, per_domain_day: 1 }),
      automatic({ per_day: 1, per_domain_day: 0 }),
    ],
    ['kinds', rule({ when: { kinds: ['dns.change'] } }), rule({ when: { kinds: [] } })],
    ['domains', rule({ when: { domains: ['*.example.com'] } }), rule({ when: { domains: [] } })],
    ['findings', rule({ when: { findings: ['new_source'] } }), rule({ when: { findings: [] } })],
    ['records', rule({ when: { size: 1 } }), rule({ when: { size: 0 } })],
    ['members', { groups: { ...GROUPS, x: ['a@b'] } }, { groups: { ...GROUPS, x: [] } }],
  ])('the limit of %s', (_, inside, beyond) => {
    expect(read(inside).error?.issues ?? []).toEqual([]);
    expect(read(beyond).success).toBe(false);
  });

  test.each<[object, string]>([
    [rule({ decide: 'automatic', stages: [] }), 'decides by itself and has no ceiling: set ceiling.per_day'],
    [rule({ decide: 'automatic', ceiling: { per_day: 1 } }), 'decides by itself: remove its stages, or decide: automatic'],
    [rule({ stages: [] }), 'has no stages: name who decides'],
    [rule({ ceiling: { per_day: 1 } }), 'has a ceiling, which is for rules that decide by themselves'],
    [rule({ windows: [{ ...window, to: '07:59' }] }), 'has a window that ends before it begins: use two windows'],
    [{ rules: [named(1), named(1)] }, 'two rules are named "r1"'],
    ...['constructor'].flatMap((name): [object, string][] => [
      [stage({ group: name }), `rule "all" names the group "${name}", which is not in groups`],
      [{ emergency: { group: name, review: 'mail' } }, `emergency names the group "${name}", which is not in groups`],
    ]),
    [stage({ group: 'nobody' }), 'rule "all" names the group "nobody", which is not in groups'],
    [stage({ escalate: { after_hours: 1, to: 'nobody' } }), 'rule "all" names the group "nobody", which is not in groups'],
    [stage({ need: 4 }), 'rule "all" needs more people than its groups have: lower need, or add people'],
    [{ emergency: { group: 'nobody', review: 'mail' } }, 'emergency names the group "nobody", which is not in groups'],
    [{ emergency: { group: 'mail', review: 'nobody' } }, 'emergency names the group "nobody", which is not in groups'],
  ])('%j: %s', (approvals, message) => {
    expect(read(approvals).error!.issues.map((issue) => issue.message)).toEqual([message]);
  });
});

describe('which rule decides', () => {
  const plan = { ...planOf(), domain: 'a.example.com' };
  const decided = (when: object, part: object = {}, requester: 'person' | 'playbook' = 'person') =>
    consider(
      rulesOf({ name: 'one', when, stages: [{ group: 'mail' }] }),
      { plan: { ...plan, ...part } as never, requester },
      () => ({
        all: 0,
        domain: 0,
      }),
    )[0]!.because;
  const finding = { key: 1, kind: 'new_source', severity: 'low', summary: 'x' };

  test.each<[object, object, string | null]>([
    [{}, {}, null],
    [{ kinds: ['sender.approve', 'dns.change'] }, {}, null],
    [{ kinds: ['dns.change', 'policy.step'] }, {}, 'it is for dns.change, policy.step'],
    [{ domains: ['a.example.com'] }, {}, null],
    [{ domains: ['*.example.com'] }, {}, null],
    [{ domains: ['*.a.example.com'] }, {}, 'it is for *.a.example.com'],
    [{ domains: ['example.com', 'b.example.com'] }, {}, 'it is for example.com, b.example.com'],
    [{ domains: ['*.ple.com'] }, {}, 'it is for *.ple.com'],
    [{ risk: 'low' }, {}, null],
    [{ risk: 'high' }, { risk: 'medium' }, null],
    [{ risk: 'medium' }, { risk: 'high' }, 'the risk is high, above medium'],
    [{ findings: ['new_source'] }, { finding }, null],
    [{ findings: ['policy_ready'] }, { finding }, 'it is for findings of policy_ready'],
    [{ findings: ['policy_ready', 'x'] }, {}, 'it is for findings of policy_ready, x'],
    [{ requester: 'person' }, {}, null],
    [{ requester: 'playbook' }, {}, 'it is for requests of a playbook'],
    [{ size: 1 }, {}, null],
    [{ size: 1 }, { changes: [...plan.changes, ...plan.changes] }, '2 records change, more than 1'],
  ])('%j, of %j: %s', (when, part, because) => {
    expect(decided(when, part)).toBe(because);
  });

  test.each<[object, { all: number; domain: number }, string | null]>([
    [{ per_day: 2 }, { all: 1, domain: 1 }, null],
    [{ per_day: 2 }, { all: 2, domain: 1 }, 'it has decided 2 times today, its ceiling'],
    [{ per_day: 9, per_domain_day: 2 }, { all: 8, domain: 1 }, null],
    [{ per_day: 9, per_domain_day: 2 }, { all: 8, domain: 2 }, 'it has decided 2 times today for this domain, its ceiling'],
  ])('a ceiling of %j after %j: %s', (ceiling, used, because) => {
    const rules = rulesOf({ name: 'one', decide: 'automatic', ceiling });
    expect(consider(rules, { plan, requester: 'person' }, () => used)[0]!.because).toBe(because);
  });

  test('a domain by its name comes before a pattern, a longer pattern before a shorter one', () => {
    const of = (name: string, domains?: string[], more: object = {}) => ({
      name,
      when: { ...(domains ? { domains } : {}), ...more },
      stages: [{ group: 'mail' }],
    });
    const rules = rulesOf(
      of('all'),
      of('two', undefined, { risk: 'high', requester: 'person' }),
      of('short', ['*.com']),
      of('long', ['*.example.com']),
      of('long-and-more', ['*.example.com'], { risk: 'high' }),
      of('name', ['x.example', 'a.example.com']),
      of('elsewhere', ['b.example.com']),
    );
    expect(consider(rules, { plan, requester: 'person' }, () => ({ all: 0, domain: 0 })).map(({ rule }) => rule.name)).toEqual([
      'name',
      'long-and-more',
      'long',
      'short',
      'two',
      'all',
      'elsewhere',
    ]);
  });
});

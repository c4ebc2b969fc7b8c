import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PlaybookRunner } from '../../services/approver/open-by-playbook.ts';
import type { Dns } from '../../services/dns/client/types.ts';
import { organizationalDomain } from '../../services/report/orgdomain.ts';
import { approvalsSchema, type Rule } from '../../services/requests/rules.ts';
import type { Log } from '../../services/shared/runtime/log.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { listRequests } from '../../services/store/requests/requests.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';
import { zone } from '../requests/plans/zone.ts';
import { GROUPS } from '../requests/sample.ts';

const DOMAIN = 'example.com';
const NOW = new Date('2026-07-01T08:00:00Z');
let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
  await syncGroups(t.db, { groups: GROUPS, deputies: [] });
});
afterAll(() => t.drop());
beforeEach(async () => {
  await t.db.query('truncate ruawatch.findings, ruawatch.requests cascade');
});

const rulesOf = (...rules: object[]): Rule[] => approvalsSchema.parse({ groups: GROUPS, rules }).rules;
const ALL = rulesOf({ name: 'rest', stages: [{ group: 'mail' }] });
const put = async (kind: string, subject = 'mailer.example', opened = NOW) => {
  const { rows } = await t.db.query<{ finding_key: number }>(
    `insert into ruawatch.findings (domain, kind, subject, severity, state, revision, confidence, summary, evidence, first_day, last_day, opened_at, changed_at)
     values ($1, $2, $3, 'high', 'open', 1, 0.9, 'What was found.', '{}', '2026-06-30', '2026-06-30', $4, $4) returning finding_key`,
    [DOMAIN, kind, subject, opened],
  );
  return Number(rows[0]!.finding_key);
};

const requests = () => listRequests(t.db, { limit: 100 });

/** A runner, what it logs, and what it asks DNS. */
function runner(
  rules: readonly Rule[] = ALL,
  text = `_dmarc.${DOMAIN}. TXT "v=DMARC1; p=none"\n`,
  asked: (name: string, type: string) => void = () => undefined,
  soonMs?: number,
) {
  const lines: unknown[][] = [];
  const say = (level: string) => (about: object, message: string) => void lines.push([level, message, about]);
  const log = { info: say('info'), warn: say('warn') } as unknown as Log;
  const state = { silent: false, asked: 0, budgets: [] as unknown[], answers: Promise.resolve(), turned: 0 };
  const behind = zone(text);
  const dns: Dns = {
    async ask(name, type, options) {
      state.asked++;
      asked(name, type);
      state.budgets.push(options?.budget?.left);
      const cancelled = new Promise((resolve) => options?.signal?.addEventListener('abort', resolve));
      if (!options?.signal?.aborted) await Promise.race([state.answers, cancelled]);
      if (state.silent || options?.signal?.aborted)
        return { state: 'unknown', reason: 'timeout', message: 'No server answered in time.' };
      return behind.ask(name, type, options);
    },
  };
  const made = new PlaybookRunner(rules, log, soonMs);
  const means = { registrable: organizationalDomain, halfStepShare: null, turned: () => void state.turned++ };
  const look = (asking: { signal?: AbortSignal } = {}) => made.run({ db: t.db, dns, now: NOW, at: NOW, asking, ...means });
  /** How many requests a turn has opened, with what it does not wait for. */
  const run = async () => {
    const before = (await requests()).length;
    await look();
    await made.settled();
    return (await requests()).length - before;
  };
  /** Nothing is answered until the function that it gives is called. */
  const hang = () => {
    let answer: () => void = () => undefined;
    state.answers = new Promise((resolve) => {
      answer = resolve;
    });
    return answer;
  };
  return { look, run, hang, settled: () => made.settled(), lines, state };
}

describe('a finding with a playbook', () => {
  test('is asked about once, and the log says so', async () => {
    const key = await put('new_source');
    await put('volume_surge');
    const { run, lines } = runner();
    expect(await run()).toBe(1);
    const [request] = await requests();
    expect(request).toMatchObject({
      finding_key: key,
      playbook: 'new-sender',
      requester: 'new-sender',
      requester_kind: 'playbook',
      why: 'What was found.',
    });
    const about = { finding: key, playbook: 'new-sender', request: request!.request_key };
    expect(lines).toEqual([['info', 'a playbook has opened a request', about]]);
    expect(await run()).toBe(0);
    expect(await requests()).toHaveLength(1);
  });

  test('that was opened anew while its request is pending gets no second one', async () => {
    const key = await put('new_source');
    const { run, lines } = runner();
    expect(await run()).toBe(1);
    await t.db.query("update ruawatch.findings set opened_at = $2::timestamptz + interval '1 day' where finding_key = $1", [
      key,
      NOW,
    ]);
    expect(await run()).toBe(0);
    expect(await requests()).toHaveLength(1);
    expect(lines).toHaveLength(1);
  });

  test('two are two requests', async () => {
    await put('new_source', 'a.example');
    await put('new_source', 'b.example');
    expect(await runner().run()).toBe(2);
  });
});

describe('what cannot be planned', () => {
  test('is left to people, and planned again when its summary changes', async () => {
    const key = await put('policy_change');
    const { run, lines } = runner();
    expect(await run()).toBe(0);
    await t.db.query(
      `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
       values ($1, '_dmarc.' || $1, 'TXT', 'dmarc', 'v=DMARC1; p=reject', '{}', $2, $2, $2)`,
      [DOMAIN, NOW],
    );
    expect(await run()).toBe(0);
    await t.db.query("update ruawatch.findings set summary = 'More was found.' where finding_key = $1", [key]);
    expect(await run()).toBe(1);
    expect(lines).toHaveLength(1);
    await t.db.query('truncate ruawatch.dns_records');
  });

  test('because nothing is left to do is not planned again', async () => {
    const key = await put('subdomain_abuse');
    const { run, lines, state } = runner(ALL, `_dmarc.${DOMAIN}. TXT "v=DMARC1; p=none; np=reject"\n`);
    expect(await run()).toBe(0);
    expect(lines).toEqual([
      [
        'warn',
        'a playbook could not open a request',
        {
          finding: key,
          playbook: 'protect-subdomains',
          err: '_dmarc.example.com has this record already: nothing is left to do.',
        },
      ],
    ]);
    const { asked } = state;
    expect(await run()).toBe(0);
    expect(state.asked).toBe(asked);
    expect(lines).toHaveLength(1);
  });

  test('because DNS does not answer is planned at the next turn', async () => {
    const key = await put('policy_change');
    await t.db.query(
      `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
       values ($1, '_dmarc.' || $1, 'TXT', 'dmarc', 'v=DMARC1; p=reject', '{}', $2, $2, $2)`,
      [DOMAIN, NOW],
    );
    const { run, lines, state } = runner();
    state.silent = true;
    expect(await run()).toBe(0);
    expect(lines).toEqual([
      [
        'info',
        'a playbook could not open a request',
        {
          finding: key,
          playbook: 'policy-back',
          err: 'What _dmarc.example.com has now is not known: No server answered in time.',
        },
      ],
    ]);
    // Each plan may ask 400 questions, whatever plans before it have asked.
    expect(state.budgets[0]).toBe(400);
    state.silent = false;
    expect(await run()).toBe(1);
    await t.db.query('truncate ruawatch.dns_records');
  });

  test('because DNS does not answer for the record that is to be changed either', async () => {
    await put('subdomain_abuse');
    const { run, state, lines } = runner();
    state.silent = true;
    expect(await run()).toBe(0);
    expect(lines.map(([level]) => level)).toEqual(['info']);
    state.silent = false;
    expect(await run()).toBe(1);
  });

  test('because no rule is for it waits for other settings', async () => {
    const key = await put('new_source');
    const { run, lines } = runner(rulesOf({ name: 'steps', when: { kinds: ['policy.step'] }, stages: [{ group: 'mail' }] }));
    expect(await run()).toBe(0);
    expect(await run()).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject(['warn', 'a playbook could not open a request', { finding: key, playbook: 'new-sender' }]);
  });

  test('because nobody could approve it waits for other settings', async () => {
    await put('new_source');
    const { run, lines } = runner(rulesOf({ name: 'all', stages: [{ group: 'security', need: 2 }] }));
    await t.db.query("delete from ruawatch.approver_groups where person = 'emil@example.com'");
    expect(await run()).toBe(0);
    expect(await run()).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]![0]).toBe('warn');
    await syncGroups(t.db, { groups: GROUPS, deputies: [] });
  });

  test('keeps no other finding from its request, however many there are', async () => {
    for (let i = 0; i < 60; i++) await put('policy_change', `name${i}.example`);
    await put('new_source', 'late.example');
    const { run } = runner();
    expect(await run()).toBe(1);
    expect((await requests()).map(({ summary }) => summary)).toEqual(['Approve late.example as a sender of example.com.']);
  });

  test('because DNS does not answer comes after what can be planned, from then on', async () => {
    await put('subdomain_abuse');
    const { run, state, lines } = runner();
    state.silent = true;
    expect(await run()).toBe(0);
    await put('new_source', 'later.example');
    lines.length = 0;
    expect(await run()).toBe(1);
    expect(lines.map(([level]) => level)).toEqual(['info', 'info']);
    expect(lines[0]![1]).toBe('a playbook has opened a request');
  });

  test('while a name server does not answer, others are, at once and in later turns', async () => {
    await put('subdomain_abuse');
    await put('new_source', 'beside.example');
    const { look, hang, settled, state } = runner();
    const answer = hang();
    const first = look();
    await until(async () => (await requests()).length === 1);
    state.silent = true;
    answer();
    expect(await first).toBe(1);
    // It is late now, and no turn waits for it.
    const late = hang();
    await put('new_source', 'later.example');
    expect(await look()).toBe(1);
    await put('new_source', 'last.example');
    expect(await look()).toBe(1);
    state.silent = false;
    late();
    await settled();
    expect((await requests()).map(({ playbook }) => playbook).sort()).toEqual([
      'new-sender',
      'new-sender',
      'new-sender',
      'protect-subdomains',
    ]);
  });

  test('in the time of a first try is planned beside the turns, and in full', async () => {
    const key = await put('subdomain_abuse');
    const { look, hang, settled, lines } = runner(ALL, undefined, undefined, 5);
    const answer = hang();
    expect(await look()).toBe(0);
    expect(lines).toMatchObject([['info', 'a playbook could not open a request', { finding: key }]]);
    answer();
    await look();
    await settled();
    expect(await requests()).toMatchObject([{ finding_key: key, playbook: 'protect-subdomains' }]);
  });

  test('because of a failure keeps the findings behind it from nothing', async () => {
    await put('subdomain_abuse');
    await put('new_source', 'behind.example');
    const { run } = runner(ALL, `_dmarc.${DOMAIN}. TXT "v=DMARC1; p=none"\n`, (name) => {
      if (name.startsWith('_dmarc.')) throw new RangeError('a fault in a plan');
    });
    await expect(run()).rejects.toThrow('a fault in a plan');
    expect((await requests()).map(({ summary }) => summary)).toEqual(['Approve behind.example as a sender of example.com.']);
  });

  test('is worked on sixteen at a time; what is late, four at a time', async () => {
    for (let i = 0; i < 17; i++) await put('subdomain_abuse', `name${i}`);
    let plans = 0;
    const { look, hang, settled, state } = runner(ALL, undefined, (_, type) => {
      if (type === 'SOA') plans++;
    });
    const answer = hang();
    const first = look();
    await until(() => plans === 16);
    await requests();
    expect([plans, state.turned]).toEqual([16, 0]);
    state.silent = true;
    answer();
    expect(await first).toBe(0);
    expect(state.turned).toBe(17);
    const before = plans;
    const late = hang();
    expect(await look()).toBe(0);
    await until(() => plans === before + 4);
    await requests();
    expect([plans, state.turned]).toEqual([before + 4, 17]);
    state.silent = false;
    late();
    await settled();
    expect([state.turned, (await requests()).length]).toEqual([34, 17]);
  });

  test('because of a failure in what is late ends the next turn, once', async () => {
    await put('subdomain_abuse');
    let fault = false;
    const { look, run, settled, state } = runner(ALL, undefined, () => {
      if (fault) throw new RangeError('a fault in a plan');
    });
    state.silent = true;
    expect(await run()).toBe(0);
    [state.silent, fault] = [false, true];
    expect(await look()).toBe(0);
    await settled();
    fault = false;
    await expect(look()).rejects.toThrow('a fault in a plan');
    await settled();
    expect(await requests()).toHaveLength(1);
    expect(await look()).toBe(0);
  });

  test('because it is to stop is not begun, or ended', async () => {
    await put('subdomain_abuse');
    const { look, hang, state, lines } = runner(ALL, undefined, undefined, 1_000_000);
    expect(await look({ signal: AbortSignal.abort() })).toBe(0);
    expect([state.asked, state.turned]).toEqual([0, 0]);
    const stopping = new AbortController();
    hang();
    const looking = look({ signal: stopping.signal });
    await until(() => state.asked > 0);
    stopping.abort();
    expect(await looking).toBe(0);
    expect(lines).toMatchObject([['info', 'a playbook could not open a request', {}]]);
  });

  test('because the plan would be too large is left to people', async () => {
    const key = await put('subdomain_abuse');
    const many = Array.from({ length: 100 }, (_, i) => `_dmarc.${DOMAIN}. TXT "other ${i}"\n`);
    const { run, lines, state } = runner(ALL, `_dmarc.${DOMAIN}. TXT "v=DMARC1; p=none"\n${many.join('')}`);
    expect(await run()).toBe(0);
    const about = { finding: key, playbook: 'protect-subdomains', err: expect.stringContaining('100') };
    expect(lines).toEqual([['warn', 'a playbook could not open a request', about]]);
    const { asked } = state;
    expect(await run()).toBe(0);
    expect(state.asked).toBe(asked);
  });

  test('while its request is being opened it is not planned again', async () => {
    await put('subdomain_abuse');
    const { look, run, settled, state } = runner();
    state.silent = true;
    expect(await run()).toBe(0);
    state.silent = false;
    const lock = await t.db.connect();
    await lock.query('begin');
    await lock.query('lock table ruawatch.request_events');
    expect(await look()).toBe(0);
    const waits = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    await until(async () => (await t.db.query(waits)).rowCount === 1);
    const { asked } = state;
    expect(await look()).toBe(0);
    expect(state.asked).toBe(asked);
    await lock.query('commit');
    lock.release();
    await settled();
    expect(await requests()).toHaveLength(1);
  });

  test('because of a failure ends the turn with it', async () => {
    await put('new_source');
    const { run, lines } = runner();
    await t.db.query('alter table ruawatch.request_events rename to request_events_away');
    await expect(run()).rejects.toThrow(/request_events/);
    await t.db.query('alter table ruawatch.request_events_away rename to request_events');
    expect(lines).toEqual([]);
    expect(await run()).toBe(1);
  });
});

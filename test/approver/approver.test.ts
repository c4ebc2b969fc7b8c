import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApprover } from '../../services/approver/index.ts';
import type { Dns } from '../../services/dns/client/types.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { verifyAudit } from '../../services/store/requests/audit.ts';
import { decide } from '../../services/store/requests/decide.ts';
import { listRequests } from '../../services/store/requests/requests.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { ago, DOMAIN, REPORTERS, span } from '../analyzer/rows.ts';
import { until } from '../helpers/services.ts';
import { SILENT, zone } from '../requests/plans/zone.ts';
import { GROUPS } from '../requests/sample.ts';

let f: Fixture;
let service: Service | null = null;
beforeEach(async () => {
  f = await fixture();
  f.context.config.sweep = { every_seconds: 0.2, after_seconds: 1 };
});
afterEach(async () => {
  await service?.stop();
  service = null;
  await f.close();
});

const RULES = [{ name: 'rest', stages: [{ group: 'mail' }] }];
const start = (dns: Dns, rules: object[] = RULES) => {
  f.context.config.approvals = approvalsSchema.parse({ groups: GROUPS, rules });
  service = startApprover(f.context, { dns });
};
const requests = () => listRequests(f.t.db, { limit: 10 });
const forged = async () => {
  await f.put([
    ...span(41, 0, 'both', 1000, REPORTERS, { source: '192.0.2.0/24' }),
    ...span(6, 0, 'both', 300, REPORTERS, { source: 'mailer.example' }),
  ]);
  await f.analyze();
};
const ZONE = `_dmarc.${DOMAIN}. TXT "v=DMARC1; p=none; rua=mailto:a@${DOMAIN}"\n`;

describe('a finding with a playbook', () => {
  test('opens one request, which people decide, and is not asked about again', async () => {
    await forged();
    const { rows } = await f.t.db.query(
      "select finding_key, subject from ruawatch.findings where kind = 'new_source' and state = 'open'",
    );
    expect(rows.length).toBe(1);
    start(zone(ZONE));
    await until(async () => (await requests()).length > 0);
    const [request] = await requests();
    expect(request).toMatchObject({
      kind: 'sender.approve',
      state: 'pending',
      requester: 'new-sender',
      requester_kind: 'playbook',
      finding_key: rows[0].finding_key,
    });
    const { digest, request_key: key } = request!;
    await decide(
      f.t.db,
      key,
      { person: GROUPS.mail[0]!, decision: 'deny', why: 'not ours', digest, via: 'test' },
      f.context.clock.now(),
    );
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect((await requests()).map(({ state }) => state)).toEqual(['denied']);
    expect((await verifyAudit(f.t.db)).faults).toEqual([]);
  });

  test('is withdrawn when the finding is over', async () => {
    await forged();
    start(zone(ZONE));
    await until(async () => (await requests()).length > 0);
    await f.t.db.query("update ruawatch.findings set state = 'resolved', resolved_at = now()");
    await until(async () => (await requests())[0]!.state === 'withdrawn');
    expect((await requests())[0]!.outcome).toMatch(/The finding \d+ is over/);
  });

  test('of which nobody may decide waits, and the service goes on', async () => {
    await forged();
    start(zone(ZONE), [{ name: 'policy', when: { kinds: ['policy.step'] }, stages: [{ group: 'mail' }] }]);
    await until(async () => (await f.t.db.query('select from ruawatch.approver_groups')).rowCount === 5);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await requests()).toEqual([]);
    expect(service!.waitingFor()).toBeNull();
  });

  test('nothing opens without rules', async () => {
    await forged();
    start(zone(ZONE), []);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await requests()).toEqual([]);
  });
});

describe('subdomains that are forged', () => {
  const abuse = async () => {
    await f.put([...span(41, 0, 'both', 1000, REPORTERS, { source: '192.0.2.0/24' })]);
    await f.analyze();
    await f.t.db.query(
      `insert into ruawatch.findings (domain, kind, subject, severity, state, revision, confidence, summary, evidence, first_day, last_day, opened_at, changed_at)
       select $1, 'subdomain_abuse', 'subdomains', 'high', 'open', 1, 0.9, 'forged names', '{}', $2, $2, now(), now()`,
      [DOMAIN, ago(1)],
    );
  };

  test('the plan is the record with np=reject; a name server that is silent is asked again', async () => {
    await abuse();
    start(SILENT);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await requests()).toEqual([]);
    await service!.stop();
    start(zone(ZONE));
    await until(async () => (await requests()).some(({ kind }) => kind === 'dns.change'));
    const found = (await requests()).find(({ kind }) => kind === 'dns.change')!;
    expect(JSON.parse(found.plan).changes[0]).toMatchObject({
      name: `_dmarc.${DOMAIN}`,
      after: [{ text: `v=DMARC1; p=none; np=reject; rua=mailto:a@${DOMAIN}` }],
    });
  });
});

test('what has expired is ended by the service', async () => {
  start(zone(ZONE));
  await forged();
  await until(async () => (await requests()).length > 0);
  f.setNow(new Date(f.context.clock.now().getTime() + 73 * 3_600_000));
  await until(async () => (await requests())[0]!.state === 'expired');
});

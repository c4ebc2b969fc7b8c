import { expect, test } from 'vitest';
import { Random } from '../../demo/random.ts';
import { authenticate } from '../../services/parser/verify/authenticity.ts';
import { verdictFor } from '../../services/parser/verify/reporter.ts';
import { reporterOf } from '../../services/report/reporters/reporters.ts';
import type { Alarm } from '../../simulate/alarms.ts';
import { cameThrough, damageOf, type Ending } from '../../simulate/attacked.ts';
import { ATTACKS, type Attack, attackMails, planAttacks } from '../../simulate/attackers.ts';
import { Calendar } from '../../simulate/calendar.ts';
import { AUTHSERV_ID } from '../../simulate/mails.ts';
import { makeReporters } from '../../simulate/reporters.ts';
import { buildWorld } from '../../simulate/world.ts';

const DAYS = 60;
const world = buildWorld({ seed: 1, domains: 20, days: DAYS });
const attacks = planAttacks(world);
const settings = { check: 'verify' as const, authserv_ids: [AUTHSERV_ID] };
const noDns = { txt: (name: string) => Promise.reject(new Error(`asked for ${name}`)) };

test('every aim finds a domain that it fits, the same in every run', () => {
  expect(attacks.map(({ aim }) => aim).sort()).toEqual(Object.keys(ATTACKS).sort());
  expect(planAttacks(buildWorld({ seed: 1, domains: 20, days: DAYS }))).toEqual(attacks);
  expect(attacks.find(({ aim }) => aim === 'brothers')!.strangers).toHaveLength(5);
});

test('every stranger is proven for a domain of his own, and mails what his aim asks for', async () => {
  const calendar = new Calendar(DAYS);
  for (const attack of attacks) {
    const mails = await Promise.all(
      Array.from({ length: DAYS }, (_, day) => attackMails(attack, { world, day, calendar, root: new Random('traffic') })),
    );
    const all = mails.flat();
    expect(all.length, attack.aim).toBeGreaterThan(0);
    const proofs = await Promise.all(all.map(({ raw, received }) => authenticate(raw, received, settings, noDns)));
    const signers = new Set(proofs.map((proof) => (proof.state === 'authentic' ? proof.from : proof.state)));
    expect([...signers].sort(), attack.aim).toEqual([...attack.strangers].sort());
    const mail = proofs.at(-1)!;
    if (mail.state !== 'authentic') continue;
    const org_name = attack.aim === 'names' ? 'Google LLC.' : 'Harbour Mail';
    const { trust, reporter } = verdictFor(mail, { org_name, org_email: `dmarc-reports@${mail.from}` });
    expect({ trust, known: reporter.known }, attack.aim).toEqual({ trust: attack.aim === 'names' ? 'bad' : 'ok', known: false });
  }
});

test('the large reporters of the world are known, by the addresses they write from', () => {
  const { reporters } = makeReporters(new Random('reporters'), DAYS);
  const known = reporters.filter(
    ({ dialect: { org_name, org_email } }) =>
      reporterOf({ org_name, org_email }, org_email.slice(org_email.indexOf('@') + 1), org_email).known,
  );
  expect(known.map(({ dialect }) => dialect.org_name)).toEqual([
    'google.com',
    'Enterprise Outlook',
    'Yahoo',
    'GMX',
    'Mail.Ru',
    'Fastmail Pty Ltd',
  ]);
});

test('what differs from the world without attackers is what came through', () => {
  const attack: Attack = { id: 'a', aim: 'hide', domain: 'a.example', incident: null, from: 3, strangers: ['s.example'] };
  const alarm = (kind: string, tick = 9, domain = 'a.example'): Alarm => ({
    system: 'ruawatch',
    kind,
    domain,
    tick,
    key: `${kind} x`,
    names: null,
    notified: true,
    summary: 'told',
  });
  const found = (delay: number | null) => ({ type: 'spoofing', strength: 'x', bucket: 'strong' as const, delay, alarms: 1 });
  const ending = (alarms: Alarm[], delay: number | null, found_as: string, resolved: number | null = null): Ending => ({
    alarms,
    detections: new Map([
      ['a.example/spoofing/3', found(delay)],
      ['b.example/spoofing/3', found(delay)],
    ]),
    classes: new Map([
      ['a.example 192.0.2.0/24', found_as],
      ['b.example 192.0.2.0/24', found_as],
    ]),
    findings: new Map([['a.example unauthorized_source x', { severity: resolved === null ? 'high' : 'low', resolved }]]),
  });
  const without = ending([alarm('unauthorized_source')], 1, 'unauthorized');
  expect(
    cameThrough(
      damageOf(
        [attack],
        without,
        ending(
          [alarm('unauthorized_source'), alarm('unconfirmed_report'), alarm('policy_ready', 9, 'b.example')],
          2,
          'unauthorized',
        ),
      ),
    ),
  ).toBe(0);
  const [damage] = damageOf(
    [attack],
    without,
    ending([alarm('policy_ready'), alarm('unconfirmed_report')], null, 'authorized', 5),
  );
  expect(damage).toMatchObject({
    hidden: ['a.example/spoofing/3'],
    ended: ['a.example unauthorized_source x, day 5'],
    ready_won: 1,
    ready_lost: 0,
    classes: ['a.example 192.0.2.0/24: unauthorized → authorized'],
    raised: ['day 9 policy_ready: told', 'a.example unauthorized_source x: high → low'],
    marked: 1,
  });
  expect(cameThrough([damage!])).toBeGreaterThan(0);
});

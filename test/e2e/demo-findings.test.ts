import { afterEach, beforeEach, expect, test } from 'vitest';
import { FORGER } from '../../demo/incidents.ts';
import { type DemoMail, type DemoWorld, generateDemo } from '../../demo/world.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { transaction } from '../../services/shared/runtime/db.ts';
import { storeMails } from '../../services/store/messages/intake.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { arrivalOf } from '../helpers/arrival.ts';
import { draws, FULL } from '../helpers/full.ts';
import { trusting } from '../helpers/report.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

/** Stores and parses mails as poller and parser do, without a mailbox. */
async function deliver(mails: readonly DemoMail[]): Promise<void> {
  for (let i = 0; i < mails.length; i += 100) {
    const arrivals = mails.slice(i, i + 100).map(({ raw, received }) => arrivalOf(raw, received));
    const { stored } = await transaction(f.t.db, (tx) =>
      storeMails(tx, { mailbox: 'm', folder: null, uidValidity: null }, arrivals),
    );
    if (stored.length > 0) await parseMessages(f.t.db, stored, { trust: trusting('off') });
  }
}

const planted = (world: DemoWorld) => world.incidents.map((i) => `${i.domain} ${i.finding} ${i.since}`).sort();
/** What is for information is no incident; only the readiness of a domain is planted. */
const isIncident = ({ kind, severity }: { kind: string; severity: string }) => severity !== 'info' || kind === 'policy_ready';
const found = async (world: DemoWorld) => {
  const lists = await Promise.all(
    world.domains.map(async (domain) =>
      (await f.findings(domain)).filter(isIncident).map((x) => `${domain} ${x.kind} ${x.first_day}`),
    ),
  );
  return lists.flat().sort();
};

// A Sunday, a Wednesday and a Friday, so that the incidents fall on the weekend differently.
test.each(
  [
    [1, '2026-03-01'],
    [2, '2026-06-10'],
    [3, '2026-09-25'],
  ].slice(0, draws(3, 1)) as [number, string][],
)('seed %i, %s: six weeks judged at once show the four planted incidents and nothing else', async (seed, day) => {
  const today = new Date(`${day}T12:00:00Z`);
  const world = await generateDemo({ seed, today });
  await deliver(world.mails);
  f.setNow(today);
  for (const domain of world.domains) await f.analyze(domain);
  expect(await found(world)).toEqual(planted(world));
  for (const incident of world.incidents) {
    const finding = (await f.findings(incident.domain)).find((x) => x.kind === incident.finding)!;
    if (incident.finding !== 'policy_change') expect(finding.evidence.messages).toBe(incident.messages);
  }
  const { rows } = await f.t.db.query<{ source: string; class: string }>(
    'select source, class from dmarc.sources where domain = $1',
    ['kestrel-books.example'],
  );
  const classOf = new Map(rows.map((r) => [r.source, r.class]));
  expect(
    Object.fromEntries(
      ['lettercraft.example', 'groveport.example', 'alumni-forward.example', '192.0.2.0/24', '198.18.23.0/24'].map((s) => [
        s,
        classOf.get(s),
      ]),
    ),
  ).toEqual({
    'lettercraft.example': 'authorized',
    'groveport.example': 'forwarded',
    'alumni-forward.example': 'forwarded',
    '192.0.2.0/24': 'authorized',
    '198.18.23.0/24': 'unauthorized',
  });
});

test.each(
  [
    [7, '2026-03-01'],
    [8, '2026-06-10'],
    [9, '2026-09-26'],
  ].slice(0, draws(3, 1)) as [number, string][],
)('seed %i, %s: with the two further domains every kind is found once, and nothing else', async (seed, day) => {
  const today = new Date(`${day}T12:00:00Z`);
  const world = await generateDemo({ seed, today, more: true });
  // Nothing is verified here: the forged reports, which are told by that, are left to test/e2e/demo.test.ts.
  await deliver(world.mails.filter((mail) => !mail.raw.includes(FORGER)));
  f.setNow(today);
  for (const domain of world.domains) await f.analyze(domain);
  expect(await found(world)).toEqual(planted(world).filter((line) => !line.includes('forged_report')));
  const abuse = world.incidents.find(({ name }) => name === 'forged_subdomains')!;
  const finding = (await f.findings(abuse.domain)).find(({ kind }) => kind === 'subdomain_abuse')!;
  expect(finding.evidence).toMatchObject({ messages: abuse.messages, names_in_all: 5, policy: 'sp=none' });
});

const asTheyArrive = 'the same mails judged every six hours as they arrive: the same findings, and none that came and went';
// In .ci/run, the worlds of the simulator's tests are judged as their mails arrive.
if (FULL)
  test(asTheyArrive, async () => {
    const today = new Date('2026-06-10T12:00:00Z');
    const world = await generateDemo({ seed: 4, today });
    let i = 0;
    for (let at = world.mails[0]!.received.getTime(); i < world.mails.length; at += 6 * 3_600_000) {
      const next = world.mails.findIndex((mail, k) => k >= i && mail.received.getTime() > at);
      const batch = world.mails.slice(i, next < 0 ? undefined : next);
      i += batch.length;
      await deliver(batch);
      f.setNow(new Date(at));
      for (const domain of world.domains) await f.analyze(domain);
    }
    const kinds = (list: string[]) => list.map((line) => line.slice(0, -11));
    expect(kinds(await found(world))).toEqual(kinds(planted(world)));
    const events = (await Promise.all(world.domains.map((domain) => f.events(domain)))).flat();
    expect(events.filter((e) => e.event === 'opened' && e.notify)).toHaveLength(4);
  });

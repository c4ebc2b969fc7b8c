import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type DemoWorld, generateDemo } from '../../demo/world.ts';
import { DEMO_AUTHSERV_ID } from '../../demo/write.ts';
import { analyzeDomain } from '../../services/analyzer/analyze.ts';
import { startEnricher } from '../../services/enricher/index.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { verifyMessages } from '../../services/parser/verify/index.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import { Pace } from '../../services/shared/pace.ts';
import { transaction } from '../../services/shared/runtime/db.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { storeImports } from '../../services/store/messages/imports.ts';
import { type Arrival, storeMails } from '../../services/store/messages/intake.ts';
import { decide } from '../../services/store/requests/decide.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { saveProbe } from '../../services/store/sending/probes.ts';
import { putSender } from '../../services/store/sources/sender-list.ts';
import { startWatcher } from '../../services/watcher/index.ts';
import { leaves, recordsOf, xmlOf } from '../demo/unpack.ts';
import { dmarc, dnsOf } from '../dns/zone.ts';
import { testContext } from '../helpers/context.ts';
import type { TestDatabase } from '../helpers/database.ts';
import { DAY, trusting } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';
import { mailFrom, resolverOf, under } from '../parser/signed.ts';
import { planOf } from '../requests/sample.ts';

/** The day the documents are asked on: the demo's newest reports are of the day before. */
export const TODAY = '2026-06-10';
export const BOOKS = 'kestrel-books.example';
export const PAY = 'kestrel-pay.example';
/** The domain of the reports that are planted beside the demo's. */
export const LAB = 'kestrel-lab.example';

/** The domain of the forged reports. */
const DECOY = 'kestrel-decoy.example';

/** One record as its mail says it, read without the program's own readers. */
export interface TrueRecord {
  domain: string;
  day: string;
  reporter: string;
  source: string;
  ip: string;
  count: number;
  disposition: string;
  pass: boolean;
  dkim: boolean;
  spf: boolean;
  /** The reporter says that a forwarder or list passed it on. */
  forwarded: boolean;
  foreignDkim: boolean;
}

export interface Archive {
  world: DemoWorld;
  /** Every record of every distinct demo report. */
  records: TrueRecord[];
}

/**
 * Six weeks of demo mails in two mailboxes and the planted files beside them, read by the real parser, judged
 * by the real analyzer.
 */
export async function fillArchive(database: TestDatabase): Promise<Archive> {
  const { db } = database;
  const world = await generateDemo({ seed: 42, today: new Date(`${TODAY}T15:30:00Z`) });
  const keys: number[] = [];
  for (const domain of world.domains) {
    const mails = world.mails
      .filter((mail) => mail.domain === domain)
      .map((mail) => ({
        ...arrival(mail.raw, mail.received),
        raw: mail.raw,
      }));
    const place = { mailbox: `dmarc@${domain}`, folder: 'INBOX', uidValidity: 1 };
    const { stored } = await transaction(db, (tx) => storeMails(tx, place, mails));
    keys.push(...stored);
  }
  await parseMessages(db, keys, { trust: trusting('verify') });
  const files = plantedFiles().map(({ file, raw, received }) => ({ ...arrival(raw, new Date(received)), raw, file }));
  const imported = await transaction(db, (tx) => storeImports(tx, files));
  await parseMessages(
    db,
    imported.map((i) => i.message_key),
    { trust: trusting('verify') },
  );
  const context = testContext(database, { clock: { now: () => new Date(`${TODAY}T15:30:00Z`) } });
  context.config.trust = { check: 'authserv', authserv_ids: [DEMO_AUTHSERV_ID] };
  try {
    await verifyMessages(context, resolverOf(), keys);
    await nameAddresses(context);
    await watchRecords(context);
    for (const domain of [...world.domains, LAB]) await analyzeDomain(context, domain);
    // The truth that answers are held against is what all reporters saw; two of them are unlisted, and have
    // no say yet.
    await db.query('update ruawatch.domain_reporters set decides = true');
    await askForChanges(database);
  } finally {
    await context.queues.close();
  }
  return { world, records: await readBack(world) };
}

/**
 * Reports in the name of a reporter that are not its own, beside its own, on a domain of theirs; read,
 * verified and judged.
 */
export async function plantForged(database: TestDatabase): Promise<void> {
  const place = { mailbox: `dmarc@${DECOY}`, folder: 'INBOX', uidValidity: 1 };
  const { stored } = await transaction(database.db, (tx) => storeMails(tx, place, decoyMails()));
  await parseMessages(database.db, stored, { trust: trusting('verify') });
  const context = testContext(database, { clock: { now: () => new Date(`${TODAY}T15:30:00Z`) } });
  context.config.trust = { check: 'authserv', authserv_ids: [DEMO_AUTHSERV_ID] };
  try {
    await verifyMessages(context, resolverOf(), stored);
    await analyzeDomain(context, DECOY);
    const word = { by: 'Ada', why: 'nobody may' };
    await putSender(
      database.db,
      { domain: DECOY, source: 'gone.example', service: null },
      { verdict: 'denied', word, until: null },
      context.clock.now(),
    );
  } finally {
    await context.queues.close();
  }
}

/** A request that one of two people has approved, a denied one, and what a change leaves behind. */
async function askForChanges({ db }: TestDatabase): Promise<void> {
  const [ada, ben] = ['ada@example.com', 'ben@example.com'];
  await syncGroups(db, { groups: { mail: [ada, ben] }, deputies: [] });
  const { rules } = approvalsSchema.parse({
    groups: { mail: [ada, ben] },
    rules: [{ name: 'two', stages: [{ group: 'mail', need: 2 }] }],
  });
  const given = {
    plan: planOf({ domain: BOOKS }),
    requester: 'zoe@example.com',
    requester_kind: 'person' as const,
    why: 'wanted',
  };
  for (const decision of ['approve', 'deny'] as const) {
    const key = (await openRequest(db, rules, given))!;
    const { digest } = await loadRequest(db, key);
    await decide(db, key, { person: ada, decision, why: 'looked at', digest, via: 'test' });
    await db.query(
      `insert into ruawatch.changes (request_key, position, forward, target, name, before, after, state, intended_at)
       values ($1, 0, true, 'senders', 'mailer.example', '[]', '[]', 'intended', now())`,
      [key],
    );
    await db.query(
      `insert into ruawatch.grants (request_key, kind, domain, holder, holder_kind, groups, server, name, scope, seconds)
       values ($1, 'access.database', $2, 'ada@example.com', 'person', '{}', 'main', 'ruawatch_lent_' || md5(random()::text), '{"group": "readers"}', 60)`,
      [key, BOOKS],
    );
    await db.query(
      `with asked as (insert into ruawatch.lent_updates (grant_key, mac, client, received_at)
                      select grant_key, '\\x00', 'x', now() from ruawatch.grants where request_key = $1 returning update_key)
       select from asked`,
      [key],
    );
    await db.query(
      `insert into ruawatch.onboardings (request_key, domain, source, is_service, owner, contract_ends) values ($1, $2, 'x', false, 'x', now())`,
      [key, BOOKS],
    );
    await db.query(
      `insert into ruawatch.sending_days (cluster, environment, workload, domain, selector, day, sent, signed)
       values ('a', 'production', 'shop', $1, 's1', now(), 1, 1) on conflict do nothing`,
      [BOOKS],
    );
    await db.query(
      `insert into ruawatch.held_messages (request_key, held_at, kept_in, queue_ids, identity, domain, envelope_from, recipients, peer_ip, results, rule,
              reason, size, sha256, attachments)
       values ($1, now(), 'postfix', '{}', md5(random()::text), $2, '', '{ada@example.com}', '192.0.2.1', '{"spf": {"result": "none"}, "dmarc": {"result": "none"}}',
               'own-domain', 'own_domain', 1, 'x', '[]')`,
      [key, BOOKS],
    );
    await db.query(
      `insert into ruawatch.stray_rights values ('access.database', 'main', 'ruawatch_lent_x_0_y', now(), 'The server main answers: no.')
         on conflict do nothing`,
    );
    await db.query(
      `insert into ruawatch.milter_unjudged (at, outcome, why, envelope_from) values (now(), 'accept', 'The store did not answer.', '')`,
    );
    await saveProbe(db, {
      environment: 'staging',
      began_at: new Date(),
      ended_at: new Date(),
      missing: [],
      mails: [
        {
          seen_at: new Date(),
          environment: 'staging',
          workload: 'shop',
          known_by: 'address',
          header_from: BOOKS,
          envelope_from: BOOKS,
          source: '192.0.2.1',
          signatures: [],
          spf_result: 'pass',
          dkim_aligned: false,
          spf_aligned: true,
          dmarc: 'pass',
          under_reject: 'delivered',
          codes: ['probe_unsigned'],
        },
      ],
    });
    await db.query(
      `insert into ruawatch.egress_records (name, domain, checked_at) values ($1, $1, now()) on conflict do nothing`,
      [BOOKS],
    );
    await db.query(
      `insert into ruawatch.egress_addresses (environment, egress, address, since) values ('production', 'nodes', '192.0.2.1', now())
       on conflict do nothing`,
    );
    await db.query(
      `with source as (insert into ruawatch.log_sources (name) values ('archive') on conflict (name) do update set name = excluded.name returning source_id)
       insert into ruawatch.sent_messages (source_id, cluster, environment, workload, host, queue_id, started_at, last_at, judged_at, direction,
                                           header_domain, draft, line_hashes)
       select source_id, 'a', 'production', 'shop', 'mx1', 'A1', now(), now(), now(), 'out', $1, '{}', '{}' from source`,
      [BOOKS],
    );
    await db.query(
      `insert into ruawatch.rotations (domain, step, asked_by, why, started_at, stepped_at) values ($1, 'done', 'approver', 'x', now(), now())`,
      [BOOKS],
    );
  }
}

/** The watcher's work, with a name server that has one record. */
async function watchRecords(context: Context): Promise<void> {
  const dns = dnsOf({ '_dmarc.example': dmarc('v=DMARC1; p=none') });
  const watcher = startWatcher(context, { dns });
  await until(async () => (await context.db.query('select from dmarc.dns_records')).rowCount! > 0);
  await watcher.stop();
  // The domain of the archive is a public suffix, which nothing looks like.
  await context.db.query(
    `insert into ruawatch.lookalikes (domain, name, shown, kind, rank, due_at, asked_at, answered_at, registered, baseline, first_seen)
     values ('example', 'examp1e', 'examp1e', 'homoglyph', 0.5, now(), now(), now(), true, true, now())`,
  );
  // One analysis gives every source its first class.
  await context.db.query(
    `insert into ruawatch.class_changes (domain, source, at, was, class, why)
     values ('example', '192.0.2.0/24', now(), 'unknown', 'authorized', 'It passes.')`,
  );
}

/** The enricher's work, with a name server that knows nobody. */
async function nameAddresses(context: Context): Promise<void> {
  const nobody = { pointers: async () => [], addresses: async () => [], cancel: () => undefined };
  const enricher = startEnricher(context, { resolver: nobody, pace: new Pace(1_000_000) });
  await until(async () => {
    const { rows } = await context.db.query(
      `select count(*) as n, count(looked_up_at) as answered, (select max(report_key) from ruawatch.reports) as newest,
              (select scanned_key from ruawatch.enrichment) as named, (select scanned_key from ruawatch.domain_scan) as seen
         from ruawatch.addresses`,
    );
    // Both scans, which are loops of their own: views join domains that only the second one notes.
    const { n, answered, newest, named, seen } = rows[0];
    return named === newest && seen === newest && n > 0 && n === answered;
  });
  await enricher.stop();
}

function arrival(raw: Buffer, receivedAt: Date): Arrival {
  const sha256 = createHash('sha256').update(raw).digest();
  return { uid: null, receivedAt, sender: null, subject: null, messageId: null, size: raw.length, sha256 };
}

async function readBack(world: DemoWorld): Promise<TrueRecord[]> {
  const seen = new Set<string>();
  const records: TrueRecord[] = [];
  for (const { raw } of world.mails) {
    const xml = await xmlOf(raw);
    if (seen.has(xml)) continue;
    seen.add(xml);
    const head = new Map(leaves(xml).map(({ path, text }) => [path, text]));
    const domain = head.get('policy_published/domain')!;
    for (const record of recordsOf(xml)) {
      const spfDomain = record.get('auth_results/spf/domain')!;
      const foreignSpf = record.get('auth_results/spf/result') === 'pass' && spfDomain !== domain;
      const dkimDomain = record.get('auth_results/dkim/domain') ?? domain;
      const foreignDkim = record.get('auth_results/dkim/result') === 'pass' && dkimDomain !== domain;
      const ip = record.get('row/source_ip')!;
      const reason = `${record.get('row/policy_evaluated/reason/type')} ${record.get('row/policy_evaluated/reason/comment')}`;
      const dkim = record.get('row/policy_evaluated/dkim') === 'pass';
      const spf = record.get('row/policy_evaluated/spf') === 'pass';
      records.push({
        domain,
        day: new Date(Number(head.get('report_metadata/date_range/begin')) * 1000).toISOString().slice(0, 10),
        reporter: head.get('report_metadata/org_name')!.toLowerCase(),
        // Two labels make every organizational domain of the demo.
        source: foreignDkim
          ? dkimDomain.split('.').slice(-2).join('.')
          : foreignSpf
            ? spfDomain.split('.').slice(-2).join('.')
            : network(ip),
        ip,
        count: Number(record.get('row/count')),
        disposition: record.get('row/policy_evaluated/disposition')!,
        pass: dkim || spf,
        dkim,
        spf,
        forwarded: /^(forwarded|mailing_list) |arc=pass/.test(reason),
        foreignDkim,
      });
    }
  }
  return records;
}

/** IPv4 /24, IPv6 /48; the demo's addresses have three groups before anything is left out. */
function network(ip: string): string {
  return ip.includes(':') ? `${ip.split(':').slice(0, 3).join(':')}::/48` : `${ip.split('.').slice(0, 3).join('.')}.0/24`;
}

/** Messages a reporter saw from the lab's own server, on each of eight days before it fell silent. */
export const STEADY = { reporter: 'Tern Mail', count: 5, first: '2026-05-13', last: '2026-05-20' } as const;
/** A report whose reporter judged wrongly, of mail from a subdomain. */
export const WRONG = { header_from: 'Shop.Kestrel-Lab.example', count: 7, day: '2026-06-02' } as const;
/** A report that came with other numbers first. */
export const CORRECTED = { before: 40, now: 44, day: '2026-06-03' } as const;

interface PlantedFile {
  file: string;
  received: string;
  raw: Buffer;
}

/**
 * A reporter's own reports of three days, and two of them again with other numbers, of which one was sent by
 * another domain.
 */
function decoyMails(): (Arrival & { raw: Buffer })[] {
  const begin = Date.parse('2026-06-01T00:00:00Z') / 1000;
  const mail = (i: number, count: number, from: string, id = `decoy-${i}`) => {
    const report = { domain: DECOY, id, begin: begin + i * DAY, rows: [{ count }] };
    const field = `Authentication-Results: ${DEMO_AUTHSERV_ID}; dmarc=${from === 'nobody.example' ? 'fail' : 'pass'} header.from=${from}`;
    const raw = under([field], mailFrom(from, report));
    return { ...arrival(raw, new Date((begin + (i + 1) * DAY + 3600 + count) * 1000)), raw };
  };
  return [
    ...[0, 1, 2].map((i) => mail(i, 10, 'reporter.example')),
    mail(1, 900, 'nobody.example'),
    mail(2, 800, 'strange.example', 'decoy-strange'),
  ];
}

/** What the demo has none of: see the names. */
function plantedFiles(): PlantedFile[] {
  const steady = Array.from({ length: 8 }, (_, i) => {
    const day = `2026-05-${13 + i}`;
    return {
      file: `steady-${i}.xml`,
      received: `${day}T23:59:59Z`,
      raw: labReport(STEADY.reporter, `steady-${i}`, day, [{ count: STEADY.count }]),
    };
  });
  const wrong = labReport('Plover Mail', 'wrong', WRONG.day, [
    { count: WRONG.count, header_from: WRONG.header_from, dkim: 'fail', spf: 'fail' },
  ]);
  return [
    ...steady,
    { file: 'wrong.xml', received: `${WRONG.day}T23:59:59Z`, raw: wrong },
    { file: 'wrong-again.xml.gz', received: `${WRONG.day}T23:59:59Z`, raw: gzipSync(wrong) },
    {
      file: 'corrected-1.xml',
      received: '2026-06-04T08:00:00Z',
      raw: labReport('Plover Mail', 'corrected', CORRECTED.day, [{ count: CORRECTED.before }]),
    },
    {
      file: 'corrected-2.xml',
      received: '2026-06-05T08:00:00Z',
      raw: labReport('Plover Mail', 'corrected', CORRECTED.day, [{ count: CORRECTED.now }]),
    },
    {
      file: 'doctype.xml',
      received: '2026-06-06T08:00:00Z',
      raw: Buffer.from(`<?xml version="1.0"?><!DOCTYPE feedback [<!ENTITY a "b">]><feedback/>`),
    },
    { file: 'anonymous.xml', received: '2026-06-07T08:00:00Z', raw: Buffer.from('<feedback><version>1.0</version></feedback>') },
    { file: 'nameless.xml', received: '2026-06-08T08:00:00Z', raw: Buffer.from('<feedback><report_metadata/></feedback>') },
    {
      file: 'tls-before-its-correction.json',
      received: '2026-06-08T08:20:00Z',
      raw: Buffer.from(
        readFileSync(new URL('../fixtures/tlsrpt/rfc8460-example.json', import.meta.url), 'utf8').replace('5326', '5325'),
      ),
    },
    ...['tlsrpt/rfc8460-example.json', 'failure/all-fields.eml'].map((file) => ({
      file,
      received: '2026-06-08T08:30:00Z',
      raw: readFileSync(new URL(`../fixtures/${file}`, import.meta.url)),
    })),
    {
      file: 'holiday.eml',
      received: '2026-06-08T09:00:00Z',
      raw: Buffer.from('From: a@kestrel-lab.example\r\nSubject: Holiday\r\n\r\nBack on Monday.\r\n'),
    },
  ];
}

interface LabRow {
  count: number;
  header_from?: string;
  dkim?: string;
  spf?: string;
}

/**
 * A report of a reporter nobody has heard of, on mail that is signed for the lab and sent from its server.
 */
function labReport(reporter: string, id: string, day: string, rows: readonly LabRow[]): Buffer {
  const begin = Date.parse(`${day}T00:00:00Z`) / 1000;
  const records = rows.map(
    ({
      count,
      header_from = LAB,
      dkim = 'pass',
      spf = 'pass',
    }) => `<record><row><source_ip>192.0.2.99</source_ip><count>${count}</count>
<policy_evaluated><disposition>none</disposition><dkim>${dkim}</dkim><spf>${spf}</spf></policy_evaluated></row>
<identifiers><header_from>${header_from}</header_from></identifiers>
<auth_results><dkim><domain>${LAB}</domain><selector>s</selector><result>pass</result></dkim>
<spf><domain>${LAB}</domain><result>pass</result></spf></auth_results></record>`,
  );
  return Buffer.from(`<?xml version="1.0"?><feedback><report_metadata><org_name>${reporter}</org_name>
<email>dmarc@${reporter.split(' ')[0]!.toLowerCase()}.example</email><report_id>${id}</report_id>
<date_range><begin>${begin}</begin><end>${begin + 86_399}</end></date_range></report_metadata>
<policy_published><domain>${LAB}</domain><p>none</p></policy_published>
${records.join('\n')}</feedback>`);
}

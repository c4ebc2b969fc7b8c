import { createHash } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import type { AuthResult, RecordFacts } from '../../bench/seventh/facts.ts';
import { RECEIVERS } from '../../bench/seventh/receivers.ts';
import { type SeventhMail, seventhLoad } from '../../bench/seventh.ts';
import { readMessage } from '../../services/report/read-mail.ts';

const MAILS = 80;

interface Read {
  org: string;
  head: object;
  policy: object;
  records: object[];
  problems: unknown[];
}

const mails: { meant: SeventhMail; read: Read[] }[] = [];

beforeAll(async () => {
  for await (const meant of seventhLoad({ seed: 7, mails: MAILS })) mails.push({ meant, read: await reading(meant.raw) });
});

async function reading(raw: Buffer): Promise<Read[]> {
  const reports: Read[] = [];
  const records: object[] = [];
  const problems: unknown[] = [];
  for await (const event of readMessage(raw)) {
    if (event.type === 'records') records.push(...event.records.map((record) => ofRecord(record as RecordFacts)));
    else if (event.type === 'report' && event.report.kind === 'aggregate') {
      const { org_name, org_email, report_id, begin, end, policy } = event.report;
      problems.push(...event.report.problems);
      const head = { org_email, report_id, begin: Number(begin), end: Number(end) };
      reports.push({ org: org_name!, head, policy: given(policy), records, problems });
    } else problems.push(event);
  }
  return reports;
}

const given = (object: object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
/** A name as A-labels: receivers and reader may differ in how they write the same one. */
const name = (domain: string | null) => (domain === null ? null : domainToASCII(domain));
const ip = (address: string) => (address.includes(':') ? new URL(`http://[${address}]/`).hostname : address);

/** What is compared of a record, all of it that the generator draws. */
function ofRecord({ auth, ...record }: RecordFacts): object {
  const result = ({ domain, selector, scope, result, human_result }: AuthResult) =>
    given({ domain: name(domain), selector: selector ?? null, scope: scope ?? null, result, human_result });
  return {
    source_ip: ip(record.source_ip),
    count: record.count,
    evaluated: [record.disposition, record.dkim, record.spf],
    reasons: record.reasons,
    identifiers: [record.header_from, record.envelope_from, record.envelope_to].map(name),
    dkim: auth.dkim.map(result),
    spf: auth.spf.map(result),
  };
}

async function digest(seed: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const { raw } of seventhLoad({ seed, mails: 16 })) hash.update(raw);
  return hash.digest('hex');
}

test('the seventh load is the same for a seed and another for another', async () => {
  expect(await digest(3)).toBe(await digest(3));
  expect(await digest(3)).not.toBe(await digest(4));
});

test('every receiver of the seventh load writes, and none has an id twice for one domain', () => {
  expect(new Set(mails.map(({ meant }) => meant.receiver.org))).toEqual(new Set(RECEIVERS.map(({ org }) => org)));
  const ids = mails.map(({ meant }) => `${meant.receiver.org} ${meant.domain} ${meant.report.report_id}`);
  expect(new Set(ids).size).toBe(MAILS);
});

test('a mail of the seventh load is one report, with every value of every record as it was meant', () => {
  for (const { meant, read } of mails) {
    const { report, receiver } = meant;
    expect(read).toMatchObject([{ org: receiver.org, policy: report.policy, records: report.records.map(ofRecord) }]);
    expect(read[0]!.records).toHaveLength(meant.records);
  }
});

const headOf = ({ receiver, report: { report_id, begin, end } }: SeventhMail) => ({
  org_email: receiver.email,
  report_id,
  begin,
  end,
});

test('a report of the seventh load is read without a problem, with its period and its sender', () => {
  for (const { meant, read } of mails) {
    expect(read).toMatchObject([{ head: headOf(meant), problems: [] }]);
  }
});

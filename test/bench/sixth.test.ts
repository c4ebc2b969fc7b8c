import { createHash } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { RECEIVERS } from '../../bench/sixth/receivers.ts';
import { sixthLoad } from '../../bench/sixth.ts';
import { readMessage } from '../../services/report/read-mail.ts';

const MAILS = 70;

interface Counts {
  domain: string | null;
  reports: number;
  records: number;
  messages: number;
  problems: unknown[];
}

const mails: { org: string; id: string; written: Counts; read: Counts }[] = [];

beforeAll(async () => {
  for await (const { raw, domain, records, messages } of sixthLoad({ seed: 7, mails: MAILS })) {
    const read: Counts = { domain: null, reports: 0, records: 0, messages: 0, problems: [] };
    const mail = { org: '', id: '', written: { domain, reports: 1, records, messages, problems: [] }, read };
    for await (const event of readMessage(raw)) {
      if (event.type === 'records') {
        read.records += event.records.length;
        for (const { count } of event.records) read.messages += count;
      } else if (event.type === 'report' && event.report.kind === 'aggregate') {
        const { org_name, report_id, problems } = event.report;
        read.reports += 1;
        read.domain = event.report.domain;
        read.problems.push(...problems);
        Object.assign(mail, { org: org_name, id: report_id });
      } else read.problems.push(event);
    }
    mails.push(mail);
  }
});

async function digest(seed: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const { raw } of sixthLoad({ seed, mails: 14 })) hash.update(raw);
  return hash.digest('hex');
}

test('the sixth load is the same for a seed and another for another', async () => {
  expect(await digest(3)).toBe(await digest(3));
  expect(await digest(3)).not.toBe(await digest(4));
});

test('every receiver of the sixth load writes, and none has an id twice for one domain', () => {
  expect(new Set(mails.map(({ org }) => org))).toEqual(new Set(RECEIVERS.map(({ org }) => org)));
  expect(new Set(mails.map(({ org, id, written }) => `${org} ${written.domain} ${id}`)).size).toBe(MAILS);
});

test('a mail of the sixth load is read whole: one report, its records and messages, and no problem', () => {
  expect(mails.map(({ read }) => read)).toEqual(mails.map(({ written }) => written));
});

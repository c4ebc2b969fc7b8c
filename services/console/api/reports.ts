import { z } from 'zod';
import { rowOf } from '../../store/console/api-lists.ts';
import { messageRow, reportRecordRow, reportRow, wholeReport } from '../../store/console/api-rows.ts';
import { dayOrMoment } from '../given.ts';
import type { AnyRoute } from '../routes.ts';
import { answerList, LISTS } from './lists.ts';
import { domainName, key, pageOfItems, paging, yesNo } from './parameters.ts';
import { apiRoute, missing } from './route.ts';

const list = apiRoute({
  method: 'GET',
  path: '/reports',
  id: 'listReports',
  summary: 'Aggregate reports, the newest first.',
  token: 'read',
  scope: 'filtered',
  query: paging.extend({
    domain: domainName.optional(),
    reporter: z.string().min(1).max(253).optional(),
    trust: z.enum(['ok', 'pending', 'bad']).optional(),
    salvaged: yesNo.optional(),
    begin_since: dayOrMoment.optional(),
  }),
  answer: pageOfItems(reportRow),
  handle: ({ reader, query }) => answerList(reader, LISTS.reports, query),
});

const one = apiRoute({
  method: 'GET',
  path: '/reports/:key',
  id: 'getReport',
  summary: 'A report: policy, trust, and what was unusual about it.',
  token: 'read',
  scope: 'object',
  params: key,
  answer: wholeReport,
  handle: async ({ reader, params }) =>
    (await rowOf(reader, { view: 'reports', row: wholeReport, where: 'report_key' }, params.key)) ?? missing('no_report'),
});

const records = apiRoute({
  method: 'GET',
  path: '/reports/:key/records',
  id: 'listReportRecords',
  summary: 'The records of a report, in their order.',
  token: 'read',
  scope: 'object',
  params: key,
  query: paging,
  answer: pageOfItems(reportRecordRow),
  async handle({ reader, params, query }) {
    const report = await rowOf<{ begin_at: Date }>(reader, { view: 'reports', row: BEGIN, where: 'report_key' }, params.key);
    if (report === null) return missing('no_report');
    return answerList(reader, LISTS.report_records, { ...query, report_key: params.key, begin_at: report.begin_at });
  },
});

/** The month of a report's records is that of its begin. */
const BEGIN = z.object({ begin_at: z.iso.datetime() });

const quarantine = apiRoute({
  method: 'GET',
  path: '/quarantine',
  id: 'listQuarantine',
  summary: 'Mails that could not be read or written, the newest first.',
  token: 'read',
  scope: 'installation',
  query: paging,
  answer: pageOfItems(messageRow),
  handle: ({ reader, query }) => answerList(reader, LISTS.quarantine, { ...query, states: ['quarantined', 'failed'] }),
});

export const REPORT_API: AnyRoute[] = [list, one, records, quarantine];

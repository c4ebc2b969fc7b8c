import { afterEach, expect, test } from 'vitest';
import { openReaders, type Readers } from '../../../services/parser/reading/pool.ts';
import { reportMail, reportXml } from '../../helpers/report.ts';

const PARSER = { isolate: true, concurrency: 1, time_budget_seconds: 60, memory_budget_mb: 32 };
/** Nothing but the memory of the thread bounds the records that come before what they are judged by. */
const LIMITS = { ratio: 1e9, heldRecords: 1e9, heldBytes: 1e12 };

let readers: Readers;
afterEach(() => readers.close());

/** A report whose policy comes behind so many records that holding them back takes more than the budget. */
function hungry(): Buffer {
  const xml = reportXml();
  const record = /<record>.*<\/record>/.exec(xml)![0];
  return reportMail(xml.replace(/(<feedback>)(.*)(?=<record>)/, (_, open, head) => `${open}${record.repeat(100_000)}${head}`));
}

/** What is told of each mail: its report's id, or a code. */
async function read(raws: readonly Buffer[]): Promise<string[]> {
  let key = 0;
  const told: string[] = [];
  for await (const result of readers.small(raws, async () => [++key])) {
    if (result === 'large') told.push(result);
    else if ('problem' in result) told.push(result.problem.code);
    else
      told.push(
        ...[...result.refused, ...result.other].map(({ code }) => code),
        ...result.reports.map((r) => r.report.report_id),
      );
  }
  return told;
}

test('a thread that is stopped over a mail takes nothing along of those it has read already', async () => {
  readers = openReaders({ parser: PARSER as never, limits: LIMITS as never });
  const mail = (id: string) => reportMail(reportXml({ id }));
  const mails = [mail('a'), mail('b'), hungry(), mail('c'), hungry(), mail('d')];
  expect(await read(mails)).toEqual(['a', 'b', 'memory_budget', 'c', 'memory_budget', 'd']);
});

test('whoever waits for a thread gets the one that is given back', async () => {
  readers = openReaders({ parser: PARSER as never, limits: LIMITS as never });
  const ids = ['a', 'b', 'c', 'd'];
  const all = await Promise.all(ids.map((id) => read([reportMail(reportXml({ id }))])));
  expect(all).toEqual(ids.map((id) => [id]));
});

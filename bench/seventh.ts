import { Random } from '../demo/random.ts';
import { type LoadMail, reportSizes } from './load.ts';
import { domainOf, drawReport, type ReportFacts } from './seventh/facts.ts';
import type { Receiver } from './seventh/mail.ts';
import { writeMail } from './seventh/mail.ts';
import { RECEIVERS } from './seventh/receivers.ts';
import { writeXml } from './seventh/xml.ts';

/** A mail of the seventh load, and what its author meant by it. */
export interface SeventhMail extends LoadMail {
  receiver: Receiver;
  report: ReportFacts;
}

/**
 * A day of mail in which every receiver reports on every domain: `mails` mails, of the same sizes as the
 * other loads'. The same options give the same bytes.
 */
export async function* seventhLoad(options: { seed: number; mails: number }): AsyncGenerator<SeventhMail> {
  const root = new Random(`seventh/${options.seed}`);
  const sizes = reportSizes(options.mails, root.fork('sizes'));
  for (const [i, records] of sizes.entries()) {
    const random = root.fork(String(i));
    const receiver = RECEIVERS[i % RECEIVERS.length]!;
    const domain = domainOf(Math.floor(i / RECEIVERS.length));
    const report = drawReport(receiver.habits, domain, { records, random: random.fork('facts') });
    const xml = writeXml(receiver, report, random.fork('xml'));
    const raw = await writeMail(receiver, report, { xml, random: random.fork('mail') });
    const messages = report.records.reduce((sum, { count }) => sum + count, 0);
    yield { raw, domain, records, messages, receiver, report };
  }
}

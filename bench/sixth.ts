import { Random } from '../demo/random.ts';
import { LOAD_DAY, type LoadMail, reportSizes } from './load.ts';
import { writeMail } from './sixth/mail.ts';
import { RECEIVERS } from './sixth/receivers.ts';
import { writeReport } from './sixth/report.ts';

/**
 * A day of report mails that the reader's author has not seen: `mails` mails with one whole report each, for
 * one domain in every five, from fourteen invented receivers in dialects of their own, with what the RFCs
 * leave open drawn for each record. The same options give the same bytes.
 */
export async function* sixthLoad(options: { seed: number; mails: number }): AsyncGenerator<LoadMail> {
  const root = new Random(`sixth/${options.seed}`);
  const sizes = reportSizes(options.mails, root.fork('sizes'));
  // Which receiver comes first is drawn; after that they take their places by number, so none writes twice
  // for one domain.
  const order = root.fork('order').shuffle(RECEIVERS);
  for (const [i, records] of sizes.entries()) {
    const random = root.fork(String(i));
    const receiver = order[i % order.length]!;
    const domain = `customer-${1 + Math.floor(i / 5)}.example`;
    const period = { begin: LOAD_DAY + receiver.range[0], end: LOAD_DAY + receiver.range[1] };
    const id = receiver.id(random, i);
    const { xml, messages } = writeReport(receiver, { domain, id, period, records }, random.fork('report'));
    const sent = new Date((period.end + random.int(600, 36_000)) * 1000);
    const raw = await writeMail(receiver, { domain, id, period, xml, sent }, random.fork('mail'));
    yield { raw, domain, records, messages };
  }
}

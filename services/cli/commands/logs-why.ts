import { messageVerdicts } from '../../dns/message-verdicts.ts';
import { type MessageFacts, whyWords } from '../../findings/sentences/why-mail-failed.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import { messagesOf } from '../../store/sending/why-mail-failed.ts';
import { withDatabase } from '../open.ts';
import { moment, type Terminal } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

const EVERYTHING = { all: true, domains: [] };

/**
 * `logs why ID`: what log, key, SPF and reports show of the mails with a Message-ID or queue id.
 * @returns 1 when no log has it
 */
export async function runLogsWhy(config: Config, id: string, options: { json?: boolean }, out: Terminal['out']): Promise<number> {
  let found = 0;
  await withDatabase(config, async (db) => {
    const mails = await messagesOf({ db, scope: EVERYTHING }, id);
    found = mails.length;
    if (mails.length === 0 && !options.json)
      out(
        escaped(
          `No log has a message ${id}: messages are joined two minutes after their last line, and kept for collector.keep_messages_days.`,
        ),
      );
    for (const [n, mail] of mails.entries()) {
      const reasons = whyWords(mail, await messageVerdicts(mail, organizationalDomain));
      if (options.json) {
        out(jsonText({ ...mail, reasons }));
        continue;
      }
      if (n > 0) out('');
      print(mail, out);
      for (const { wrong, says } of reasons) out(escaped(`${wrong ? '!' : '-'} ${says}`));
      if (mail.around.length === 0) continue;
      out('');
      out(table(['around that time', '', '', 'about', ''], around(mail), { widths: [16, 9, 10, 50, 100] }));
    }
  });
  return found === 0 ? 1 : 0;
}

function around(mail: MessageFacts): string[][] {
  return mail.around.map(({ at, what, event, subject, summary }) => [moment(at), what, event, subject, summary ?? '']);
}

function print({ hops, domain }: MessageFacts, out: Terminal['out']): void {
  const [first] = hops as [MessageFacts['hops'][number]];
  const where = [first.cluster, first.environment, first.workload].filter(Boolean).join('/');
  out(
    escaped(
      `Message ${first.message_id ?? first.queue_id} as ${domain || 'nobody (a bounce, or its sender was not logged)'}${where === '' ? '' : `, by ${where}`}`,
    ),
  );
  out(
    table(
      ['at', 'host', 'queue id', 'way', 'from', 'signed with', 'deliveries'],
      hops.map((hop) => [
        moment(hop.started_at),
        hop.host,
        hop.queue_id,
        hop.direction,
        hop.client_name ?? hop.client_ip ?? '',
        hop.signatures.map(({ selector, domain: d }) => `${selector}._domainkey.${d}`).join(', '),
        hop.recipients.map((one) => `${one.domain}: ${one.status}${one.dsn === null ? '' : ` ${one.dsn}`}`).join(', '),
      ]),
      { widths: [16, 20, 20, 8, 30, 40, 60] },
    ),
  );
}

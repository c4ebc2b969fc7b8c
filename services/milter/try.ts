import { ownDomains } from '../report/hostname.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import type { Context } from '../shared/runtime/service.ts';
import { StoredNames } from './knowledge.ts';
import { Memory } from './memory.ts';
import { messageOf } from './message.ts';
import { resultsField } from './results-field.ts';
import type { Arrival, Screening } from './screen.ts';
import { screenMail } from './screen.ts';

/** What the milter would do with a mail, and what it would write into it. */
export interface Tried extends Screening {
  /** The value of Authentication-Results, unfolded. */
  authentication_results: string;
  source: string | null;
}

/** Judges a mail in a file as if it arrived now. Nothing is held, noted or sent. */
export async function tryMail(
  { config, db, clock }: Pick<Context, 'config' | 'db' | 'clock'>,
  file: Buffer,
  envelope: { ip: string; helo: string; mailFrom: string },
): Promise<Tried> {
  const stored = new StoredNames(db, config.milter.people);
  const dns = openDns(config.dnsServers);
  const arrival: Arrival = {
    message: messageOf(file, new Memory()).end(),
    ip: envelope.ip,
    peer_name: null,
    helo: envelope.helo,
    mail_from: envelope.mailFrom,
    recipients: [],
    queue_id: null,
    at: clock.now(),
  };
  const means = {
    settings: config.milter,
    dns: { own: dns, others: dns },
    // Those of the settings are own from the first start on, which need not have been yet.
    own: async () => {
      const known = await stored.own();
      const { names } = ownDomains(config.domains);
      return { ...known, own: [...new Set([...known.own, ...names])] };
    },
    about: (asked: Parameters<StoredNames['about']>[0]) => stored.about(asked, clock.now()),
  };
  const judged = await screenMail(arrival, means);
  const results = judged.results!;
  return {
    ...judged,
    authentication_results: resultsField(config.milter.authservId || 'localhost', results)
      .replace(/\n/g, '')
      .trim(),
    source: results.source,
  };
}

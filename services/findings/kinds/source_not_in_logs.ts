import { z } from 'zod';
import { counted, list, number, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('source_not_in_logs'),
  address: z.string(),
  /** The own network that it is part of, and the log sources that send through it. */
  network: z.string(),
  log_sources: z.array(z.string()),
  /** The days compared, all of them complete in the logs. */
  days: z.array(z.string()),
  /**
   * Messages to the outside that these logs show around those days, whatever the domain where no log names
   * it.
   */
  logged: z.number(),
  /** Messages among the reported ones that pass DMARC. */
  passed: z.number(),
});

const NAMED = 3;

export const sourceNotInLogs = kind(
  facts,
  { name: 'A source that no log shows', ofLogs: true },
  ({ domain: full, subject, evidence: { messages } }, given) => {
    const domain = short(full);
    const address = short(subject, 60);
    const title = `${address} sends as ${domain} what no log shows`;
    const sources = list(
      given.log_sources.map((name) => short(name, 40)),
      NAMED,
    );
    const passed = given.passed === 0 ? 'None of them passes DMARC' : `${number(given.passed)} of them passed DMARC`;
    return {
      title,
      topic: `mail from ${address} as ${domain} without logs`,
      summary: `${title} (${list(given.days, 2)})`,
      what: `Reports of ${list(given.days, NAMED)} count ${counted(messages, 'message')} from ${address}, in the own network ${short(given.network, 60)}. The logs of ${sources} are complete for these days and show ${counted(given.logged, 'message')}. ${passed}.`,
      advice: [
        'Somebody else sends through this address: find the host behind it (the flow logs of the gateway, conntrack, the cloud console) and see whether it is yours.',
        'If a mail server there is missing from the logs, connect it ("ruawatch logs sources add NAME"), or narrow the networks of the log sources.',
        'If the address belongs to others now, take it out of the SPF record and of the networks of the log sources.',
      ],
      expected: 'a server without logs',
    };
  },
);

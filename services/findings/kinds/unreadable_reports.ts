import { z } from 'zod';
import { counted, list, number, percent, short } from '../../shared/format.ts';
import { kind, seenOn } from './kind.ts';

const group = z.object({ name: z.string(), mails: z.number() });

const facts = z.object({
  rule: z.literal('unreadable_reports'),
  /** Mails with reports, and how many of them were set aside. */
  mails: z.number(),
  aside: z.number(),
  share: z.number(),
  /** The share that was usual before. */
  usual: z.number(),
  /** The most frequent codes and domains of senders among those set aside; nothing proves the latter. */
  codes: z.array(group),
  senders: z.array(group),
  /** Known reporters whose reports cannot be used any more, in the last days. */
  missed: z.array(z.object({ reporter: z.string(), unusable: z.number(), good: z.number(), expected: z.number() })),
  /** Reporters with reports that two readers read in different ways; absent in evidence of older versions. */
  differing: z.array(group).default([]),
});

const groups = (some: readonly z.output<typeof group>[], most: number) =>
  list(
    some.slice(0, most).map(({ name, mails }) => `${short(name, 40)} (${number(mails)})`),
    most,
  );

export const unreadableReports = kind(
  facts,
  { name: 'Reports cannot be read' },
  ({ evidence }, { mails, aside, share, usual, codes, senders, missed, differing }) => {
    const names = list(missed.map(({ reporter }) => short(reporter, 30)));
    const known = missed.length > 0;
    const amount = `${number(aside)} of ${counted(mails, 'mail')} with reports`;
    const details = missed
      .slice(0, 2)
      .map(
        ({ reporter, unusable, good, expected }) =>
          `${short(reporter, 40)}: ${number(unusable)} not usable and ${number(good)} usable in three days, where ${number(expected)} are usual.`,
      );
    const causes = codes.length === 0 ? '' : `: ${groups(codes, 3)}; by their From fields from ${groups(senders, 3)}`;
    const setAside =
      aside === 0
        ? []
        : [`${amount} could not be read and were set aside (${percent(share)}; ${percent(usual)} were usual before)${causes}.`];
    const twoWays =
      differing.length === 0
        ? []
        : [
            `One report in a hundred is read by two readers, and some were read in different ways: reports of ${groups(differing, 3)}.`,
          ];
    const advice = [
      seenOn(
        'quarantine',
        'Nothing is lost: the mails are kept. See "ruawatch messages list --state quarantined" and "ruawatch messages show KEY"; after an update or a corrected limit, "ruawatch messages replay --state quarantined" reads them again.',
      ),
      known
        ? 'The fault may be in ruawatch: update it, and report the code and a mail if it goes on. Where reports are read but not verified, check trust.authserv_ids, and whether a server before the mailbox changes the mails (docs/trust.md).'
        : 'Where many of them are from one reporter that you know, the fault may be in ruawatch: update it, and report the code and a mail. Anybody can send mails that look like damaged reports: those of strangers need nothing.',
    ];
    if (differing.length > 0 && !known && aside === 0) {
      const from = list(differing.map(({ name }) => short(name, 30)));
      return {
        title: `Two readers disagree about reports of ${from}`,
        topic: `reports of ${from} that can be read in two ways`,
        summary: `Two readers read reports of ${from} in different ways since ${evidence.since}`,
        what: twoWays.join(' '),
        advice: [
          'The reading of the first reader is stored, and the mails are kept. The fault is in ruawatch: update it, and report one of these mails if it goes on. "ruawatch messages show KEY" shows a mail, and its key is in the query below.',
        ],
      };
    }
    return {
      title: known ? `Reports of ${names} cannot be read or verified` : 'Many mails with reports cannot be read',
      topic: known ? `unreadable reports of ${names}` : 'many unreadable mails',
      summary: known
        ? `Reports of ${names} cannot be read or verified since ${evidence.since}${aside === 0 ? '' : `; ${amount} were set aside`}`
        : `${amount} since ${evidence.since} could not be read (${percent(share)}, ${percent(usual)} before)`,
      what: [...setAside, ...details, ...twoWays].join(' '),
      advice,
    };
  },
);

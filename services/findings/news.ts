import { z } from 'zod';

/** What is new about an open finding that a person would act on, or decide about in another way. */
export const newsSchema = z.discriminatedUnion('what', [
  /**
   * Graver; with the messages that the last mail reported and those by now, where they have grown, and with
   * those of rightful mail that were rejected or quarantined, where that is why.
   */
  z.object({
    what: z.literal('severity'),
    from: z.string(),
    to: z.string(),
    messages: z.tuple([z.number(), z.number()]).optional(),
    lost: z.tuple([z.number(), z.number()]).optional(),
  }),
  /** The mechanism that still passed has failed as well. */
  z.object({ what: z.literal('both_mechanisms') }),
  /** It had been silent for a week. */
  z.object({ what: z.literal('begun_again'), day: z.string() }),
  /** More senders fail; `first` is one of them. */
  z.object({ what: z.literal('senders'), more: z.number(), first: z.string() }),
  /** The published policy was weakened further. */
  z.object({ what: z.literal('policy'), tag: z.string(), to: z.string() }),
  z.object({ what: z.literal('domains'), more: z.number() }),
  /**
   * Receivers now deliver most of the forged mail, or no longer deliver most of the rightful mail: that part
   * of it.
   */
  z.object({ what: z.literal('fate'), now: z.enum(['delivered', 'lost']), share: z.number() }),
  /**
   * Mail that passes and may be a stranger's went on: messages that the last mail reported, and messages by
   * now.
   */
  z.object({ what: z.literal('grown'), from: z.number(), to: z.number() }),
]);

export type News = z.output<typeof newsSchema>;

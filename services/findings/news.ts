import { z } from 'zod';
import { counted, number, percent, short } from '../shared/format.ts';

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

/** The sentence. */
export function newsWords(news: News): string {
  switch (news.what) {
    case 'severity': {
      const { messages, lost } = news;
      const grown = messages ? `${counted(messages[1], 'message')} by now, ${number(messages[0])} then; ` : '';
      const away = lost ? `${number(lost[1])} rejected or quarantined, ${number(lost[0])} then; ` : '';
      return `New since the last mail: ${grown}${away}its severity has risen from ${short(news.from, 20)} to ${short(news.to, 20)}.`;
    }
    case 'both_mechanisms':
      return 'New since the last mail: SPF and DKIM both fail now.';
    case 'begun_again':
      return `New since the last mail: it stopped, and began again on ${short(news.day, 10)}.`;
    case 'senders':
      return news.more === 1
        ? `New since the last mail: ${short(news.first, 60)} fails as well.`
        : `New since the last mail: ${counted(news.more, 'more sender')} fail, such as ${short(news.first, 60)}.`;
    case 'policy':
      return `New since the last mail: ${short(news.tag, 10)}=${short(news.to, 20)} is published.`;
    case 'domains':
      return `New since the last mail: ${number(news.more)} more domains have the same trouble.`;
    case 'fate':
      return news.now === 'delivered'
        ? `New since the last mail: receivers have delivered ${percent(news.share)} of it.`
        : `New since the last mail: receivers have rejected or quarantined ${percent(news.share)} of it.`;
    case 'grown':
      return `New since the last mail: it has not stopped: ${counted(news.to, 'message')} by now, ${number(news.from)} then.`;
  }
}

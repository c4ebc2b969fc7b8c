import { counted, number, percent, short } from '../../shared/format.ts';
import type { News } from '../news.ts';

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

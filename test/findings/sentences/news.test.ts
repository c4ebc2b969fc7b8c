import { expect, test } from 'vitest';
import type { News } from '../../../services/findings/news.ts';
import { newsWords } from '../../../services/findings/sentences/news.ts';

test.each<[News, string]>([
  [{ what: 'severity', from: 'low', to: 'high' }, 'its severity has risen from low to high.'],
  [
    { what: 'severity', from: 'low', to: 'high', messages: [813, 1326] },
    '1,326 messages by now, 813 then; its severity has risen from low to high.',
  ],
  [
    { what: 'severity', from: 'medium', to: 'high', messages: [249, 658], lost: [0, 22] },
    '658 messages by now, 249 then; 22 rejected or quarantined, 0 then; its severity has risen from medium to high.',
  ],
  [{ what: 'both_mechanisms' }, 'SPF and DKIM both fail now.'],
  [{ what: 'begun_again', day: '2026-10-04' }, 'it stopped, and began again on 2026-10-04.'],
  [{ what: 'senders', more: 1, first: 'b.example' }, 'b.example fails as well.'],
  [{ what: 'senders', more: 3, first: 'b.example' }, '3 more senders fail, such as b.example.'],
  [{ what: 'policy', tag: 'p', to: 'none' }, 'p=none is published.'],
  [{ what: 'domains', more: 7 }, '7 more domains have the same trouble.'],
  [{ what: 'fate', now: 'delivered', share: 0.75 }, 'receivers have delivered 75% of it.'],
  [{ what: 'fate', now: 'lost', share: 0.6 }, 'receivers have rejected or quarantined 60% of it.'],
  [{ what: 'grown', from: 1980, to: 9014 }, 'it has not stopped: 9,014 messages by now, 1,980 then.'],
])('%j', (news, words) => expect(newsWords(news)).toBe(`New since the last mail: ${words}`));

import { describe, expect, test } from 'vitest';
import { cleaned, packetsFor, refusalOf, refusalOfLong } from '../../services/milter/act.ts';
import type { Match, Matched } from '../../services/milter/rules.ts';
import type { Screening } from '../../services/milter/screen.ts';
import { Frames } from '../../services/milter/wire/frames.ts';
import type { MilterRule } from '../../services/shared/settings/milter.ts';
import { arrived, mail, usual } from './mails.ts';
import { results } from './sample.ts';

const ID = 'mx.example.com';
/** Each packet as its letter and its strings. */
const said = (packets: readonly Buffer[]) =>
  packets.flatMap((bytes) =>
    new Frames().push(bytes).map(({ command, data }) => `${command} ${data.toString('latin1').replace(/\0/g, '|')}`.trim()),
  );
const forged = (n: number) =>
  arrived(
    mail({ ...usual('ada@example.com'), ...Object.fromEntries(Array.from({ length: n }, (_, i) => [`X-Ruawatch-${i}`, 'x'])) }),
  );
const rule = (when: MilterRule['when'], what: MilterRule['do'], match: Match): Matched => ({
  rule: { when, do: what } as MilterRule,
  match,
});
const OWN: Match = { code: 'own_domain', domain: 'example.com', clear: true };
const SHOWN: Match = { code: 'own_address_shown', domain: 'example.com', shown: 'x' };
const FOUND =
  'i ||||Authentication-Results| mx.example.com;\n spf=fail smtp.mailfrom=stranger.example;\n dkim=none;\n dmarc=fail (p=none) header.from=example.com|';

const screening = (outcome: Screening['outcome'], part: Partial<Screening> = {}): Screening => ({
  outcome,
  results: results(),
  decided: null,
  dry: [],
  why: null,
  known: null,
  ...part,
});

describe('what is sent to the server for a mail', () => {
  const dry = [rule('lookalike', 'reject', { code: 'lookalike', name: 'x', domain: 'y' }), rule('new_domain', 'tag', OWN)];
  test.each<[string, Screening, Partial<Parameters<typeof packetsFor>[2]>, string[]]>([
    ['that passes', screening('accept'), {}, ['m |||\x01X-Ruawatch-0||', FOUND, 'a']],
    ['that was not verified', screening('accept', { results: null }), {}, ['m |||\x01X-Ruawatch-0||', 'a']],
    [
      'that is tagged by a rule of one kind',
      screening('tag', { decided: rule('own_domain', 'tag', OWN) }),
      {},
      ['m |||\x01X-Ruawatch-0||', 'i ||||X-Ruawatch-Tag| own_domain|', FOUND, 'a'],
    ],
    [
      'that is tagged by a rule of several kinds, behind dry runs',
      screening('tag', { decided: rule('display_name', 'tag', SHOWN), dry }),
      {},
      [
        'm |||\x01X-Ruawatch-0||',
        'i ||||X-Ruawatch-Dry-Run| reject lookalike|',
        'i ||||X-Ruawatch-Dry-Run| tag new_domain|',
        'i ||||X-Ruawatch-Tag| display_name own_address_shown|',
        FOUND,
        'a',
      ],
    ],
    [
      'that waits in the queue of the server',
      screening('hold', { decided: rule('display_name', 'hold', SHOWN) }),
      { held: { kept_in: 'postfix', request_key: 7 } },
      ['m |||\x01X-Ruawatch-0||', 'i ||||X-Ruawatch-Held| display_name own_address_shown|', FOUND, 'q ruawatch: request 7|', 'a'],
    ],
    [
      'that waits in the store',
      screening('hold', { decided: rule('own_domain', 'hold', OWN) }),
      { held: { kept_in: 'store', request_key: 7 } },
      ['d'],
    ],
    [
      'that is rejected',
      screening('reject', { decided: rule('own_domain', 'reject', OWN) }),
      { onFailure: 'tempfail' },
      ['y 550 5.7.1 This mail is refused by a rule of the recipient.|'],
    ],
    ['that is not judged', screening('unjudged'), {}, ['m |||\x01X-Ruawatch-0||', 'i ||||X-Ruawatch-Unjudged| yes|', FOUND, 'a']],
    [
      'that is not judged, and is to come again',
      screening('unjudged'),
      { onFailure: 'tempfail' },
      ['y 451 4.7.1 This mail cannot be checked at the moment: try again later.|'],
    ],
    [
      'that passes where others come again',
      screening('accept'),
      { onFailure: 'tempfail' },
      ['m |||\x01X-Ruawatch-0||', FOUND, 'a'],
    ],
  ])('%s', (_, judgement, part, packets) => {
    expect(said(packetsFor(forged(1), judgement, { id: ID, onFailure: 'accept', held: null, ...part }))).toEqual(packets);
  });
});

test('what only this server writes is removed, the last first, and with more than fifty of it a mail is refused', () => {
  expect(said(cleaned(forged(2), ID))).toEqual(['m |||\x01X-Ruawatch-1||', 'm |||\x01X-Ruawatch-0||']);
  expect(refusalOf(forged(50), ID)).toBeNull();
  expect(said([refusalOf(forged(51), ID)!])).toEqual(['y 550 5.7.1 This mail has too many fields in the name of this server.|']);
});

test('a mail that can never be held is refused for good', () => {
  expect(said([refusalOfLong()])).toEqual([
    'y 552 5.3.4 This mail is held by a rule of the recipient, and is longer than what can be held.|',
  ]);
});

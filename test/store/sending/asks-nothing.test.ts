import { expect, test } from 'vitest';
import { noteSent } from '../../../services/store/sending/names.ts';
import { loadRefusals } from '../../../services/store/sending/refusals.ts';
import { capRecipients, moveRollups } from '../../../services/store/sending/rollups.ts';
import { loadVerified } from '../../../services/store/sending/verified.ts';

/** Nothing may be asked of it. */
const unused = {} as never;
const day = (more: object) =>
  ({
    cluster: '',
    environment: 'production',
    workload: 'shop',
    domain: 'example.com',
    selector: 's1',
    day: '2026-09-02',
    refused_dmarc: 1,
    ...more,
  }) as never;
const counted = {
  cluster: '',
  environment: 'production',
  workload: 'shop',
  domain: 'example.com',
  selector: 's1',
  day: '2026-09-02',
  signing_domain: 'example.com',
  at: 1_000,
  sent: 1,
  signed: 1,
  unsigned: 0,
  aligned: 1,
  deferred: 0,
  refused: 0,
  refused_dmarc: 0,
  recipients: { 'receiver.example': [1, 0] },
} as never;

test.each<[string, () => Promise<unknown>, unknown]>([
  ['no name', () => noteSent(unused, []), []],
  ['no day', () => loadRefusals(unused, [], '2026-09-02'), new Map()],
  ['a day without a refusal', () => loadRefusals(unused, [day({ refused_dmarc: 0 })], '2026-09-02'), new Map()],
  ['a day before', () => loadRefusals(unused, [day({ day: '2026-09-01' })], '2026-09-02'), new Map()],
  ['recipients of no message', () => capRecipients(unused, []), []],
  ['no message', () => moveRollups(unused, [], [], new Date(0)), undefined],
  ['a message that counts as before', () => moveRollups(unused, [counted], [counted], new Date(0)), undefined],
])('nothing is asked of the database about %s', async (_, ask, answer) => {
  expect(await ask()).toEqual(answer);
});

test('what passed is looked for only where something failed', async () => {
  const asked: unknown[] = [];
  const empty = {
    query: async (sql: string) => {
      asked.push(sql);
      return { rows: [] };
    },
  } as never;
  expect(await loadVerified(empty, 'example.com', new Date(0))).toEqual([]);
  expect(asked).toHaveLength(1);
});

import { beforeEach, describe, expect, test } from 'vitest';
import { type DecisionMeans, Decisions } from '../../services/milter/decisions.ts';
import type { Arrival } from '../../services/milter/screen.ts';
import { PermanentError, TransientError } from '../../services/shared/errors.ts';
import { createMetrics, type Metrics } from '../../services/shared/runtime/metrics.ts';
import { milterOf, milterSchema } from '../../services/shared/settings/milter.ts';
import type { Unjudged } from '../../services/store/milter/unjudged.ts';
import { dnsOf } from '../dns/zone.ts';
import { arrived, mail } from './mails.ts';
import { knowledge } from './sample.ts';

// What becomes of a mail, counted and logged, without a server; index.test.ts goes through one.
let metrics: Metrics;
let logged: [level: string, facts: Record<string, unknown>, text: string][];
let noted: Unjudged[];
let contacts: unknown[];
let known: ReturnType<typeof knowledge>;
let hold: DecisionMeans['hold'];
beforeEach(() => {
  metrics = createMetrics();
  logged = [];
  noted = [];
  contacts = [];
  known = knowledge();
  hold = async () => ({ request_key: 7 });
});

function decisionsWith(settings: object = {}): Decisions {
  const level = (name: string) => (facts: Record<string, unknown>, text: string) => void logged.push([name, facts, text]);
  const log = { debug: level('debug'), info: level('info'), error: level('error') };
  const milter = milterOf(milterSchema.parse({ listen: '127.0.0.1:0', authserv_id: 'mx.example.com', ...settings }), '/');
  const { own, people, ...about } = known;
  return new Decisions({
    context: { config: { milter }, clock: { now: () => new Date(0) }, metrics, log },
    dns: { own: dnsOf({ 'example.com': {} }), others: dnsOf({}) },
    stored: { own: async () => ({ own, people }), about: async () => about, asked: async () => void contacts.push('noted') },
    notes: { add: (note: Unjudged) => noted.push(note) },
    hold: (facts: Parameters<DecisionMeans['hold']>[0]) => hold(facts),
  } as unknown as DecisionMeans);
}
const arrival = (from = 'ada@example.com', header: Record<string, string> = {}): Arrival => ({
  message: arrived(mail({ From: from, 'Message-ID': '<1@x>', ...header })),
  ip: '203.0.113.9',
  peer_name: null,
  helo: 'x.example',
  mail_from: 'x@mail.example',
  recipients: ['grace@example.com', 'ben@example.com'],
  queue_id: '4AF2',
  at: new Date(0),
});
const letters = (packets: readonly Buffer[]) => packets.map((bytes) => String.fromCharCode(bytes[4]!)).join('');
const outcomes = async () =>
  Object.fromEntries((await metrics.milterMails.get()).values.map(({ labels, value }) => [labels.outcome, value]));
const rules = async () => (await metrics.milterRules.get()).values.map(({ labels }) => `${labels.rule} ${labels.dry_run}`);
const timed = async () =>
  (await metrics.milterSeconds.get()).values.find(({ metricName }) => metricName?.endsWith('_count'))?.value;

const TAG = { rules: [{ when: 'own_domain', do: 'tag' }] };
describe('each outcome is counted, timed and logged once', () => {
  test.each<[string, object, string, string, string[]]>([
    ['accepted', { rules: [] }, 'debug', 'mail: accepted', []],
    ['tagged', TAG, 'info', 'mail: tagged', ['own_domain no']],
    ['held', {}, 'info', 'mail: held', ['own_domain no']],
    ['rejected', { rules: [{ when: 'own_domain', do: 'reject' }] }, 'info', 'mail: rejected', ['own_domain no']],
    ['accepted', { rules: [{ when: 'own_domain', do: 'reject', dry_run: true }] }, 'debug', 'mail: accepted', ['own_domain yes']],
  ])('%s by %j', async (outcome, settings, level, text, counted) => {
    const decisions = decisionsWith(settings);
    await decisions.decide(arrival(), true);
    expect(await outcomes()).toEqual({ [outcome]: 1 });
    expect(await rules()).toEqual(counted);
    expect(await timed()).toBe(1);
    expect(logged.map(([at, , said]) => [at, said])).toEqual([[level, text]]);
    expect([decisions.failure, noted]).toEqual([null, []]);
  });

  test('the line names the mail, what was found, and the rule', async () => {
    await decisionsWith({
      rules: [{ when: 'display_name', do: 'reject', dry_run: true }, ...TAG.rules],
    }).decide(arrival('"Ada Lovelace" <x@mail.example>, ada@example.com'), true);
    expect(logged[0]![1]).toMatchObject({
      queue_id: '4AF2',
      ip: '203.0.113.9',
      mail_from: 'x@mail.example',
      recipients: 2,
      from: ['mail.example', 'example.com'],
      dmarc: expect.any(String),
      rule: 'own_domain',
      match: { code: 'own_domain' },
      dry_run: ['display_name'],
    });
    await decisionsWith({ rules: [] }).decide(arrival(), true);
    expect(logged[1]![1]).toMatchObject({ rule: undefined, match: undefined, dry_run: undefined });
  });

  test('a mail with very many fields in the name of this server is refused before anything is asked', async () => {
    const header = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`X-Ruawatch-${i}`, 'x']));
    expect(letters(await decisionsWith().decide(arrival(undefined, header), true))).toBe('y');
    expect([await outcomes(), await timed(), await rules()]).toEqual([{ rejected: 1 }, 1, []]);
    expect(logged).toEqual([
      ['info', { queue_id: '4AF2', ip: '203.0.113.9' }, 'mail: rejected, with many fields in the name of this server'],
    ]);
  });
});

describe('a mail that cannot be judged', () => {
  const fail = (error: Error) => {
    hold = () => Promise.reject(error);
  };
  test('passes marked, and is noted with all that is known of it', async () => {
    fail(new Error('it is away'));
    const decisions = decisionsWith();
    expect(letters(await decisions.decide(arrival(), true))).toBe('iia');
    expect(noted).toEqual([
      {
        at: new Date(0),
        outcome: 'accept',
        why: 'it is away',
        queue_id: '4AF2',
        peer_ip: '203.0.113.9',
        envelope_from: 'x@mail.example',
        header_from_domain: 'example.com',
        message_id: expect.stringContaining('<1@x>'),
      },
    ]);
    expect([decisions.failure, await outcomes(), await timed()]).toEqual(['it is away', { unjudged: 1 }, 1]);
    expect(logged).toEqual([['error', { err: 'it is away', code: undefined }, 'a mail could not be judged']]);
    // The next one that is judged ends the trouble.
    hold = async () => ({ request_key: 8 });
    await decisions.decide(arrival(), true);
    expect(decisions.failure).toBeNull();
  });

  test.each(['hold_full', 'hold_late', 'store_busy', 'no_memory'])('comes again later for %s, whatever is set', async (code) => {
    fail(new TransientError(code, 'Not now.'));
    expect(letters(await decisionsWith({ on_failure: 'accept' }).decide(arrival(), true))).toBe('y');
    expect(noted[0]!.outcome).toBe('tempfail');
    expect(logged[0]![1]).toEqual({ err: 'Not now.', code });
  });

  test.each([
    ['accept', 'a'],
    ['tempfail', 'y'],
  ])('for any other reason, as is set: %s', async (on_failure, last) => {
    fail(new PermanentError('other', 'No.'));
    expect(letters(await decisionsWith({ on_failure }).decide(arrival(), true)).at(-1)).toBe(last);
    expect(noted[0]!.outcome).toBe(on_failure);
  });

  test('because the server does not offer to hold mails', async () => {
    await decisionsWith().decide(arrival(), false);
    expect(noted[0]!.why).toBe('The mail server does not offer to hold mails.');
    // What is not held needs no such offer.
    expect(letters(await decisionsWith(TAG).decide(arrival(), false)).at(-1)).toBe('a');
    expect(noted).toHaveLength(1);
  });
});

describe('a mail that is kept in the store', () => {
  const hold_ = (keep: string) => ({ hold: { keep, key_file: 'key', smtp_url: 'smtp://127.0.0.1:1' } });
  const part = (given: object) => ({ ...arrival(), message: { ...arrival().message, ...given } });
  test.each<[string, string, object, string, Record<string, number>, (string | null)[]]>([
    ['is held there', 'store', {}, 'd', { held: 1 }, []],
    ['that is too long ever to be kept is refused', 'store', { tooLong: true, whole: null }, 'y', { rejected: 1 }, []],
    [
      'for which no memory was left comes again',
      'store',
      { whole: null },
      'y',
      { unjudged: 1 },
      ['No memory was left to keep the mail.'],
    ],
    ['and not there needs neither', 'postfix', { tooLong: true, whole: null }, 'iiqa', { held: 1 }, []],
  ])('%s', async (_, keep, given, packets, counted, why) => {
    const decisions = decisionsWith(hold_(keep));
    const said = await decisions.decide(part(given), true);
    expect(letters(said)).toBe(packets);
    if ('rejected' in counted)
      expect(said[0]!.toString('latin1', 5)).toBe(
        '552 5.3.4 This mail is held by a rule of the recipient, and is longer than what can be held.\0',
      );
    expect([await outcomes(), noted.map((note) => note.why)]).toEqual([counted, why]);
    expect(decisions.failure).toBe(why[0] ?? null);
  });
});

describe('a look-alike that writes for the first time is remembered', () => {
  const lookalike = { name: 'examp1e.com', domain: 'example.com', kind: 'homoglyph', fresh: true } as never;
  const NEW = { rules: [{ when: 'new_domain', do: 'tag' }] };
  test.each<[string, object, object, number]>([
    ['when its mail is tagged', NEW, { lookalikes: [lookalike] }, 1],
    ['when its mail passes', { rules: [] }, { lookalikes: [lookalike] }, 1],
    ['not when it is known', NEW, { lookalikes: [lookalike], contacted: ['examp1e.com'] }, 0],
    ['not when there is none', NEW, {}, 0],
    [
      'not when its mail is refused: nobody has it',
      { rules: [{ when: 'new_domain', do: 'reject' }] },
      { lookalikes: [lookalike] },
      0,
    ],
  ])('%s', async (_, settings, given, times) => {
    known = knowledge(given);
    await decisionsWith(settings).decide(arrival('x@examp1e.com'), true);
    expect(contacts).toHaveLength(times);
  });
});

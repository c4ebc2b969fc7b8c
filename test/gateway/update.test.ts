import { describe, expect, test } from 'vitest';
import type { RecordType } from '../../services/dns/client/types.ts';
import { RCODES, type UpdateOutcome } from '../../services/dns/wire/outcome.ts';
import type { ReceivedUpdate } from '../../services/dns/wire/received.ts';
import type { Step } from '../../services/gateway/ledger.ts';
import { carryOut, isThere, serverOf, settle, type UpdateMeans } from '../../services/gateway/update.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const ZONE = 'example.com';
const signal = new AbortController().signal;
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const set = (name: string, values: readonly string[], type: RecordType = 'TXT') => ({
  name,
  type,
  ttl: values.length === 0 ? null : 300,
  members: values.map(text),
});
const step = (before: readonly string[], after: readonly string[], name = `a.${ZONE}`): Step => ({
  before: set(name, before),
  after: set(name, after),
});
const txt = (...values: string[]) => ({ TXT: values.map((one) => [one]) });

describe('which of the two states a server has', () => {
  const there = (steps: readonly Step[], records: Zone) => isThere(steps, dnsOf(records), signal);
  const added = step([], ['new']);
  const replaced = step(['old'], ['new']);
  test.each<[string, readonly Step[], Zone, 'before' | 'after' | null]>([
    ['what was added is there', [added], { [`a.${ZONE}`]: txt('new') }, 'after'],
    ['what was added is not there', [added], {}, 'before'],
    ['something else is there', [added], { [`a.${ZONE}`]: txt('other') }, null],
    ['what was replaced is as it was', [replaced], { [`a.${ZONE}`]: txt('old') }, 'before'],
    ['what was replaced is new', [replaced], { [`a.${ZONE}`]: txt('new') }, 'after'],
    ['it has both', [replaced], { [`a.${ZONE}`]: txt('old', 'new') }, null],
    ['it does not say', [added], { [`a.${ZONE}`]: 'unknown' }, null],
    ['an alias has taken the name', [added], { [`a.${ZONE}`]: { CNAME: ['host.example.net'] } }, null],
    ['of two steps one is done', [added, step([], ['new'], `b.${ZONE}`)], { [`a.${ZONE}`]: txt('new') }, null],
    ['both are done', [added, step([], ['new'], `b.${ZONE}`)], { [`a.${ZONE}`]: txt('new'), [`b.${ZONE}`]: txt('new') }, 'after'],
    ['neither is done', [added, step(['old'], [], `b.${ZONE}`)], { [`b.${ZONE}`]: txt('old') }, 'before'],
    // A wildcard answers for the name: it may have no records of its own, and may have these.
    ['a wildcard has what was taken away', [step(['wild'], [])], { [`*.${ZONE}`]: txt('wild') }, 'after'],
    ['a wildcard has what was added', [step([], ['wild'])], { [`*.${ZONE}`]: txt('wild') }, 'after'],
    ['a wildcard has something else', [step(['old'], ['new'])], { [`*.${ZONE}`]: txt('wild') }, null],
    ['a wildcard alias stands where nothing was', [added], { [`*.${ZONE}`]: { CNAME: ['host.example.net'] } }, 'before'],
  ])('%s', async (_, steps, records, expected) => {
    expect(await there(steps, records)).toBe(expected);
  });
});

describe('how an update ends by what the server says, and by what is there afterwards', () => {
  const refused = (given: Partial<Extract<UpdateOutcome, { state: 'refused' }>>): UpdateOutcome => ({
    state: 'refused',
    reason: 'stale',
    rcode: 'NXRRSET',
    proven: true,
    drift: 0,
    message: 'It says no.',
    ...given,
  });
  const failed = { state: 'failed', rcode: RCODES.SERVFAIL, answer: 'It says no.' };
  test.each<[string, UpdateOutcome, 'before' | 'after' | null, object]>([
    ['done', { state: 'accepted', drift: 0 }, 'after', { state: 'applied', rcode: 0, answer: 'It was accepted, and is there.' }],
    ...(['before', null] as const).map(
      (there) =>
        [
          `accepted, and ${there} is there`,
          { state: 'accepted', drift: 0 } as UpdateOutcome,
          there,
          {
            state: 'unknown',
            rcode: RCODES.SERVFAIL,
            answer: 'The name server accepted it, and has other records than were sent, or does not say.',
          },
        ] as [string, UpdateOutcome, 'before' | 'after' | null, object],
    ),
    ['a condition does not hold', refused({}), 'before', { state: 'refused', rcode: RCODES.NXRRSET, answer: 'It says no.' }],
    [
      'another condition',
      refused({ rcode: 'YXDOMAIN' }),
      null,
      { state: 'refused', rcode: RCODES.YXDOMAIN, answer: 'It says no.' },
    ],
    ['a condition, and nobody signed that', refused({ proven: false }), 'before', failed],
    ['a condition with a code without a name', refused({ rcode: '23' }), 'before', failed],
    [
      'not allowed',
      refused({ reason: 'not_allowed', rcode: 'REFUSED' }),
      null,
      { state: 'refused', rcode: RCODES.REFUSED, answer: 'It says no.' },
    ],
    [
      'another zone',
      refused({ reason: 'not_in_zone', rcode: 'NOTZONE' }),
      null,
      { state: 'refused', rcode: RCODES.REFUSED, answer: 'It says no.' },
    ],
    ['not allowed, and nobody signed that', refused({ reason: 'not_allowed', proven: false }), null, failed],
    ['another reason', refused({ reason: 'other', rcode: 'FORMERR' }), null, failed],
    ['nothing was sent', { state: 'not_sent', reason: 'timeout', message: 'It says no.' }, 'before', failed],
    [
      'the answer was lost, and it is there',
      { state: 'unknown', reason: 'unsigned', message: 'Lost.' },
      'after',
      { state: 'applied', rcode: 0, answer: 'The answer was lost; the records are there.' },
    ],
    [
      'the answer was lost, and it is not there',
      { state: 'unknown', reason: 'unsigned', message: 'Lost.' },
      'before',
      { state: 'unknown', rcode: RCODES.SERVFAIL, answer: 'Lost.' },
    ],
  ])('%s', (_, outcome, there, expected) => {
    expect(settle(outcome, there)).toEqual(expected);
  });
});

describe('before anything is asked', () => {
  const target = { kind: 'rfc2136', name: 'primary', zones: [ZONE] } as unknown as DnsTarget;
  const deeper = { kind: 'rfc2136', name: 'deeper', zones: [`sub.${ZONE}`] } as unknown as DnsTarget;
  const command = { kind: 'command', name: 'by hand', zones: ['example.net'] } as unknown as DnsTarget;
  const update = (zone: string, name: string): ReceivedUpdate =>
    ({ zone, prerequisites: [], changes: [{ kind: 'add', name, type: 16, ttl: 60, rdata: text('x') }], records: [] }) as never;
  const given = {
    key: { scope: { zone: ZONE, names: [`.${ZONE}`], types: ['TXT'], operations: ['add'] } },
    update_key: 1,
  } as unknown as Parameters<typeof carryOut>[1];
  const means = { targets: [target, deeper, command], signal } as unknown as UpdateMeans;

  test('a zone that no server of the settings takes updates of', async () => {
    for (const zone of ['example.org', 'example.net'])
      expect(await carryOut(update(zone, `a.${zone}`), given, means)).toEqual({
        state: 'refused',
        rcode: RCODES.NOTAUTH,
        answer: `No server of the settings takes updates of ${zone}.`,
      });
  });

  test('a name of a zone below', async () => {
    expect(await carryOut(update(ZONE, `a.sub.${ZONE}`), given, means)).toEqual({
      state: 'refused',
      rcode: RCODES.NOTZONE,
      answer: `a.sub.${ZONE} is in another zone.`,
    });
  });

  test('what is outside the grant', async () => {
    const outside = { ...given, key: { ...given.key, scope: { ...given.key.scope, names: [`b.${ZONE}`] } } };
    expect(await carryOut(update(ZONE, `a.${ZONE}`), outside, means)).toMatchObject({ state: 'refused', rcode: RCODES.REFUSED });
  });

  test('the server of a zone is the one that takes updates of it, and no command', () => {
    expect(serverOf([command, deeper, target], ZONE)).toBe(target);
    expect(serverOf([command, deeper, target], `sub.${ZONE}`)).toBe(deeper);
    expect(serverOf([command], 'example.net')).toBeNull();
    expect(serverOf([], ZONE)).toBeNull();
  });
});

import { expect, test } from 'vitest';
import { isService, programOf, readProgram } from '../../../services/collector/programs/index.ts';

/** A delivery, which only those daemons of Postfix can write that deliver. */
const DELIVERY = '4F2A1: to=<h:1@gmx.net>, relay=mx[203.0.113.5]:25, status=sent (ok)';

test.each<[string, string | null, string | null]>([
  ['postfix/smtp', 'postfix', 'smtp'],
  ['postfix-out/smtpd', 'postfix', null],
  ['postfix/submission/smtpd', 'postfix', null],
  ['postfix/127.0.0.1:10025/smtpd', 'postfix', null],
  ['postfix/[::1]:10025/smtpd', 'postfix', null],
  ['relay1/smtp', 'postfix', 'smtp'],
  ['relay1/qmgr', 'postfix', null],
  ['relay1/other', null, null],
  ['postfix', 'postfix', 'smtp'],
  ['postfix-out', 'postfix', 'smtp'],
  ['postfix-script', null, null],
  ['postfix-scripts', 'postfix', 'smtp'],
  ['Postfix', null, null],
  ['exim', 'exim', null],
  ['Exim4', 'exim', null],
  ['exim5', null, null],
  ['knot', 'knot', null],
  ['KNOTD', 'knot', null],
  ['knotc', null, null],
  ['opendkim', 'opendkim', null],
  ['OpenDMARC', 'opendmarc', null],
  ['rspamd', 'rspamd', null],
  ['named', 'named', null],
  ['ses', 'ses', null],
  ['sendgrid', 'sendgrid', null],
  ['m365', 'm365', null],
  ['other', null, null],
  ['', null, null],
])('the tag %s is of %s, whose daemon delivers %s', (tag, program, by) => {
  expect(programOf(tag)).toBe(program);
  const reading = program === 'postfix' ? readProgram(program, tag, DELIVERY) : null;
  expect(reading === null ? null : (reading.events[0] as { by?: string }).by).toBe(by);
});

test.each([
  ['exim', '1xWyFZ-0007qg-0M Completed'],
  ['opendkim', '4F2A1C0: no signature data'],
  ['opendmarc', '(unknown-jobid): example.com pass'],
  ['rspamd', '#7(normal) <abc>; task; x'],
  ['named', 'any'],
  ['knot', 'any'],
  ['ses', '{}'],
  ['sendgrid', '{}'],
  ['m365', '{}'],
] as const)('a line of %s is read by its own reader', (program, text) => {
  expect(readProgram(program, program, text)).toEqual(
    program === 'exim' ? { queueId: '1xWyFZ-0007qg-0M', events: [{ kind: 'ended' }] } : { queueId: null, events: [] },
  );
  expect(isService(program)).toBe(text === '{}');
});

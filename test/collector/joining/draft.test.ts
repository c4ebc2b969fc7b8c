import { expect, test } from 'vitest';
import type { LogEvent } from '../../../services/collector/events.ts';
import { addLine, newDraft } from '../../../services/collector/joining/draft.ts';
import type { Program } from '../../../services/collector/programs/index.ts';

let lines = 0;
const line = (program: Program, ...events: LogEvent[]) => ({ at: 1_000, hash: `h${++lines}`, program, place: null, events });
const client = (ip: string): LogEvent => ({ kind: 'client', name: null, ip, sasl: null });
const draftOf = (...added: ReturnType<typeof line>[]) => {
  const draft = newDraft({ source_id: 1, host: 'mx1', queue_id: '4F' }, 1_000);
  for (const one of added) addLine(draft, one, () => false);
  return draft;
};

test('the client that the server names stands, whether a filter names one before it or behind it', () => {
  const [server, filter] = [line('postfix', client('192.0.2.1')), line('opendmarc', client('198.51.100.9'))];
  expect(draftOf(server, filter).client_ip).toBe('192.0.2.1');
  expect(draftOf(filter, server).client_ip).toBe('192.0.2.1');
  expect(draftOf(filter, line('rspamd', client('198.51.100.7'))).client_ip).toBe('198.51.100.7');
});

test('ten signatures of a message are kept, and what a line says twice counts once', () => {
  const signed = (n: number): LogEvent => ({ kind: 'signed', domain: 'example.com', selector: `s${n}` });
  const all = Array.from({ length: 12 }, (_, n) => line('opendkim', signed(n), signed(n)));
  expect(draftOf(...all).signatures.map(({ selector }) => selector)).toEqual(all.slice(0, 10).map((_, n) => `s${n}`));
});

import { describe, expect, test } from 'vitest';
import { ruleOf } from '../../../services/analyzer/rules/index.ts';
import { newHost } from '../../../services/analyzer/rules/new_host.ts';
import type { SourceWindow } from '../../../services/analyzer/rules/window.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { ago, DOMAIN, onFile, REPORTERS, sourceWindow, span, wordsFor } from '../rows.ts';
import { expectLives } from './invented-lives.ts';

const WEB = { source: '192.0.2.0/24' };
const HOST = `www.${DOMAIN}`;
const sent = (from: number, to: number, n: number, kind: 'spf' | 'both' = 'spf') => span(from, to, kind, n, REPORTERS, WEB);
const windowOf = (rows: readonly SourceDay[], extra: Partial<SourceWindow> = {}) =>
  sourceWindow(rows, { own: true, host: HOST, signs: 1, firstSeen: rows[0]!.day, ...extra });
const found = (rows: readonly SourceDay[], extra: Partial<SourceWindow> = {}) => newHost.find(windowOf(rows, extra));

describe('a new host of the own servers whose mail is not signed while theirs is', () => {
  test.each([
    [2, 2, 'low'],
    [3, 10, 'low'],
    [3, 42, 'medium'],
    [0, 500, 'medium'],
  ] as const)(
    'since day %i, %i messages a day and reporter, is %s and names the machine and its network',
    (from, n, severity) => {
      const [finding, ...more] = found(sent(from, 0, n === 2 ? 4 : n));
      expect(more).toEqual([]);
      expect(finding).toMatchObject({ kind: 'new_source', subject: WEB.source, severity, first_day: ago(from) });
      const { title, what, advice } = wordsFor(finding);
      expect(title).toBe(`New host ${HOST} passes SPF unsigned`);
      expect(what).toContain(`${HOST} (${WEB.source})`);
      expect(advice[0]).toContain('broken into');
    },
  );

  test('stays open while it sends, and is over when it is silent, known or listed', () => {
    const known = [onFile(found(sent(9, 0, 42))[0]!, { last_day: ago(5) })];
    expect(ruleOf(known[0]!, DOMAIN)).toBe(newHost);
    expect(found(sent(9, 0, 42), { known })).toHaveLength(1);
    const over = (rows: readonly SourceDay[], extra: Partial<SourceWindow> = {}) =>
      newHost.over(known[0]!, windowOf(rows, extra));
    expect(over(sent(9, 5, 42))).toBeNull();
    expect(
      newHost.over(onFile(found(sent(13, 5, 42))[0]!, { last_day: ago(20), first_day: ago(21) }), windowOf(sent(21, 20, 42))),
    ).toMatchObject({
      reason: 'no_mail',
    });
  });
});

describe('honest twins', () => {
  test.each<[string, SourceDay[], Partial<SourceWindow>?]>([
    ['a server that signs like the others', sent(6, 0, 42, 'both')],
    ['a new server of own servers that do not sign', sent(6, 0, 42), { signs: 0.4 }],
    ['the first of the own servers', sent(6, 0, 42), { signs: null }],
    ['a machine whose name is not confirmed below the domain', sent(6, 0, 42), { own: false }],
    ['a machine that has been there for long', sent(41, 0, 42)],
    ['one that sent before the window', sent(6, 0, 42), { firstSeen: ago(90) }],
    ['a handful of messages', sent(2, 0, 1)],
  ])('%s is nothing', (_, rows, extra) => {
    expect(found(rows, extra)).toEqual([]);
  });
});

test('what it says of invented senders is as it was', () => expectLives('new_host'));

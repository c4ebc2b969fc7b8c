import { expect, test } from 'vitest';
import { loadForged } from '../../../services/store/analysis/forged-reports.ts';
import { noteDomains, noteSources } from '../../../services/store/analysis/note-work.ts';
import { loadRelayed } from '../../../services/store/analysis/relayed.ts';
import { loadReporterNames, measureAgreement } from '../../../services/store/analysis/reporters.ts';
import { loadScatter } from '../../../services/store/analysis/scatter.ts';
import {
  loadAwaited,
  loadEarlierDays,
  loadKeyUses,
  loadSenderDays,
  loadSendersBefore,
  loadUnnamed,
} from '../../../services/store/analysis/senders.ts';
import { loadBorrowed, loadFailedChecks, loadKeys } from '../../../services/store/analysis/signatures.ts';
import { loadLateness, loadSpread } from '../../../services/store/analysis/silences.ts';
import { loadPassesBy } from '../../../services/store/analysis/spf-alone.ts';
import { loadFirstSeen, loadSourceDays, saveClasses } from '../../../services/store/analysis/window-reads.ts';

/** Nothing may be asked of it. */
const unused = {} as never;
const DOMAIN = 'example.com';
const [from, to] = ['2026-09-01', '2026-09-30'];
const none: string[] = [];
const some = ['one'];
const counted = { reporters: some, votes: 1 } as never;
const days = { from, to, counted };
const forged = { key: 7, sign: 1, trust: 'bad', begin: 0, size: { records: 1, messages: 1, proven: 1, unproven: 1 } } as const;

test.each<[string, () => Promise<unknown>, unknown]>([
  ['no domain', () => noteDomains(unused, none), undefined],
  ['no report that is proven', () => noteSources(unused, [forged]), undefined],
  ['no relay', () => loadRelayed(unused, DOMAIN, none, days), new Map()],
  [
    'relays by several votes',
    () => loadRelayed(unused, DOMAIN, some, { ...days, counted: { reporters: some, votes: 2 } as never }),
    new Map(),
  ],
  ['names of no reporter', () => loadReporterNames(unused, DOMAIN, none, from), new Map()],
  ['agreement of no reporter', () => measureAgreement(unused, DOMAIN, none, { known: some, from, to, day: to }), undefined],
  ['agreement with no known one', () => measureAgreement(unused, DOMAIN, some, { known: none, from, to, day: to }), undefined],
  ['scatter of no source', () => loadScatter(unused, DOMAIN, none, days), new Map()],
  [
    'scatter by no reporter',
    () => loadScatter(unused, DOMAIN, some, { ...days, counted: { reporters: none, votes: 1 } as never }),
    new Map(),
  ],
  ['unnamed of no network', () => loadUnnamed(unused, none), new Set()],
  ['awaited of no network', () => loadAwaited(unused, DOMAIN, none, new Date(0)), new Set()],
  ['earlier days of no sender', () => loadEarlierDays(unused, DOMAIN, none, { before: to, counted }), new Map()],
  ['no sender before', () => loadSendersBefore(unused, DOMAIN, none, { before: to, counted }), new Map()],
  ['days of no member', () => loadSenderDays(unused, DOMAIN, [], days), []],
  ['keys by no reporter', () => loadKeyUses(unused, DOMAIN, { from, to, recent: to, reporters: none }), []],
  ['borrowed keys of no source', () => loadBorrowed(unused, DOMAIN, none, { from, reporters: some }), new Map()],
  ['borrowed keys by no reporter', () => loadBorrowed(unused, DOMAIN, some, { from, reporters: none }), new Map()],
  ['no failed check', () => loadFailedChecks(unused, DOMAIN, [], some), []],
  ['whose keys, by no reporter', () => loadKeys(unused, DOMAIN, from, none), new Map()],
  ['lateness of no reporter', () => loadLateness(unused, DOMAIN, none, { from, to }), new Map()],
  ['spread of no reporter', () => loadSpread(unused, DOMAIN, []), new Map()],
  ['passes of no service', () => loadPassesBy(unused, DOMAIN, none, days), []],
  ['no source seen', () => loadFirstSeen(unused, DOMAIN, none, counted), new Map()],
  ['days of no source', () => loadSourceDays(unused, DOMAIN, none, days), []],
  ['no class', () => saveClasses(unused, DOMAIN, new Date(0), []), []],
])('nothing is asked of the database about %s', async (_, ask, answer) => {
  expect(await ask()).toEqual(answer);
});

test('genuine reports are looked for only where there are forged ones', async () => {
  const asked: unknown[] = [];
  const empty = {
    query: async (sql: string) => {
      asked.push(sql);
      return { rows: [] };
    },
  } as never;
  expect(await loadForged(empty, DOMAIN, from, 10)).toEqual({ forged: [], genuine: [] });
  expect(asked).toHaveLength(1);
});

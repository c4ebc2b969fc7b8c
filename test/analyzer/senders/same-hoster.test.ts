import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { abusedSender } from '../../../services/analyzer/rules/abused_sender.ts';
import { quietNeighbours } from '../../../services/analyzer/senders/same-hoster.ts';
import type { Candidate } from '../../../services/store/findings/findings.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, onFile, REPORTERS, sourceWindow, span } from '../rows.ts';
import { expectLives } from './invented-senders.ts';

const HOSTER = 'AS64500';
const OLD = '192.0.2.0/24';
const NEXT = '198.51.100.0/24';

function abuse(source: string, n: number, owner: string | null = HOSTER, since = 2): Candidate {
  const of = { source };
  const rows = [...span(41, 0, 'both', 100, REPORTERS, of), ...span(since, 0, 'spf', n, REPORTERS, of)];
  return abusedSender.find(sourceWindow(rows, { source, owner }))[0]!;
}

/** A new network of the hoster that passes by SPF alone. */
function newcomer(source: string, severity: 'low' | 'medium', owner: string | null = HOSTER): Candidate {
  const one = abuse(source, 100, owner);
  const facts = { rule: 'new_source', by: 'spf', service: null, signer: null, ...(owner !== null && { owner }) } as const;
  return { ...one, kind: 'new_source', severity, evidence: { ...one.evidence, facts } };
}

const mailed = (found: readonly Candidate[], known: readonly Candidate[] = []) =>
  quietNeighbours(
    found,
    known.map((one) => onFile(one)),
  )
    .filter(({ quiet }) => !quiet)
    .map(({ kind, subject }) => `${kind} ${subject}`);

describe('a stranger at our hoster', () => {
  test('is mailed once for all networks, by the gravest', () => {
    expect(mailed([abuse(OLD, 20), abuse(NEXT, 30)])).toEqual([`unauthorized_source ${NEXT}`]);
    expect(mailed([newcomer(NEXT, 'low'), abuse(OLD, 20)])).toEqual([`unauthorized_source ${OLD}`]);
  });

  test('is mailed no more when another network follows, unless that is graver', () => {
    const told = [abuse(OLD, 20)];
    expect(mailed([abuse(NEXT, 30)], told)).toEqual([]);
    expect(mailed([newcomer(NEXT, 'medium')], told)).toEqual([]);
    expect(mailed([abuse(NEXT, 900)], told)).toEqual([`unauthorized_source ${NEXT}`]);
    // What was mailed is told of again as ever.
    expect(mailed([abuse(OLD, 30)], told)).toEqual([`unauthorized_source ${OLD}`]);
    expect(mailed([abuse(OLD, 30)], [newcomer(NEXT, 'low')])).toEqual([`unauthorized_source ${OLD}`]);
  });

  test('is two things at two hosters, long apart, or where nobody knows whose networks they are', () => {
    const both = [`unauthorized_source ${OLD}`, `unauthorized_source ${NEXT}`];
    expect(mailed([abuse(OLD, 20), abuse(NEXT, 30, 'AS64501')])).toEqual(both);
    expect(mailed([abuse(OLD, 20, null), abuse(NEXT, 30, null)])).toEqual(both);
    const old = { ...abuse(OLD, 20), first_day: ago(30) };
    expect(mailed([abuse(NEXT, 30)], [old])).toEqual([`unauthorized_source ${NEXT}`]);
  });

  test('is one thing in one range, where the owner of one network is not known yet', () => {
    expect(mailed([abuse('192.0.2.0/24', 20), abuse('192.0.77.0/24', 30, null)])).toEqual(['unauthorized_source 192.0.77.0/24']);
    expect(mailed([newcomer('192.0.77.0/24', 'low', null)], [abuse('192.0.2.0/24', 20)])).toEqual([]);
    expect(mailed([abuse('192.0.2.0/24', 20), abuse('192.0.77.0/24', 30, 'AS64501')])).toHaveLength(2);
  });

  test('is not joined where nothing but new servers is seen', () => {
    expect(mailed([newcomer(OLD, 'low'), newcomer(NEXT, 'medium')])).toHaveLength(2);
  });
});

describe('a stranger at our hoster, in what the analyzer stores', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
    await f.t.db.query(
      `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, looked_up_at, asn, owner)
       select a::inet, '2026-01-01', '2026-05-29', 'dd7.kasserver.com', true, 'kasserver.com', now(), 34788, 'A hoster'
         from unnest($1::text[]) a`,
      [['192.0.2.7', '198.51.100.7']],
    );
  });
  afterEach(() => f.close());
  const unsigned = (source: string, from: number, to: number, n: number) => span(from, to, 'spf', n, REPORTERS, { source });

  test('is mailed once, also where the reports of a day are of one of its networks', async () => {
    const ours = span(41, 0, 'both', 100, REPORTERS, { source: OLD });
    await f.put([...ours, ...unsigned(OLD, 2, 0, 20), ...unsigned(NEXT, 6, 6, 1)]);
    await f.analyze();
    await f.put(unsigned(NEXT, 5, 0, 20), { work: false });
    await f.t.db.query('insert into ruawatch.analysis_work (domain, source) values ($1, $2)', [DOMAIN, OLD]);
    await f.analyze();
    const found = await f.findings();
    const owners = found.map(({ evidence }) => (evidence.facts as { owner?: string }).owner);
    expect(found.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([`unauthorized_source ${OLD}`, `new_source ${NEXT}`]);
    expect(new Set(owners)).toEqual(new Set(['AS34788']));
    expect((await f.events()).filter(({ notify, event }) => notify && event === 'opened').map(({ kind }) => kind)).toEqual([
      'unauthorized_source',
    ]);
  });
});

test('which invented neighbors are quiet is as it was', () => expectLives('hoster'));

import { examineSender } from '../../../services/analyzer/rules/authentication_regression.ts';
import { BrokenSenders } from '../../../services/analyzer/rules/broken_senders.ts';
import { examineUnits, type Unit, unitsToRead } from '../../../services/analyzer/senders/broken-units.ts';
import type { Catalogue } from '../../../services/analyzer/senders/catalogue.ts';
import { unalignedTogether, unalignedToRead } from '../../../services/analyzer/senders/unaligned-units.ts';
import type { SenderData } from '../../../services/analyzer/senders/units.ts';
import { sourcesOf, whoOf } from '../../../services/analyzer/senders/who.ts';
import { SenderWindows } from '../../../services/analyzer/senders/windows.ts';
import type { KeyUse, SeenSource } from '../../../services/store/analysis/senders.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import type { KnownFinding } from '../../../services/store/findings/findings.ts';
import type { ListEntry } from '../../../services/store/sources/sender-list.ts';
import { expectLines } from '../expect-lines.ts';
import { Dice, inventedFile, inventedService } from '../invented.ts';
import { ago, DOMAIN, merged, REPORTERS, row, senderData, sourceWindow, TODAY } from '../rows.ts';
import { SEEDS } from './invented-seeds.ts';

type Life = (seed: number) => unknown;

const network = (n: number) => `198.51.${n}.0/24`;

/** A source as the table has it: what its mail lacks of late, and what it lacked before. */
function inventedSeen(dice: Dice, source: string, turn: number): SeenSource {
  const n = dice.of([1, 2, 4, 5, 10, 40]);
  const lacks = () => dice.of([0, 0, 0, 0.1, 0.5, 1]);
  const parts = [lacks(), lacks(), lacks()] as const;
  const lacking = (messages: number, some: readonly number[]) => ({
    ...(dice.chance(0.95) && { failing: Math.round(messages * some[0]!) }),
    ...(dice.chance(0.95) && { unsigned: Math.round(messages * some[1]!) }),
    errors: Math.round(messages * some[2]!),
  });
  const recent = Array.from({ length: 14 }, (_, i) => 13 - i)
    .filter(() => dice.chance(0.7))
    .map((age) => ({ day: ago(age), messages: n, delivered: n - 1, ...lacking(n, age <= turn ? parts : [0, 0, 0]) }));
  const earlier = dice.of([0, 1, 4, 5, 50, 400]);
  const before = { messages: earlier, failing: 0, unsigned: 0, ...lacking(earlier, [lacks(), lacks(), lacks()]) };
  const messages = 10 * n + dice.of([0, 0, 1]);
  return {
    ...senderData(source, []).sources[0]!,
    identified_by: dice.of([null, 'asn', 'asn', 'reverse_name', 'dkim']),
    grouped_as: dice.of([null, 'AS64500', 'AS64501']),
    class: dice.of([null, 'authorized', 'authorized', 'forwarded']),
    messages,
    passed: Math.round(messages * dice.of([0, 0.79, 0.8, 0.8, 1, 1])),
    recent,
    ...(dice.chance(0.9) && { before }),
  };
}

function inventedSenders(dice: Dice): SenderData[] {
  const turn = dice.of([0, 1, 2, 5, 9]);
  let next = 0;
  return Array.from({ length: dice.int(1, 5) }, () => {
    const own = Array.from({ length: dice.of([1, 1, 2, 4]) }, () => inventedSeen(dice, network(next++), turn));
    const alone = own.length === 1 && dice.chance(0.8);
    return senderData(alone ? own[0]!.source : `sender${next}.example`, [], { sources: own });
  });
}

/** Which sources are worth judging together. */
const units: Life = (seed) => {
  const dice = new Dice(seed);
  const senders = inventedSenders(dice);
  return unitsToRead(senders, new Set(dice.chance(0.1) ? [network(1)] : []));
};

const PASSING = ['both', 'dkim', 'spf'] as const;
const FAILING = ['unauthenticated', 'foreign', 'foreignSpf', 'list'] as const;

/** The mail of the sources of one sender: much or little, which passes until a day, and perhaps again. */
function inventedUnit(dice: Dice): { unit: Unit; until: number } {
  const turn = dice.of([3, 4, 5, 6, 8]);
  const until = dice.of([0, 0, 1, 2, 3]);
  const [passing, failing] = [dice.of(PASSING), dice.of(FAILING)];
  const how = dice.of(['fails', 'fails', 'fails', 'unsigned', 'errors'] as const);
  const [lingers, listed] = [dice.of([0, 0, 0.2, 0.5]), dice.of([0, 0, 0, 0.5, 1])];
  const sources = Array.from({ length: dice.of([1, 2, 3, 5, 7]) }, (_, i) => network(i));
  const rows = sources.flatMap((source, i): SourceDay[] => {
    const n = dice.of([1, 1, 1, 2, 20]);
    const breaks = dice.chance(0.9);
    const step = dice.of([1, 2]);
    const least = dice.chance(0.9) ? until : turn + 1;
    return Array.from({ length: 42 }, (_, age) => age)
      .filter((age) => (age + i) % step === 0)
      .map((age) => {
        const extra = { source, reporter: REPORTERS[(age + i) % dice.of([1, 3])]! };
        if (!breaks || age > turn || (age < least && !dice.chance(lingers)))
          return row(ago(age), how === 'fails' ? passing : 'both', n, extra);
        if (how === 'unsigned') return row(ago(age), 'spf', n, { ...extra, dkim_broken: n });
        if (how === 'errors') return row(ago(age), 'dkim', n, { ...extra, spf_permerror: n });
        return row(ago(age), failing, n, { ...extra, failed_list: Math.round(n * listed) });
      });
  });
  const unit = { key: 'unit.example', sources: [...sources, ...(dice.chance(0.2) ? [network(99)] : [])], rows: merged(rows) };
  return { unit, until };
}

const DENIED = { verdict: 'denied' } as ListEntry;

/** What the sources of a sender show together, after each was examined by itself; and some days before. */
const together: Life = (seed) => {
  const dice = new Dice(seed);
  const { unit, until } = inventedUnit(dice);
  const [denied, approved] = [dice.chance(0.1), dice.chance(0.1)];
  const found = (rows: readonly SourceDay[], known: KnownFinding[]) => {
    const senders = new BrokenSenders(DOMAIN, TODAY, known);
    const all = sourceWindow(rows, { known });
    const windowOf = (source: string) => ({
      ...all,
      source,
      rows: rows.filter((one) => one.source === source),
      listed: source === network(0) ? (denied ? DENIED : approved ? ({ verdict: 'approved' } as ListEntry) : null) : null,
    });
    for (const source of unit.sources) examineSender(senders, windowOf(source));
    examineUnits(senders, [{ ...unit, rows }], { level: dice.of([all.level, all.level, 1e-9]), known, windowOf });
    return senders.candidates('p=reject');
  };
  const now = found(unit.rows, []);
  const before = found(
    unit.rows.filter(({ day }) => day <= ago(Math.max(1, until))),
    [],
  );
  const file = before.map((one) => inventedFile(one, seed));
  const short = (all: ReturnType<typeof found>) =>
    all.map(({ severity, evidence: { broken, mended, messages, of } }) => ({
      severity,
      messages,
      of,
      broken: broken?.map(({ reporters: _, ...one }) => Object.values(one)),
      mended,
    }));
  return {
    now: short(now),
    ...(file.length > 0 && { states: file.map(({ state }) => state), later: short(found(unit.rows, file)) }),
  };
};

const SERVICES = ['crm', 'bulk', 'forwarder', 'mailing_list', 'security_gateway', 'mailbox_provider'] as const;

/** What the sources of a sender that is not set up bring together. */
const unaligned: Life = (seed) => {
  const dice = new Dice(seed);
  const service = {
    ...inventedService(dice.of(SERVICES)),
    dkim_domains: ['a.example', 'b.example'],
    spf_domains: ['b.example', 'c.example'],
  };
  const named = ['a.example', 'b.example', 'c.example'];
  const byName = new Map([...named, 'customer.example'].map((name) => [name, service]));
  const catalogue: Catalogue = { senders: new Map([[service.id, service]]), dkim: byName, spf: byName, reverse: new Map() };
  const sources = [...named, 'customer.example', network(1), 'stranger.example'].filter(() => dice.chance(0.7));
  const senders = sources.map((source) =>
    senderData(source, [], { sources: [{ ...inventedSeen(dice, source, 3), passed: dice.of([0, 0, 1, 8, 400]) }] }),
  );
  const ownServers = [3, 1, 2].map(network).slice(0, dice.int(0, 3));
  const outgrown = new Map([4, 5].slice(0, dice.int(0, 2)).map((n) => [network(n), dice.of([service, inventedService('crm')])]));
  const read = unalignedToRead(senders, { ownServers, outgrown }, catalogue);
  const n = dice.of([1, 1, 2, 3, 30]);
  const kind = dice.of(['foreign', 'foreign', 'unauthenticated', 'foreignSpf'] as const);
  const since = dice.of([1, 3, 6, 9, 20]);
  const passing = dice.chance(0.3) ? dice.of(read.flatMap((unit) => unit.sources)) : null;
  const rows = read
    .flatMap((unit) => unit.sources)
    .flatMap((source) =>
      Array.from({ length: since }, (_, age) =>
        row(ago(age), dice.chance(0.9) && source !== passing ? kind : 'both', n, {
          source,
          reporter: dice.of(REPORTERS.slice(0, 2)),
          signing_domain: null,
        }),
      ),
    );
  const of = read.map((unit) => ({ ...unit, rows: merged(rows.filter(({ source }) => unit.sources.includes(source))) }));
  const [broken, listed, strays] = [dice.chance(0.15), dice.chance(0.1), dice.of([null, 0])];
  const windowOf = (source: string) => {
    const one = sourceWindow(merged(rows), { known: [] });
    const own = { sender: source.endsWith('.example') ? service : null, own: ownServers.includes(source) };
    return {
      ...one,
      ...own,
      source,
      rows: [],
      strays,
      outgrown: outgrown.get(source) ?? null,
      broken: broken && source === sources[0],
      listed: listed && source === sources.at(-1) ? DENIED : null,
    };
  };
  const found = unalignedTogether(of, [], { known: [], windowOf });
  const file = found.map((one) => ({
    ...inventedFile(one, seed),
    ...(dice.chance(0.3) && { evidence: { ...one.evidence, who: one.evidence.who.slice(0, 1) } }),
  }));
  const alone = found.slice(0, 1).map((one) => ({ ...one, subject: of[0]!.sources.at(-1)! }));
  const short = (all: typeof found) =>
    all.map(({ subject, severity, evidence: { who, senders: some, messages, of: whole, query } }) => [
      subject,
      severity,
      who.map((one) => [one.source, one.messages]),
      some,
      messages,
      whole,
      query.length,
    ]);
  return {
    read,
    found: short(found),
    later: short(unalignedTogether(of, [], { known: file, windowOf })),
    beside: short(unalignedTogether(of, alone, { known: dice.chance(0.5) ? file : [], windowOf })),
  };
};

/** The windows of senders. */
const windows: Life = (seed) => {
  const dice = new Dice(seed);
  const senders = inventedSenders(dice).map((one): SenderData => {
    const { source } = one.sources[0]!;
    const rows = dice.chance(0.6) ? [row(TODAY, 'both', 4, { source: one.key })] : [];
    const firstSeen = dice.of([null, ago(29), ago(30), '2026-01-01']);
    const sources = one.sources.map((each) => ({ ...each, passed: dice.of([0, 0, 1, 9, 10, 11, 19, 20, 300]) }));
    return { ...one, rows, firstSeen, sources, service: dice.chance(0.3) ? inventedService('crm') : null, name: `The ${source}` };
  });
  const all = senders.flatMap(({ sources }) => sources.map(({ source }) => source));
  const entry = (source: string): ListEntry => ({
    entry_key: 1,
    domain: dice.of([DOMAIN, '*']),
    source: dice.chance(0.2) ? 'crm-service' : source,
    is_service: dice.chance(0.2),
    verdict: dice.of(['approved', 'approved', 'denied']),
    by_name: 'Ada',
    why: 'our shop',
    since: new Date('2026-05-01T00:00:00Z'),
    until: null,
  });
  const keyUses = all.flatMap((source): KeyUse[] =>
    ['k1', 'k2', 'k3', 'k4']
      .slice(0, dice.int(0, 4))
      .map((key) => ({ source, key, passed: dice.of([5, 40]), recent: 5, first_day: ago(41), last_day: ago(0) })),
  );
  const mixed = dice.chance(0.1);
  const given = new SenderWindows(
    {
      today: TODAY,
      budget: { perMonth: 1, kinds: 8 },
      senderList: dice.chance(0.6) ? all.filter(() => dice.chance(0.7)).map(entry) : [],
      borrowed: new Map(all.filter(() => dice.chance(0.6)).map((source) => [source, dice.of([0, 0.2, 1])])),
      keyUses,
      known: [],
      windowOf: (source) => sourceWindow([], { source, mixed }),
    },
    senders,
  );
  const short = (one: ReturnType<SenderWindows['of']>) => [
    one.source,
    one.level,
    one.onceLevel,
    one.rows.length,
    one.firstSeen,
    one.sender?.id,
    one.listed?.verdict,
    one.listed?.domain,
    String(one.borrowed),
    one.mixed,
    one.of.name,
    one.senders.length,
    one.keyUses.length,
  ];
  return {
    all: given.all.map(({ source }) => source),
    windows: given.windows.map(short),
    of: [...all, ...senders.map(({ key }) => key), 'gone.example'].map((subject) => given.of(subject).of.name),
    gone: [...short(given.of('gone.example')), given.of('gone.example').of],
  };
};

/** Who sends for a sender on some days, and which sources its query names. */
const who: Life = (seed) => {
  const dice = new Dice(seed);
  const count = dice.of([1, 3, 20, 21]);
  const one = senderData('sender.example', [], {
    sources: Array.from({ length: count }, (_, i) => inventedSeen(dice, network(i), 5)),
  });
  const [from, to] = [ago(dice.int(8, 13)), ago(dice.int(0, 7))];
  const short = (passing?: boolean) => {
    const { who: told, senders } = whoOf(one, from, to, passing);
    return [senders, ...told.map(({ source, messages, delivered }) => `${source} ${messages} ${delivered}`)];
  };
  return { sent: short(), passing: short(true), named: Object.values(sourcesOf(one)).map((sources) => sources?.length) };
};

const LIVES: Readonly<Record<string, Life>> = { units, together, unaligned, windows, who };

/** As a line: numbers to six digits. */
const lineOf = (seed: number, said: unknown): string =>
  `${seed}: ${JSON.stringify(said, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value))}`;

/** Holds what is said of invented units of sources against the golden file of that name. */
export const expectUnits = (name: string): Promise<void> =>
  expectLines(import.meta.filename, name, SEEDS[name] ?? [], (seed) => lineOf(seed, LIVES[name]!(seed)));

import type { Ending } from '../../findings/end-reasons.ts';
import { addDays } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import type { SeenSource } from '../../store/analysis/senders.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import { type MainKey, mainKeyOf, signsForOwners } from '../senders/keys.ts';
import { bringsMore, mayReplace, predecessorOf } from '../senders/moves.ts';
import { isAligned } from '../senders/units.ts';
import { sourcesOf, whoOf } from '../senders/who.ts';
import { forwardingOdds } from '../sources/forwarding.ts';
import { passesOn } from '../sources/identity.ts';
import { ownerOf } from '../sources/owner.ts';
import { certainty, wilson, witnesses } from '../statistics/confidence.ts';
import type { SenderRule } from './rule.ts';
import { DOMAIN_DAYS } from './silence.ts';
import {
  type Counts,
  coveredDays,
  coveredRows,
  isEvidence,
  openOfSender,
  passedBy,
  reportersOf,
  rounded,
  type SenderWindow,
  type SourceWindow,
  saidToForward,
  settledOfSender,
  signerOf,
  total,
} from './window.ts';

const KIND = 'new_source';
/** How likely it is that it passes on mail of others after all, when nothing shows it. */
const FORWARDER = 0.1;
/** So many days the domain must have been reported on before, that "never seen" says something. */
export const HISTORY = 21;
/** Messages that pass before it is worth a word. */
export const LEAST = 20;
/** SPF aligns for no more than this part of what passes by the signature alone. */
const SPF_STRAY = 0.01;
/**
 * This part of the domain's mail is more than forwarders pass on, but for one in twenty: worth that in log
 * odds.
 */
const LARGE = 0.03;
const LARGE_ODDS = 3;
/**
 * Of what it passes on a forwarder breaks so many signatures, and this part; then it may bring this part of
 * the domain's mail.
 */
const BROKEN = 2;
const BROKEN_PART = 0.02;
const LARGE_BROKEN = 0.1;
/**
 * So much of what it signs uses a selector that older sources sign with as well, and it is passed on; so
 * little, and it has a key of its own.
 */
const PASSED_ON = 0.5;
const OWN_KEY = 0.1;
/** This part of its mail passes SPF too. */
const MOSTLY = 0.8;
/** Messages from which on what may be an attack is not waited with. */
const GRAVE = 100;
/** Covered days after the first until a sender is called new; more for a service, as teams move slowly. */
const RIPE = 2;
const RIPE_SERVICE = 4;
/**
 * And so many for another network of a hoster that mail of the domain has come from for days, while it adds
 * none.
 */
const RIPE_KIN = 6;
const KIN_DAYS = 10;
/**
 * One more network is no news of an owner of whose networks so many have passed by SPF for so many days: the
 * domain's record admits them as a whole. But for one that brings more than this part of what they bring, or
 * where all that are as new bring more than that part.
 */
const MANY_KIN = 5;
const STANDING_DAYS = HISTORY;
const PART_OF_KIN = 0.1;
const PART_OF_KIN_TOGETHER = 0.5;
/** Mail of which no more than this part is signed passes by SPF alone. */
const SIGNED_STRAY = 0.1;
/** And so many for a service that may yet turn out to take the place of another. */
const RIPE_REPLACEMENT = 9;
/** A service that is warmed up brings so many times more in the last third of its days than in the first. */
const GROWTH = 2;
/** A forwarder brings less than this part of what those bring whose key signed its mail. */
const PART_PASSED_ON = 0.5;
/** Days after which a source is new no more. */
export const NEWS = 14;
/** The first day of those on which a source may be new. @param today newest day */
export const newsSince = (today: string): string => addDays(today, 1 - NEWS);

/**
 * A source never seen before whose mail passes DMARC: a new service that somebody set up, or somebody with a
 * stolen credential, or with a place in a network that the SPF record allows as a whole. Nothing in the
 * reports distinguishes these; a person knows at once.
 *
 * Not for forwarders, which come and go as mailboxes are redirected: they pass by the signature alone, that
 * of the author, and what they pass on ends at one receiver. Nor for what a person has approved.
 */
export const newSource: SenderRule = {
  kind: KIND,
  scope: 'sender',
  severity: ['info', 'low', 'medium'],
  tested: true,
  find,
  over,
};

function find(window: SenderWindow): Candidate[] {
  const { domain, source, of: sender } = window;
  if (window.listed !== null || window.rows.length === 0) return [];
  const first = window.rows.map((row) => row.day).sort()[0]!;
  const open = openOfSender(window, KIND);
  if (open ? isPart(open, window) : !isNew(window, first)) return [];
  // On a day reported in part, most of the source's mail may be missing too.
  const rows = open ? window.rows : coveredRows(window);
  const sum = total(rows);
  if (sum.passed < LEAST || sum.passed < 0.8 * sum.messages || saidToForward(sum) || forwards(window)) return [];
  const key = mainKeyOf(sender, first, window);
  if (!open && (isOfOld(window, key, first) || isOneOfMany(window, first) || !isRipe(window, key, first))) return [];
  const passedOn = mayPassOn(sum, key, first);
  const told = open?.evidence.facts;
  // As an open finding grows older, the window no longer shows who signed with the key before it.
  const kept = key === null && open && told?.rule === KIND && told.key ? { severity: open.severity, key: told.key } : null;
  const owner = ownerIn(window, open);
  const scattered = forwardingOdds(window.rows, window.reporterDays) < 0;
  const reporters = reportersOf(rows);
  const dayList = [...new Set(rows.map((row) => row.day))].sort();
  if (!open && !isEvidence({ messages: sum.passed, reporters, days: dayList.length }, window.domainDays)) return [];

  const last_day = dayList.at(-1)!;
  const of = window.domainDays.reduce((n, day) => n + (day.day >= first ? day.messages : 0), 0);
  return [
    {
      kind: KIND,
      subject: open?.subject ?? source,
      severity:
        kept?.severity ??
        (!open && isWarmUp(window, key, first) ? 'info' : passedOn && !scattered ? 'low' : severityOf(window, sum, of, key)),
      confidence: certainty({ otherwise: FORWARDER, witnesses: witnesses(rows) }),
      first_day: first,
      last_day,
      evidence: {
        ...whoOf(sender, first, last_day, true),
        messages: sum.passed,
        of: Math.max(of, sum.passed),
        share: sum.passed / Math.max(1, of, sum.passed),
        per_day: sum.passed / dayList.length,
        since: first,
        last_day,
        reporters,
        usual: 0,
        ...fatesOfPassed(sum),
        facts: {
          rule: KIND,
          by: passedBy(sum),
          service: window.sender?.name ?? null,
          name: sender.name,
          signer: signerOf(rows),
          ...(owner !== null && { owner }),
          key: kept?.key ?? keyFacts(window, key, first),
          ...(passedOn && { passed_on: true, scattered }),
        },
        query: recordsQuery({ domain, ...sourcesOf(sender), from: first, to: last_day, rows: 'all' }),
      },
    },
  ];
}

/** Of a source that the work does not name, no owner is looked up; the one in the open finding holds. */
function ownerIn({ owner, of }: SenderWindow, open: KnownFinding | undefined) {
  const told = open?.evidence.facts;
  const [one] = of.sources;
  return owner ?? (told?.rule === KIND ? told.owner : null) ?? (one && ownerOf(one)) ?? null;
}

/** Whether a source began lately, after the domain has been watched for long enough to know. */
function isNew(window: SenderWindow, first: string): boolean {
  if (first < newsSince(window.today) || settledOfSender(window, KIND) !== '') return false;
  if (window.firstSeen !== null && window.firstSeen < first) return false;
  return window.attendance.first !== '' && window.attendance.first <= addDays(first, -HISTORY);
}

/** What became of the mail that passed: that of the mail which fails beside it is left out. */
const fatesOfPassed = ({ passed, delivered, quarantined, rejected }: Counts) => ({
  delivered: Math.min(delivered, passed),
  quarantined: Math.min(quarantined, Math.max(0, passed - delivered)),
  rejected: Math.min(rejected, Math.max(0, passed - delivered - quarantined)),
});

/**
 * Resolved when it has been there so long that it is known, or when it has sent nothing for as long as the
 * rule looks back.
 */
function over(finding: KnownFinding, window: SenderWindow): Ending | null {
  if (window.listed !== null) return { reason: 'listed' };
  if (isPart(finding, window)) return { reason: 'joined', sender: window.of.name };
  return endOfNews(finding, window);
}

/**
 * Why what was new is over: it has been there for long, or has sent nothing for as long as the rules look
 * back.
 */
export function endOfNews(
  { first_day, last_day }: KnownFinding,
  { today, domainDays }: Pick<SourceWindow, 'today' | 'domainDays'>,
): Ending | null {
  if (addDays(first_day, 2 * NEWS) <= today) return { reason: 'no_longer_new', days: 2 * NEWS };
  return domainDays.filter(({ day }) => day > last_day).length >= DOMAIN_DAYS ? { reason: 'no_mail', days: DOMAIN_DAYS } : null;
}

/** Whether what was new by itself has since been named as a part of a sender that was there before. */
function isPart({ subject, first_day }: KnownFinding, { source, firstSeen }: SenderWindow): boolean {
  return subject !== source && firstSeen !== null && firstSeen < first_day;
}

/**
 * Whether a source that passes by the signature alone is a forwarder, as far as can be seen. By whose keys it
 * signs with, where reports name the selector (those of several authors, whatever its share; those of older
 * sources, or of a sender who sends far more with them, if it is small); else, and of a
 * source too large to be one, by where its mail ends: it is none when a forwarder's mail had no more than the
 * chance `onceLevel` to look so unlike a forwarder's, ever.
 */
function forwards(window: SenderWindow): boolean {
  const sum = total(window.rows);
  if (passesOn(window.sender)) return true;
  if (sum.spf_aligned > SPF_STRAY * sum.messages) return false;
  const days = new Set(window.rows.map((row) => row.day));
  const of = window.reporterDays.reduce((n, row) => n + (days.has(row.day) ? row.messages : 0), 0);
  // By more than chance: of little mail a forwarder's share strays, and it is looked at every day.
  const large = wilson(sum.messages, of) >= LARGE;
  const owned = signsForOwners(window.of, window);
  if (window.borrowed !== null && window.borrowed <= OWN_KEY && !owned) return false;
  if (window.mixed) return true;
  const passedOn = owned || (window.borrowed !== null && window.borrowed >= PASSED_ON);
  if (passedOn && (!large || breaksSome(sum, of))) return true;
  return forwardingOdds(window.rows, window.reporterDays) > Math.log(window.onceLevel) + (large ? LARGE_ODDS : 0);
}

/**
 * Whether some of it has signatures of ours that are broken, as on the way through whoever tags a subject:
 * who has the key breaks none, and whoever breaks some on purpose still gets no further than this part of the
 * mail.
 */
function breaksSome({ messages, failed_signed }: Counts, of: number): boolean {
  return failed_signed >= BROKEN && failed_signed >= BROKEN_PART * messages && wilson(messages, of) < LARGE_BROKEN;
}

/**
 * Whether what is new is a sender of old: its key from a network that the SPF record admits, or in its place.
 */
function isOfOld(window: SenderWindow, key: MainKey | null, first: string): boolean {
  const { passed, spf_aligned } = total(window.rows);
  if (bearsOldKey(key) && spf_aligned >= MOSTLY * passed) return true;
  // Whoever signed with the key before has sent nothing since.
  if (bearsOldKey(key) && key!.others.every(({ last_day }) => last_day <= addDays(first, 1))) return true;
  return predecessorOf(window, first) !== null;
}

function bearsOldKey(key: MainKey | null): boolean {
  return key !== null && key.age === 'old' && key.share >= PASSED_ON;
}

/** A key of somebody who still signs with it: it may have been stolen. */
function isShared(key: MainKey | null, first: string): boolean {
  return bearsOldKey(key) && key!.others.some(({ last_day }) => last_day > addDays(first, 1));
}

/**
 * Whether a new forwarder of one author's mail would look the same as a copied key: it has the key of
 * somebody who goes on with it, passes by nothing else, and brings less than half as much mail, as a
 * forwarder passes on a part.
 */
function mayPassOn({ messages, spf_aligned }: Counts, key: MainKey | null, first: string): boolean {
  return key !== null && isShared(key, first) && spf_aligned <= SPF_STRAY * messages && key.part < PART_PASSED_ON;
}

/**
 * Whether enough days have passed to say that it is new: most new networks are named within minutes, and many
 * belong to a sender that is known; and what a new sender takes the place of falls in the days after.
 */
function isRipe(window: SenderWindow, key: MainKey | null, first: string): boolean {
  if (window.of.unnamed) return false;
  const sum = total(window.rows);
  const spfAlone = sum.dkim_aligned === 0 && window.sender === null;
  const kin = spfAlone && joinsKin(window, first);
  if (((spfAlone && !kin) || isShared(key, first)) && sum.passed >= GRAVE) return true;
  const after = coveredDays(window).filter(({ day }) => day > first).length;
  if (kin) return after >= RIPE_KIN;
  if (window.sender === null || sum.dkim_aligned === 0) return after >= RIPE;
  if (after < RIPE_SERVICE) return false;
  return after >= RIPE_REPLACEMENT || bearsOldKey(key) || !mayReplace(window, first);
}

/**
 * Whether a service that signs with a key of its own brings ever more, as one does whose addresses are to
 * earn a name before it takes the place of another: it is recorded, and that it has moved is reported when
 * the other has fallen.
 */
function isWarmUp(window: SenderWindow, key: MainKey | null, first: string): boolean {
  if (window.sender === null || key?.age !== 'new' || !mayReplace(window, first)) return false;
  const days = new Map<string, number>();
  for (const { day, messages } of coveredRows(window)) days.set(day, (days.get(day) ?? 0) + messages);
  const sums = [...days].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, messages]) => messages);
  const sum = (some: number[]) => some.reduce((n, one) => n + one, 0);
  const third = Math.floor(sums.length / 3);
  return third > 0 && sum(sums.slice(-third)) >= GROWTH * sum(sums.slice(0, third));
}

/**
 * Whether mail of the domain has long come from other networks of the same hoster, and what is new brings no
 * mail on top of theirs: its relays move together, and strangers rent there too.
 */
function joinsKin(window: SenderWindow, first: string): boolean {
  const [newcomer] = window.of.sources;
  const hoster = newcomer === undefined ? null : hosterOf(newcomer);
  if (hoster === null) return false;
  const kin = window.senders.filter(({ sources }) =>
    sources.some((one) => one.first_day <= addDays(first, -KIN_DAYS) && isAligned(one) && hosterOf(one) === hoster),
  );
  return kin.length > 0 && !bringsMore(window, first, new Set(kin.map(({ key }) => key)));
}

/**
 * Whether it is one more of many networks of one owner that have long passed by SPF alone, as a campus has
 * hundreds of which every day another sends for the first time, and brings next to nothing beside them.
 */
function isOneOfMany(window: SenderWindow, first: string): boolean {
  const [newcomer] = window.of.sources;
  const owner = newcomer === undefined || window.sender !== null ? null : hosterOf(newcomer);
  const bySpf = ({ passed, dkim_aligned }: Counts | SeenSource) => dkim_aligned <= SIGNED_STRAY * passed;
  if (owner === null || !bySpf(total(window.rows))) return false;
  const theirs = window.senders.flatMap(({ sources }) => sources).filter((one) => isAligned(one) && hosterOf(one) === owner);
  const since = (some: readonly SeenSource[]) =>
    some.flatMap(({ recent }) => recent).reduce((n, { day, messages }) => n + (day >= first ? messages : 0), 0);
  const old = theirs.filter((one) => bySpf(one) && one.first_day <= addDays(first, -STANDING_DAYS));
  const young = theirs.filter(({ first_day }) => first_day >= newsSince(window.today));
  if (old.length < MANY_KIN) return false;
  return since(window.of.sources) <= PART_OF_KIN * since(old) && since(young) <= PART_OF_KIN_TOGETHER * since(old);
}

/** Whose network it is; null of who passes on mail of others, who has no kin. */
function hosterOf(source: SeenSource): string | null {
  return source.class === 'forwarded' ? null : ownerOf(source);
}

/** @param first first day of the sender */
function keyFacts({ senders }: SenderWindow, key: MainKey | null, first: string) {
  if (key === null) return null;
  const nameOf = new Map(senders.map((one) => [one.key, one.name]));
  const still = key.others.filter(({ last_day }) => last_day > first).slice(0, 3);
  return {
    name: key.name,
    age: key.age,
    carries: rounded(key.carries),
    others: still.map(({ sender }) => nameOf.get(sender) ?? sender),
  };
}

/**
 * A stolen credential hurts more than a newsletter nobody announced; a source that the catalogue does not
 * know is more likely to be one. Whoever published a key in the domain's DNS is no thief of another.
 */
function severityOf({ sender }: SenderWindow, { passed, dkim_aligned }: Counts, of: number, key: MainKey | null): Severity {
  if (passed < GRAVE || sender !== null || key?.age === 'new') return 'low';
  return dkim_aligned === 0 || passed >= 0.1 * of ? 'medium' : 'low';
}

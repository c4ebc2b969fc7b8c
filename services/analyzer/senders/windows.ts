import { addDays } from '../../shared/days.ts';
import type { KeyUse } from '../../store/analysis/senders.ts';
import type { KnownFinding } from '../../store/findings/findings.ts';
import type { ListEntry } from '../../store/sources/sender-list.ts';
import type { SenderWindow, SourceWindow } from '../rules/window.ts';
import { carriesMix } from '../sources/mix.ts';
import { type Budget, levelOf, onceLevelOf } from '../statistics/budget.ts';
import { entryOf } from './load.ts';
import type { SenderData } from './units.ts';

/** A sender with fewer passing messages in the window is not tested. */
const TESTED = 20;
/** A sender that was first seen within so many days is a newcomer. */
const NEWCOMER_DAYS = 30;

/** What the windows of senders are made of, beside the senders. */
interface Given {
  today: string;
  budget: Budget;
  senderList: readonly ListEntry[];
  /** Of sources, as in SourceWindow.borrowed. */
  borrowed: ReadonlyMap<string, number>;
  keyUses: readonly KeyUse[];
  /** What is on file and may affect what is found. */
  known: readonly KnownFinding[];
  /** The window of a source. */
  windowOf(source: string): SourceWindow;
}

/** The windows of the senders of a domain, each once. */
export class SenderWindows {
  /** Those with rows: what is new, or rises, or was mailed about. */
  readonly all: readonly SenderWindow[];
  /** Of all senders. */
  readonly windows: readonly SenderWindow[];
  readonly #given: Given;
  readonly #senders: readonly SenderData[];
  readonly #byName = new Map<string, SenderWindow>();

  constructor(given: Given, senders: readonly SenderData[]) {
    this.#given = given;
    this.#senders = senders;
    const tested = senders.filter(({ sources }) => sources.reduce((n, { passed }) => n + passed, 0) >= TESTED);
    const since = addDays(given.today, -NEWCOMER_DAYS);
    const newcomers = tested.filter(({ firstSeen }) => firstSeen !== null && firstSeen > since);
    const level = levelOf(given.budget, tested.length);
    const onceLevel = onceLevelOf(given.budget, newcomers.length);
    const windows = senders.map((sender) => ({ ...this.#windowOf(sender), level, onceLevel }));
    this.windows = windows;
    this.all = windows.filter(({ rows }) => rows.length > 0);
    for (const window of windows) for (const { source } of window.of.sources) this.#byName.set(source, window);
    for (const window of windows) this.#byName.set(window.source, window);
  }

  /**
   * The window of what a finding is about: a sender, or the one that a source has become a part of. One
   * without mail in the window has no rows.
   */
  of(subject: string): SenderWindow {
    const known = this.#byName.get(subject);
    if (known !== undefined) return known;
    return this.#windowOf({
      key: subject,
      name: subject,
      service: null,
      grouped: false,
      sources: [],
      rows: [],
      unnamed: false,
      firstSeen: null,
    });
  }

  #windowOf(sender: SenderData): SenderWindow {
    const { windowOf, borrowed, known, keyUses } = this.#given;
    const window = windowOf(sender.key);
    const { service, rows, firstSeen, sources } = sender;
    return {
      ...window,
      known,
      rows,
      firstSeen,
      sender: service,
      listed: this.#entryOf(sender),
      borrowed: weighted(sources, borrowed),
      mixed: window.mixed || (rows.length > 0 && carriesMix(keyUses, new Set(sources.map(({ source }) => source)))),
      of: sender,
      senders: this.#senders,
      keyUses,
    };
  }

  /** What a person said of the sender, or the same of all its sources. */
  #entryOf({ key, service, sources }: SenderData): ListEntry | null {
    const { senderList } = this.#given;
    const entry = entryOf(senderList, key, service?.id ?? null);
    if (entry !== null || sources.length === 0) return entry;
    const entries = sources.map(({ source }) => entryOf(senderList, source, null));
    const [first] = entries;
    return entries.every((one) => one !== null && one.verdict === first?.verdict) ? (first ?? null) : null;
  }
}

/** The mean of the known values of sources, by their passing messages; null when none is known. */
function weighted(sources: SenderData['sources'], values: ReadonlyMap<string, number>): number | null {
  let sum = 0;
  let messages = 0;
  for (const { source, passed } of sources) {
    const value = values.get(source);
    if (value === undefined) continue;
    sum += value * passed;
    messages += passed;
  }
  return messages === 0 ? null : sum / messages;
}

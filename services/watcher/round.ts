import { lowerName } from '../dns/client/name.ts';
import type { Answer, AskOptions, Dns, RecordType } from '../dns/client/types.ts';
import { shownValue } from '../dns/shown-value.ts';
import { spfTree } from '../dns/spf/tree.ts';
import type { Observed, ServerAnswer, ServerState } from '../store/dns/records.ts';
import { Authorities } from './authorities.ts';
import {
  admittedHosts,
  destinationQuestions,
  includedTexts,
  isWatched,
  type KeyName,
  ownQuestions,
  type Question,
} from './names.ts';

/** Values of one answer that are kept. */
const MOST_VALUES = 20;
/** Questions of one name that are under way at once. */
const AT_ONCE = 4;
/** What the resolver is called among the servers. */
export const RESOLVER = 'resolver';

/** What a round about one domain found. */
export interface Round {
  observed: Observed[];
  servers: ServerState[];
  /** Nobody answered at all: no name server can be reached from here. */
  silent: boolean;
}

export interface RoundOptions extends AskOptions {
  keys: readonly KeyName[];
  registrable: (name: string) => string;
  /** A client of one authoritative server, asked without recursion. */
  connect: (address: string) => Dns;
}

/** Asks for all records of a domain, of its authoritative servers and of the resolver. */
export async function askRound(
  domain: string,
  dns: Dns,
  { keys, registrable, connect, ...options }: RoundOptions,
): Promise<Round> {
  const authorities = new Authorities(dns, connect, options);
  const asker = new Asker(dns, authorities, options);
  await asker.all(ownQuestions(domain, keys));
  const dmarc = asker.valuesOf(`_dmarc.${domain}`, 'TXT');
  await asker.foreign(destinationQuestions(domain, dmarc, registrable));
  await askSpf(domain, dns, asker, options);
  const zones = await authorities.all();
  const servers = zones.flatMap((zone) => zone.authorities.map(({ dns: _dns, ...state }) => state));
  return { observed: asker.observed, servers, silent: asker.silent };
}

/** The records that the SPF record includes, and the hosts that it admits itself. */
async function askSpf(domain: string, dns: Dns, asker: Asker, options: AskOptions): Promise<void> {
  const tree = await spfTree(domain, dns, options);
  for (const { name, state, texts, reason } of includedTexts(tree)) {
    const values = texts.map(shownValue).slice(0, MOST_VALUES);
    asker.add({ name, type: 'TXT', purpose: 'spf_include' }, [], [{ server: RESOLVER, state, reason, values }]);
  }
  const { exchanges, hosts } = await admittedHosts(tree, async (name) => {
    const answer = await dns.ask(name, 'MX', options);
    return answer.state === 'records' ? answer.records.map(({ exchange }) => lowerName(exchange)) : [];
  });
  await asker.foreign([
    ...exchanges.map((name): Question => ({ name, type: 'MX', purpose: 'spf_address' })),
    ...hosts.flatMap((name): Question[] => [
      { name, type: 'A', purpose: 'spf_address' },
      { name, type: 'AAAA', purpose: 'spf_address' },
    ]),
  ]);
}

class Asker {
  readonly observed: Observed[] = [];
  /** Whether no question at all was answered, and not because a server said that it cannot. */
  silent = true;
  private readonly dns: Dns;
  private readonly authorities: Authorities;
  private readonly options: AskOptions;
  private readonly asked = new Set<string>();

  constructor(dns: Dns, authorities: Authorities, options: AskOptions) {
    this.dns = dns;
    this.authorities = authorities;
    this.options = options;
  }

  /** Asks the resolver and the authoritative servers. */
  async all(questions: readonly Question[]): Promise<void> {
    await this.each(questions, (question) => this.one(question));
  }

  /** Asks the resolver alone: what others publish is not asked of their servers. */
  async foreign(questions: readonly Question[]): Promise<void> {
    await this.each(questions, async (question) => {
      const answer = await this.dns.ask(question.name, question.type, this.options);
      this.add(question, aliasesOf(answer), [this.told(RESOLVER, question, answer)]);
    });
  }

  /** The values that an answered question has. */
  valuesOf(name: string, type: string): string[] {
    const found = this.observed.find((one) => one.name === name && one.type === type);
    return found === undefined ? [] : [...new Set(found.answers.flatMap(({ values }) => values))];
  }

  add({ name, type, purpose }: Question, aliases: readonly string[], answers: ServerAnswer[]): void {
    const key = `${type} ${name}`;
    if (this.asked.has(key)) return;
    this.asked.add(key);
    this.observed.push({ name, type, purpose, aliases, answers });
  }

  private async one(question: Question): Promise<void> {
    const answer = await this.dns.ask(question.name, question.type, this.options);
    const aliases = aliasesOf(answer);
    const resolver = this.told(RESOLVER, question, answer);
    const zone = await this.authorities.of(question.name);
    // What an alias leads to is held by others; the alias is the domain's own record.
    const own: Question = aliases.length > 0 ? { ...question, type: 'CNAME' } : question;
    const told = await Promise.all(
      (zone?.authorities ?? []).map(async ({ server, dns, reason }): Promise<ServerAnswer> => {
        if (dns === null) return { server, state: 'unknown', reason, values: [] };
        return this.told(server, own, await dns.ask(own.name, own.type, this.options));
      }),
    );
    if (aliases.length === 0) return this.add(question, [], [resolver, ...told]);
    this.add(question, aliases, [resolver]);
    this.add(own, [], told);
  }

  private told(server: string, { purpose }: Question, answer: Answer): ServerAnswer {
    if (answer.state === 'unknown') {
      this.silent &&= answer.reason === 'timeout' || answer.reason === 'unreachable' || answer.reason === 'cancelled';
      return { server, state: 'unknown', reason: answer.message, values: [] };
    }
    this.silent = false;
    const values = textsOf(answer).filter((text) => isWatched(purpose, text));
    if (values.length === 0) return { server, state: 'absent', reason: null, values: [] };
    return { server, state: 'records', reason: null, values: [...new Set(values.map(shownValue))].sort().slice(0, MOST_VALUES) };
  }

  private async each(questions: readonly Question[], ask: (question: Question) => Promise<void>): Promise<void> {
    const waiting = [...questions];
    const work = async () => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await ask(one);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }
}

function aliasesOf(answer: Answer): readonly string[] {
  return answer.state === 'unknown' ? [] : answer.aliases;
}

/** The records of an answer, each as one text. */
function textsOf(answer: Answer): string[] {
  if (answer.state !== 'records') return [];
  return answer.records.map((record: Extract<Answer<RecordType>, { state: 'records' }>['records'][number]) => {
    if (typeof record === 'string') return record;
    if (Array.isArray(record)) return record.join('');
    return 'exchange' in record ? `${record.preference} ${record.exchange}` : JSON.stringify(record);
  });
}

import type { Answer, AskOptions, Dns, RecordType } from '../client/types.ts';

export interface Refusal {
  name: string;
  type: RecordType;
}

/** Hostile zones may have any number of names. */
const MOST_KEPT = 50;

/**
 * DNS that notes the queries answered SERVFAIL: what a resolver that validates answers for everything that is
 * bogus.
 */
export class Refusals implements Dns {
  readonly all: Refusal[] = [];
  private readonly dns: Dns;

  constructor(dns: Dns) {
    this.dns = dns;
  }

  async ask<T extends RecordType>(name: string, type: T, options?: AskOptions): Promise<Answer<T>> {
    const answer = await this.dns.ask(name, type, options);
    const refused = answer.state === 'unknown' && answer.reason === 'servfail' && this.all.length < MOST_KEPT;
    if (refused && !this.all.some((one) => one.name === name && one.type === type)) this.all.push({ name, type });
    return answer;
  }
}
